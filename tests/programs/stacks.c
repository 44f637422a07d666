/* How much of a stack calls of the malloc family take: each way runs on a coroutine's stack
   that was painted before, and tells how deep the paint is gone. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { STACK = 256 << 10, PAINT = 0xa5 };
static ucontext_t back, on_stack;
static char *stack;
static void *volatile kept;

static void paint(void) {
    memset(stack, PAINT, STACK);
}

static size_t depth(void) {
    size_t clean = 0;
    while (clean < STACK && (unsigned char)stack[clean] == PAINT)
        clean++;
    return STACK - clean;
}

static void on(void (*way)(void)) {
    paint();
    getcontext(&on_stack);
    on_stack.uc_stack.ss_sp = stack;
    on_stack.uc_stack.ss_size = STACK;
    on_stack.uc_link = &back;
    makecontext(&on_stack, way, 0);
    swapcontext(&back, &on_stack);
}

static void tell(const char *name) {
    char line[100];
    int length = snprintf(line, sizeof line, "%s %zu\n", name, depth());
    if (write(1, line, (size_t)length) != length)
        abort();
}

static void wait_for_notes(void) {
    struct timespec time = {0, 12000000};
    nanosleep(&time, NULL);
}

static void get(void) { kept = malloc(40); }
static void give(void) { free(kept); }
static void grow(void) { kept = malloc(100 << 10); }
static void map(void) { kept = malloc(16 << 20); }
static void regrow(void) { kept = realloc(kept, 300 << 10); }
static void align(void) { if (posix_memalign((void **)&kept, 4096, 100)) abort(); }
static void trim(void) { malloc_trim(0); }
static void many(void) {
    for (int i = 0; i < 60000; i++)
        free(malloc(40));
}
static void many_reallocs(void) {
    kept = NULL;
    for (int i = 0; i < 60000; i++)
        kept = realloc(kept, 40 + (size_t)i % 100);
}
static void execute(void) {
    execl("/nowhere/is/this", "this", (char *)NULL);
}

static void *in_thread(void *way) {
    on((void (*)(void))way);
    return NULL;
}

static void thread(void (*way)(void), const char *name) {
    pthread_t id;
    pthread_create(&id, NULL, in_thread, (void *)way);
    pthread_join(id, NULL);
    tell(name);
}

static void child(void (*way)(void), const char *name) {
    pid_t id = fork();
    if (id == 0) {
        on(way);
        tell(name);
        _exit(0);
    }
    int how;
    if (waitpid(id, &how, 0) != id || how)
        abort();
}

int main(int count, char **arguments) {
    stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mallopt(M_TOP_PAD, 0);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    free(malloc(10));
    if (count > 1 && !strcmp(arguments[1], "stop")) {
        /* The trace soon meets the limit, and its end is told in a line. */
        struct rlimit limit = {300 << 10, 300 << 10};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        on(many);
        tell("many_to_the_limit");
        return 0;
    }
    on(get), tell("malloc");
    on(give), tell("free");
    on(grow), tell("malloc_that_grows");
    wait_for_notes();
    on(regrow), tell("realloc_that_moves");
    on(align), tell("posix_memalign");
    wait_for_notes();
    on(map), tell("malloc_that_maps");
    wait_for_notes();
    on(give), tell("free_that_unmaps");
    wait_for_notes();
    on(many), tell("many");
    on(many_reallocs), tell("many_reallocs");
    wait_for_notes();
    on(trim), tell("trim");
    on(execute), tell("failed_exec");
    thread(get, "first_malloc_of_a_thread");
    thread(give, "first_free_of_a_thread");
    on(get);
    child(get, "first_malloc_of_a_child");
    child(give, "first_free_of_a_child");
    child(regrow, "first_realloc_of_a_child");
    child(map, "first_mapping_of_a_child");
    return 0;
}
