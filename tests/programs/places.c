/* Blocks in odd places, and calls made from odd ones: what the argument names. */
#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static void wait_for(pid_t child) {
    int how;
    if (waitpid(child, &how, 0) != child || how)
        abort();
}

/* Blocks of 8 bytes, which some allocators place 8 bytes apart, of a forked child. */
static void eight(void) {
    free(malloc(8));
    pid_t child = fork();
    if (child == 0) {
        void *blocks[64];
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 64; i++)
                blocks[i] = malloc(8);
            for (int i = 0; i < 64; i++)
                free(blocks[i]);
        }
        _exit(0);
    }
    wait_for(child);
}

static void few(void) {
    for (int i = 0; i < 200; i++)
        malloc(5000);
}

/* The heap's lines in /proc/self/maps are several; a forked child goes on with it. */
static void split(void) {
    char *first = malloc(100000);
    few();
    char *page = (char *)(((size_t)first + 50000) & ~(size_t)4095);
    madvise(page, 8192, MADV_DONTFORK);
    madvise(page, 8192, MADV_DOFORK);
    mlock(page + 8192, 4096);
    madvise(page + 16384, 4096, MADV_DONTDUMP);
    few();
    pid_t child = fork();
    if (child == 0) {
        few();
        _exit(0);
    }
    wait_for(child);
}

/* The signal arrives while a small coroutine runs. */
static ucontext_t back, on_stack;

static void raised(void) {
    raise(SIGUSR2);
}

static void toggle(void) {
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(area, 4096, PROT_NONE);
    stack_t other = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&other, NULL);
    getcontext(&on_stack);
    on_stack.uc_stack.ss_sp = area + 4096;
    on_stack.uc_stack.ss_size = 2048;
    on_stack.uc_link = &back;
    makecontext(&on_stack, raised, 0);
    swapcontext(&back, &on_stack);
    few();
}

/* The main arena finds no place above the program break, and goes on in mappings. */
static void walled(void) {
    char *end = sbrk(0);
    mmap(end, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    few();
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*way)(void);
    } ways[] = {
        {"eight", eight}, {"few", few}, {"split", split}, {"toggle", toggle}, {"walled", walled},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (count > 1 && !strcmp(arguments[1], ways[i].name))
            ways[i].way();
    return 0;
}
