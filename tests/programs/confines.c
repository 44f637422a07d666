/* Allocates, limits or confines itself in the way that the first argument names, and goes
 * on; the second says how many blocks it makes and frees then. Prints what a program sees. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile keep;

static void churn(long count) {
    for (long i = 0; i < count; i++)
        free((keep = malloc((size_t)(i % 500) + 1)));
}

static void limit(int resource, rlim_t bytes) {
    struct rlimit limit = {bytes, bytes};
    if (setrlimit(resource, &limit))
        perror("setrlimit");
}

/* What glibc's allocator and this program need, and nothing else: anything else kills. */
static int filter(int by_prctl) {
    static const int allowed[] = {SYS_brk,  SYS_mmap,   SYS_munmap,     SYS_mremap, SYS_madvise, SYS_mprotect,
                                  SYS_write, SYS_futex, SYS_exit_group, SYS_exit, SYS_newfstatat, SYS_fstat};
    enum { COUNT = sizeof allowed / sizeof *allowed };
    struct sock_filter program[2 * COUNT + 2];
    int used = 0;
    program[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++) {
        program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
        program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog filter = {used, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return 1;
    if (by_prctl)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
    /* As libseccomp does: asks what there is, which fails, before it sets the filter. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) == 0)
        return 1;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

static volatile char dispatch;
static volatile int dispatched;

static void undispatched(int signal) {
    (void)signal;
    dispatch = 0;
    dispatched++;
}

/* Has system calls from outside of libc become signals. */
static int only_by_libc(void) {
    unsigned long start, end, first = 0, last = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "libc.so") && sscanf(line, "%lx-%lx", &start, &end) == 2) {
            first = first ? first : start;
            last = end;
        }
    if (maps)
        fclose(maps);
    signal(SIGSYS, undispatched);
    int result = prctl(59, 1, first, last - first, &dispatch);
    dispatch = 1;
    return result;
}

static void *churn_there(void *count) {
    churn((long)count);
    return NULL;
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    long count = argc > 2 ? atol(argv[2]) : 20000;
    setvbuf(stdout, NULL, _IONBF, 0);
    churn(1000);
    if (!strcmp(way, "address_space")) {
        limit(RLIMIT_AS, (rlim_t)1 << 30);
        churn(count);
        void *large = malloc((size_t)900 << 20), *mapped = malloc(1 << 20);
        printf("%s %s\n", large ? "large" : "no large", mapped ? "mapped" : "not mapped");
        free(large);
        churn(count);
    } else if (!strcmp(way, "used_up")) {
        /* All that may be had is in use while the trace goes on. */
        limit(RLIMIT_AS, (rlim_t)256 << 20);
        size_t got = 0;
        for (size_t size = 16 << 20; size >= 4096; size /= 2)
            while (mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
                got += size;
        printf("%s\n", got > ((size_t)200 << 20) ? "nearly all" : "too little");
        churn(count);
    } else if (!strcmp(way, "locked")) {
        limit(RLIMIT_MEMLOCK, (rlim_t)256 << 20);
        if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
            return 9;
        printf("mlockall %d\n", mlockall(MCL_CURRENT | MCL_FUTURE));
        churn(count);
        for (int i = 0; i < 1000; i++)
            if (!(keep = malloc(1000)))
                return 8;
    } else if (!strcmp(way, "file_size")) {
        limit(RLIMIT_FSIZE, argc > 3 ? (rlim_t)atol(argv[3]) : 0);
        churn(count);
    } else if (!strcmp(way, "strict")) {
        keep = malloc(10);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        for (long i = 0; i < count; i++)
            free((keep = malloc((size_t)(i % 500) + 1)));
        write(1, "strict\n", 7);
        syscall(SYS_exit, 0);
    } else if (!strcmp(way, "filter") || !strcmp(way, "filter_by_prctl")) {
        printf("filter %d\n", filter(way[6] != 0));
        churn(count);
        /* The heap grows, and blocks are mapped. */
        for (int i = 0; i < 300; i++)
            keep = malloc(5000);
        free(malloc(1 << 20));
        write(1, "confined\n", 9);
        _exit(3);
    } else if (!strcmp(way, "no_new_rights")) {
        printf("prctl %d\n", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        churn(count);
        pid_t child = fork();
        if (child == 0) {
            churn(count);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        printf("child %d\n", status);
    } else if (!strcmp(way, "no_clock")) {
        printf("prctl %d\n", prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0));
        churn(count);
        prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
    } else if (!strcmp(way, "dispatch")) {
        int result = only_by_libc();
        churn(count);
        dispatch = 0;
        printf("prctl %d, %d signals\n", result, dispatched);
    } else if (!strcmp(way, "jail")) {
        /* Its children cannot make files. */
        printf("chroot %d\n", chroot("/proc/self/fdinfo") || chdir("/"));
        for (int i = 0; i < 5; i++) {
            pid_t child = fork();
            if (child == 0) {
                churn(count);
                _exit(0);
            }
            waitpid(child, NULL, 0);
        }
    } else if (!strcmp(way, "thread")) {
        /* Two threads, of which one is born after the limit. */
        limit(RLIMIT_AS, (rlim_t)2 << 30);
        pthread_t thread;
        pthread_create(&thread, NULL, churn_there, (void *)count);
        churn(count);
        pthread_join(thread, NULL);
    } else if (!strcmp(way, "sizes")) {
        /* What of the address space is in use after much tracing. */
        churn(count);
        char line[256];
        FILE *status = fopen("/proc/self/status", "r");
        while (fgets(line, sizeof line, status))
            if (!strncmp(line, "VmSize:", 7) || !strncmp(line, "VmPeak:", 7))
                fputs(line, stdout);
        fclose(status);
    }
    puts("done");
    return 0;
}
