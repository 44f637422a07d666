/* Holds back all signals, in the first thread and in another, and tells what it sees of its
 * masks and of a SIGBUS that is sent. With an argument, the trace that it writes is cut
 * meanwhile, where there is one. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *volatile keep;
static int cuts;

static void churn(void) {
    const char *trace = getenv("TRACEFILE");
    free((keep = malloc(10)));
    if (cuts && trace && truncate(trace, 0))
        perror("truncate");
    for (int i = 0; i < 200000; i++)
        free((keep = malloc((size_t)i % 1000 + 1)));
}

static void print(const char *when) {
    sigset_t now, pending;
    sigprocmask(SIG_SETMASK, NULL, &now);
    sigpending(&pending);
    printf("%s: SIGBUS %d, SIGUSR1 %d, pending %d\n", when, sigismember(&now, SIGBUS),
           sigismember(&now, SIGUSR1), sigismember(&pending, SIGBUS));
}

static void handler(int signal) { printf("handler %d\n", signal); }

static void *waits(void *all) {
    pthread_sigmask(SIG_BLOCK, all, NULL);
    churn();
    int signal = 0;
    sigwait(all, &signal);
    printf("waited for %d\n", signal);
    return NULL;
}

static void *inherits(void *unused) {
    (void)unused;
    churn();
    return NULL;
}

int main(int argc, char **argv) {
    (void)argv;
    cuts = argc > 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    sigset_t all, bus, old;
    sigfillset(&all);
    sigemptyset(&bus);
    sigaddset(&bus, SIGBUS);
    churn();
    signal(SIGBUS, handler);
    print("start");
    sigprocmask(SIG_BLOCK, &all, &old);
    print("held");
    churn();
    if (!cuts) {
        /* Sent to the process, and to the thread. */
        kill(getpid(), SIGBUS);
        print("sent");
        churn();
        print("still");
        int signal = 0;
        sigwait(&bus, &signal);
        printf("waited for %d\n", signal);
        raise(SIGBUS);
        print("raised");
        sigprocmask(SIG_UNBLOCK, &bus, NULL);
        print("open");
        sigprocmask(SIG_SETMASK, &all, &old);
        printf("it was %d\n", sigismember(&old, SIGBUS));
        struct timespec none = {0, 0};
        siginfo_t info;
        memset(&info, 0, sizeof info);
        union sigval value = {.sival_int = 42};
        sigqueue(getpid(), SIGBUS, value);
        churn();
        printf("%d with %d\n", sigtimedwait(&bus, &info, &none), info.si_value.sival_int);
    }
    pthread_t thread;
    pthread_create(&thread, NULL, inherits, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, waits, &all);
    struct timespec soon = {0, 50000000};
    nanosleep(&soon, NULL);
    kill(getpid(), SIGBUS);
    pthread_join(thread, NULL);
    pid_t child = fork();
    if (child == 0) {
        print("child");
        churn();
        _exit(sigismember(&old, SIGBUS));
    }
    int status;
    waitpid(child, &status, 0);
    printf("child %d\n", status);
    if (argc == 1) {
        child = fork();
        if (child == 0) {
            execl("/nowhere", "nowhere", NULL);
            churn();
            execlp("grep", "grep", "SigBlk", "/proc/self/status", NULL);
            _exit(9);
        }
        waitpid(child, &status, 0);
        printf("grep %d\n", status);
        char *arguments[] = {"grep", "SigBlk", "/proc/self/status", NULL};
        posix_spawnp(&child, "grep", NULL, NULL, arguments, environ);
        waitpid(child, &status, 0);
        printf("spawned %d\n", status);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    print("end");
    raise(SIGBUS);
    return 0;
}
