/* What a program can see of how it was started. `prepare OUT PROGRAM...` leaves traces in
 * everything that a program inherits, and executes PROGRAM; `look` writes what it sees to
 * descriptor 7, which is OUT. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

static int prepare(char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    signal(SIGRTMIN + 3, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigaddset(&blocked, SIGRTMAX);
    sigprocmask(SIG_SETMASK, &blocked, 0);
    umask(027);
    if (nice(3) == -1) return 1;
    struct rlimit limit;
    getrlimit(RLIMIT_NPROC, &limit);
    limit.rlim_cur = limit.rlim_cur == RLIM_INFINITY ? 12345 : limit.rlim_cur - 1;
    setrlimit(RLIMIT_NPROC, &limit);
    struct itimerval alarm = {{0, 0}, {1000, 0}};
    setitimer(ITIMER_REAL, &alarm, 0);
    int out = open(arguments[0], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (dup2(out, 7) != 7) return 1;
    if (out != 7) close(out);
    dup2(2, 9);
    close(0);
    close(1);
    execvp(arguments[1], arguments + 1);
    return 1;
}

static void look(char **arguments) {
    for (int number = 1; number <= SIGRTMAX; number++) {
        struct sigaction now;
        if (sigaction(number, 0, &now) == 0 && now.sa_handler == SIG_IGN)
            dprintf(7, "ignored %d\n", number);
    }
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, 0, &blocked);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigismember(&blocked, number) == 1) dprintf(7, "blocked %d\n", number);
    /* The tracer's own descriptor lies above. */
    for (int fd = 0; fd < 900; fd++)
        if (fcntl(fd, F_GETFD) != -1) dprintf(7, "open %d\n", fd);
    dprintf(7, "umask %o\nnice %d\n", umask(0), getpriority(PRIO_PROCESS, 0));
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit;
        getrlimit(resource, &limit);
        dprintf(7, "limit %d %llu %llu\n", resource, (unsigned long long)limit.rlim_cur,
                (unsigned long long)limit.rlim_max);
    }
    struct itimerval alarm;
    getitimer(ITIMER_REAL, &alarm);
    dprintf(7, "alarm %d\n", alarm.it_value.tv_sec > 900);
    dprintf(7, "group %d session %d terminal %d\n", getpgrp(), getsid(0), tcgetpgrp(2));
    for (; *arguments; arguments++) dprintf(7, "argument %s\n", *arguments);
    static const char *const own[] = {"LD_PRELOAD=", "TRACEFILE=", "IDEALLOC_"};
    for (char **entry = environ; *entry; entry++) {
        int is_own = 0;
        for (int i = 0; i < 3; i++) is_own |= strncmp(*entry, own[i], strlen(own[i])) == 0;
        if (!is_own) dprintf(7, "environment %s\n", *entry);
    }
}

int main(int count, char **arguments) {
    if (count > 3 && strcmp(arguments[1], "prepare") == 0) return prepare(arguments + 2);
    look(arguments);
    return 6;
}
