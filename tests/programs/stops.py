"""Runs a launcher as a shell with job control does; what it sees is asserted."""

import os
import signal
import sys

launcher = sys.argv[1:]


def start(script):
    process = os.fork()
    if process == 0:
        os.setpgid(0, 0)
        os.execv(launcher[0], [*launcher, "sh", "-c", script])
    return process


def stopped(process, number):
    _, status = os.waitpid(process, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == number, status


def ended(process, code):
    _, status = os.waitpid(process, os.WUNTRACED)
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == code, status


for name in ["STOP", "TSTP", "TTIN", "TTOU"]:
    number = getattr(signal, "SIG" + name)
    # The program stops itself, twice, and is continued by a signal to the launcher or to
    # all.
    process = start(f"kill -{name} $$; kill -{name} $$; exit 4")
    stopped(process, number)
    os.kill(process, signal.SIGCONT)
    stopped(process, number)
    os.killpg(process, signal.SIGCONT)
    ended(process, 4)
# Somebody else continues the program.
process = start("(sleep 0.3; kill -CONT $$) & kill -STOP $$; exit 5")
stopped(process, signal.SIGSTOP)
ended(process, 5)
# The launcher is told to stop, and the program does.
process = start("kill -TSTP $PPID; sleep 0.2; exit 6")
stopped(process, signal.SIGTSTP)
os.killpg(process, signal.SIGCONT)
ended(process, 6)
# A program that does not want to stop does not.
process = start("trap '' TSTP; kill -TSTP $PPID; exit 7")
ended(process, 7)
