/* Handles SIGBUS in the way that the first argument names. With a second, a file of its own
 * is cut under its mapping, which faults. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static void *volatile keep;

static void plain(int signal) {
    printf("plain %d\n", signal);
    siglongjmp(back, 1);
}

static void informed(int signal, siginfo_t *info, void *context) {
    printf("informed %d %d %d\n", signal, info->si_code > 0, context != NULL);
    siglongjmp(back, 1);
}

static void print(const char *when) {
    struct sigaction now;
    sigaction(SIGBUS, NULL, &now);
    printf("%s: %s flags %x mask %d\n", when,
           now.sa_handler == SIG_DFL              ? "default"
           : now.sa_handler == SIG_IGN            ? "ignored"
           : now.sa_handler == plain              ? "plain"
           : (void *)now.sa_sigaction == informed ? "informed"
                                                  : "foreign",
           (unsigned)now.sa_flags & ~0x04000000U, sigismember(&now.sa_mask, SIGUSR1));
}

static void fault(void) {
    char name[] = "/tmp/faultsXXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    if (ftruncate(fd, 4096))
        exit(9);
    volatile char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ftruncate(fd, 0))
        exit(9);
    mapped[0] = 1;
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "", *what = argc > 2 ? argv[2] : "";
    setvbuf(stdout, NULL, _IONBF, 0);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    free((keep = malloc(10)));
    print("start");
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigaddset(&action.sa_mask, SIGUSR1);
    if (!strcmp(way, "plain"))
        printf("before: %d\n", signal(SIGBUS, plain) == SIG_DFL);
    else if (!strcmp(way, "sysv"))
        printf("before: %d\n", sysv_signal(SIGBUS, plain) == SIG_DFL);
    else if (!strcmp(way, "informed")) {
        action.sa_sigaction = informed;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        sigaction(SIGBUS, &action, NULL);
    } else if (!strcmp(way, "once")) {
        action.sa_handler = plain;
        action.sa_flags = SA_RESETHAND;
        sigaction(SIGBUS, &action, NULL);
    } else if (!strcmp(way, "ignored"))
        signal(SIGBUS, SIG_IGN);
    else if (!strcmp(way, "restored")) {
        struct sigaction before;
        action.sa_handler = plain;
        sigaction(SIGBUS, &action, &before);
        sigaction(SIGBUS, &before, NULL);
    }
    print("set");
    pid_t child = fork();
    if (child == 0) {
        print("child");
        signal(SIGBUS, SIG_DFL);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (!sigsetjmp(back, 1)) {
        if (!strcmp(what, "fault"))
            fault();
        else if (!strcmp(what, "sent"))
            kill(getpid(), SIGBUS);
        else if (!strcmp(what, "raised"))
            raise(SIGBUS);
    }
    print("end");
    for (int i = 0; i < 1000; i++)
        free((keep = malloc(100)));
    puts("done");
    return 0;
}
