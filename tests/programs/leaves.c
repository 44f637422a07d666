/* Leaves malloc and free by jumps out of a signal handler, a hundred times, where that harms
 * nobody but a tracer: in code of a library preloaded. Then allocates so often that its trace
 * has some hundred MiB; says how many KiB are resident. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

static sigjmp_buf start;
static volatile int left;
static void *volatile block;

static void leave(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)information;
    static int looked;
#ifdef __x86_64__
    void *at = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#else
    void *at = (void *)((ucontext_t *)context)->uc_mcontext.pc;
#endif
    Dl_info object;
    if (looked++ > 5000)
        left = 100;
    else if (dladdr(at, &object) && strstr(object.dli_fname, "libuncore")) {
        left++;
        siglongjmp(start, 1);
    }
}

int main(int argc, char **argv) {
    struct itimerval timer = {{0, 300}, {0, 300}};
    struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &action, NULL);
    sigsetjmp(start, 1);
    if (!left)
        setitimer(ITIMER_REAL, &timer, NULL);
    while (left < 100) {
        block = malloc(32);
        free(block);
    }
    memset(&timer, 0, sizeof timer);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (long i = argc > 1 ? atol(argv[1]) : 0; i > 0; i--) {
        block = malloc(32);
        free(block);
    }
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmRSS:", 6))
            fputs(line, stdout);
    return 0;
}
