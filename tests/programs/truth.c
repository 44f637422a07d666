/* Does what the argument names, and tells what its memory really was: what glibc keeps
   (mallinfo2), and what the system counts (/proc/self/status). Nothing in here that tells
   allocates. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static void tell(const char *what, size_t value) {
    char line[100];
    int length = snprintf(line, sizeof line, "%s %zu\n", what, value);
    if (write(1, line, (size_t)length) != length)
        abort();
}

/* What glibc keeps: all of its arenas, and all chunks with a mapping of their own. */
static size_t kept(void) {
    struct mallinfo2 now = mallinfo2();
    return now.arena + now.hblkhd;
}

/* A line of /proc/self/status, in bytes. */
static size_t status(const char *name) {
    static char text[8192];
    int file = open("/proc/self/status", O_RDONLY);
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0)
        abort();
    text[length] = 0;
    char *line = strstr(text, name);
    return line ? strtoull(strchr(line, ':') + 1, NULL, 10) * KIB : 0;
}

static size_t peak_kept, peak_anonymous, anonymous_before;

static void look_at_kept(void) {
    size_t now = kept();
    if (now > peak_kept)
        peak_kept = now;
}

static void look(void) {
    look_at_kept();
    size_t now = status("RssAnon");
    if (now > peak_anonymous)
        peak_anonymous = now;
}

static void *touched(void *block, size_t size) {
    if (!block)
        abort();
    return memset(block, 1, size);
}

static void *get(size_t size) {
    return touched(malloc(size), size);
}

static void mapped(void) {
    for (size_t i = 0; i < 40; i++) {
        void *block = get(40 * MIB + i * 64 * KIB);
        look();
        free(block);
    }
}

enum { PAIRS = 20000 };
static void *large[PAIRS], *small[PAIRS];

static void pins(void) {
    for (int i = 0; i < PAIRS; i++) {
        large[i] = get(4000);
        small[i] = get(32);
    }
    look();
    for (int i = 0; i < PAIRS; i++)
        free(large[i]);
    for (int i = 0; i < 100; i++)
        free(get(32));
    look_at_kept();
}

enum { THREADS = 8, EACH = 3000 };
static pthread_barrier_t barrier;

static void *in_an_arena(void *argument) {
    size_t count = EACH + 300 * (size_t)argument;
    void **blocks = get(count * sizeof *blocks);
    for (size_t i = 0; i < count; i++)
        blocks[i] = get(1000);
    pthread_barrier_wait(&barrier);
    /* The main thread looks. */
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    free(blocks);
    return NULL;
}

static void arenas(void) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    mallopt(M_ARENA_MAX, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, in_an_arena, (void *)i);
    pthread_barrier_wait(&barrier);
    look();
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Three quarters of a heap are freed, from its middle, and given back. */
static void trim(void) {
    for (int i = 0; i < PAIRS; i++)
        small[i] = get(2000);
    look();
    for (int i = PAIRS / 8; i < PAIRS - PAIRS / 8; i++)
        free(small[i]);
    malloc_trim(0);
}

/* All of a heap is freed but its last block, and used on beside that. */
static void under(void) {
    for (int i = 0; i < PAIRS; i++)
        small[i] = get(1000);
    void *last = get(500);
    look();
    for (int i = 0; i < PAIRS; i++)
        free(small[i]);
    for (int i = 0; i < 2000000; i++)
        free(get(40));
    free(get(40));
    memset(last, 2, 500);
}

/* Killed in the middle, by itself. */
static void killed(void) {
    for (int i = 0; i < PAIRS; i++)
        small[i] = get(1000);
    look();
    tell("peak_kept", peak_kept);
    kill(getpid(), SIGKILL);
}

/* The upper half of a heap is freed, and what is free at its top given back soon. */
static void sink(void) {
    mallopt(M_TRIM_THRESHOLD, 64 * KIB);
    for (int i = 0; i < PAIRS; i++)
        small[i] = get(1000);
    look();
    for (int i = PAIRS / 2; i < PAIRS; i++)
        free(small[i]);
}

static void *grown(void *block, size_t size) {
    return touched(realloc(block, size), size);
}

static void remap(void) {
    void *block = NULL;
    for (size_t i = 1; i <= 100; i++) {
        block = grown(block, i * 256 * KIB);
        look();
    }
}

/* Sixteen blocks grow by turns, so that each moves, below what gets a mapping. */
static void regrow(void) {
    static void *blocks[16];
    for (size_t size = KIB; size <= 120 * KIB; size += KIB)
        for (int i = 0; i < 16; i++) {
            blocks[i] = grown(blocks[i], size);
            look_at_kept();
        }
    look();
}

/* A block counts as touched as far as it may be used; a mapped one that is aligned goes on
   to the end of its mapping. */
static void *used(void *block) {
    return touched(block, malloc_usable_size(block));
}

static void aligned(void) {
    static void *big[6];
    for (int i = 0; i < PAIRS / 4; i++) {
        small[i] = touched(memalign(64, 200), 200);
        large[i] = touched(aligned_alloc(512, 1024), 1024);
        if (posix_memalign(&large[PAIRS / 4 + i], 4096, 100))
            abort();
    }
    for (int i = 0; i < 6; i += 2) {
        big[i] = used(memalign(2 * MIB, 5 * MIB));
        if (posix_memalign(&big[i + 1], 64 * KIB, MIB))
            abort();
        used(big[i + 1]);
        look_at_kept();
    }
    look();
    for (int i = 0; i < 6; i++)
        free(big[i]);
}

/* Blocks of many sizes, all touched: what any allocator does. */
static void mixed(void) {
    static void *blocks[60000];
    uint32_t random = 1;
    for (int i = 0; i < 60000; i++) {
        random = random * 1664525 + 1013904223;
        size_t size = 1 + (random >> 8) % (i % 50 ? 800 : 60000);
        blocks[i] = get(size);
    }
    look();
    for (int i = 0; i < 60000; i++)
        free(blocks[i]);
}

static void forked(void) {
    for (int i = 0; i < PAIRS / 2; i++)
        small[i] = get(1000);
    look();
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < PAIRS / 4; i++)
            small[i] = get(2000);
        tell("child_kept", kept());
        exit(0);
    }
    int how;
    if (waitpid(child, &how, 0) != child || how)
        abort();
}

/* Runs another program, and tells the most that was resident of it. */
static int most_resident(char **arguments) {
    pid_t child = vfork();
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), 1);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    int how;
    struct rusage usage;
    if (wait4(child, &how, 0, &usage) != child || how)
        return 1;
    tell("most_resident", (size_t)usage.ru_maxrss * KIB);
    return 0;
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*way)(void);
    } ways[] = {
        {"mapped", mapped}, {"pins", pins},       {"arenas", arenas}, {"trim", trim},
        {"sink", sink},     {"remap", remap},     {"regrow", regrow}, {"aligned", aligned},
        {"mixed", mixed},   {"forked", forked},   {"under", under},   {"killed", killed},
    };
    if (count > 2 && !strcmp(arguments[1], "run"))
        return most_resident(arguments + 2);
    /* A page in use is one page, not 512. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    anonymous_before = status("RssAnon");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (count > 1 && !strcmp(arguments[1], ways[i].name))
            ways[i].way();
    tell("peak_kept", peak_kept);
    tell("peak_touched", peak_anonymous - anonymous_before);
    tell("end_kept", kept());
    tell("end_touched", status("RssAnon") - anonymous_before);
    tell("most_resident", status("VmHWM"));
    return 0;
}
