/* Does what the argument names, and tells what the notes of its trace must say. */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 4000, THREADS = 8 };
static void *volatile keep;
static char *blocks[BLOCKS];
static pthread_barrier_t barrier;
static void *firsts[THREADS];

static void busy(int count) {
    for (int i = 0; i < count; i++)
        free((keep = malloc((size_t)(i % 500) + 1)));
}

static void busy_for(long milliseconds) {
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        busy(1000);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
             milliseconds);
}

/* Without an allocation. */
static void tell(const char *what, unsigned long value) {
    char line[100];
    int length = snprintf(line, sizeof line, "%s %lu\n", what, value);
    if (write(1, line, (size_t)length) != length)
        abort();
}

static void *in_an_arena(void *argument) {
    long index = (long)argument;
    firsts[index] = malloc(1000);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 1000 * (index + 1); i++)
        keep = malloc(1000);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void tell_status(void) {
    char text[8192];
    FILE *file = fopen("/proc/self/status", "r");
    setvbuf(file, NULL, _IONBF, 0);
    while (fgets(text, sizeof text, file)) {
        unsigned long value;
        char name[20];
        if (sscanf(text, "%19[A-Za-z]: %lu kB", name, &value) == 2)
            if (!strcmp(name, "VmRSS") || !strcmp(name, "VmHWM") || !strcmp(name, "RssAnon"))
                tell(name, value << 10);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    if (!strcmp(way, "busy"))
        busy(300000);
    if (!strcmp(way, "heap")) {
        for (int i = 0; i < BLOCKS; i++)
            memset(blocks[i] = malloc(4000), 1, 4000);
        tell("full", (unsigned long)sbrk(0));
        keep = malloc(2000);
        for (int i = 0; i < BLOCKS; i++)
            free(blocks[i]);
        tell("freed", (unsigned long)sbrk(0));
        malloc_trim(0);
        tell("trimmed", (unsigned long)sbrk(0));
        free(keep);
        malloc_trim(0);
        tell("sunk", (unsigned long)sbrk(0));
    }
    if (!strcmp(way, "arenas")) {
        pthread_t threads[THREADS];
        pthread_barrier_init(&barrier, NULL, THREADS);
        for (long i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, in_an_arena, (void *)i);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < THREADS; i++)
            tell("block", (unsigned long)firsts[i]);
    }
    if (!strcmp(way, "resident")) {
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < BLOCKS; i++)
                memset(blocks[i] = malloc(20000), 1, 20000);
            for (int i = 0; i < BLOCKS; i++)
                if (round < 9)
                    free(blocks[i]);
            busy(50000);
        }
        tell_status();
    }
    if (!strcmp(way, "mapped")) {
        mallopt(M_MMAP_THRESHOLD, 1 << 20);
        for (int i = 0; i < 6; i++) {
            memset(blocks[i] = malloc(32 << 20), 1, 32 << 20);
            if (i % 2)
                free(blocks[i]);
        }
    }
    if (!strcmp(way, "confined")) {
        busy_for(30);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        keep = malloc(7777);
        busy_for(60);
        malloc_trim(0);
        if (fork() == 0) {
            busy_for(30);
            _exit(0);
        }
        wait(NULL);
    }
    if (!strcmp(way, "filtered")) {
        struct sock_filter instructions[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 3, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mincore, 2, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        };
        struct sock_fprog filter = {6, instructions};
        /* The tracer knows the heap from its first block on. */
        busy(1);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0))
            abort();
        busy(1000);
        for (int i = 0; i < BLOCKS; i++)
            memset(blocks[i] = malloc(4000), 1, 4000);
        keep = malloc(50 << 20);
        malloc_trim(0);
        tell("alive", 1);
        abort();
    }
    if (!strcmp(way, "failing")) {
        busy(20000);
        execv("/nonexistent", argv);
        busy(60000);
    }
    if (!strcmp(way, "vforking")) {
        busy(20000);
        keep = malloc(100);
        if (vfork() == 0) {
            busy_for(30);
            _exit(0);
        }
        busy(20000);
    }
    if (!strcmp(way, "spawning")) {
        busy(20000);
        keep = malloc(100);
        if (fork() == 0) {
            busy(20000);
            execv(argv[0], (char *[]){argv[0], "busy", "in the end", NULL});
        }
        wait(NULL);
    }
    return 0;
}
