/* Blocks small and large that keep what is written to them: through realloc across the
 * border of 256 bytes, in many threads that free each other's, and in forked children. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 20000, SHARED = 512 };

struct block {
    size_t size;
    unsigned char bytes[];
};

static struct block *_Atomic shared[SHARED];

static void fail(const char *what) {
    printf("wrong: %s\n", what);
    exit(1);
}

static struct block *fill(struct block *block, size_t size) {
    if (!block || malloc_usable_size(block) < size || (uintptr_t)block % 16)
        fail("a block");
    block->size = size;
    memset(block->bytes, (int)(size & 255), size - sizeof *block);
    return block;
}

/* Of what was filled with `size`, so many bytes must be left. */
static void check(const struct block *block, size_t least) {
    size_t size = block->size < least ? block->size : least;
    for (size_t i = sizeof *block; i < size; i++)
        if (((const unsigned char *)block)[i] != (block->size & 255))
            fail("contents");
}

static void *churn(void *argument) {
    unsigned state = (unsigned)(uintptr_t)argument * 7919 + 1;
    for (int i = 0; i < ROUNDS; i++) {
        state = state * 1103515245 + 12345;
        size_t size = 16 + (state >> 16) % 400;
        struct block *block = fill(malloc(size), size);
        if (i % 3 == 0) {
            size_t other = 16 + (state >> 8) % 600;
            block = realloc(block, other);
            check(block, other);
            fill(block, other);
        }
        block = __atomic_exchange_n(&shared[(state >> 20) % SHARED], block, __ATOMIC_ACQ_REL);
        if (block) {
            check(block, block->size);
            free(block);
        }
    }
    return NULL;
}

static void run(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, churn, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

int main(void) {
    struct block *kept = fill(malloc(100), 100);
    run();
    fflush(stdout);
    int status;
    pid_t child = fork();
    if (child == 0) {
        check(kept, 100);
        free(kept);
        run();
        _exit(7);
    }
    waitpid(child, &status, 0);
    check(kept, 100);
    kept = realloc(kept, 10000);
    check(kept, 100);
    kept = realloc(kept, 50);
    check(kept, 50);
    free(kept);
    printf("child %d\n", WEXITSTATUS(status));
    return 0;
}
