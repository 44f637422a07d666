/* Every function of the malloc family; half of the blocks are freed. What libc may lack is
 * referred to weakly: it may be there or not. With an argument cfree is called, too: libc
 * has it for old programs, and knows only its own blocks. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cfree(void *) __attribute__((weak));
void free_sized(void *, size_t) __attribute__((weak));
void free_aligned_sized(void *, size_t, size_t) __attribute__((weak));

enum { SIZE = 1000, ROUNDS = 20 };

static void *volatile kept[16 * ROUNDS];
static size_t count;

static void *use(void *block, size_t alignment) {
    if (!block || (size_t)block % alignment) {
        puts("no such block");
        exit(1);
    }
    memset(block, 1, SIZE);
    kept[count++] = block;
    return block;
}

int main(int arguments, char **argument) {
    (void)argument;
    for (int round = 0; round < ROUNDS; round++) {
        void *first = use(malloc(SIZE), 16);
        use(calloc(10, SIZE / 10), 16);
        use(realloc(NULL, SIZE), 16);
        count--;
        use(realloc(kept[count], 2 * SIZE), 16);
        use(reallocarray(NULL, 10, SIZE / 10), 16);
        void *aligned = use(aligned_alloc(128, 1024), 128);
        use(memalign(256, SIZE), 256);
        void *block;
        if (posix_memalign(&block, 512, SIZE) == 0)
            use(block, 512);
        use(strdup("x") ? malloc(SIZE) : NULL, 16);
        if (round % 2 == 0)
            continue;
        /* The last block of this round and the first of the last stay. */
        while (count > 2) {
            void *last = kept[--count];
            if (last == aligned && free_aligned_sized)
                free_aligned_sized(last, 128, 1024);
            else if (last == first && free_sized)
                free_sized(last, SIZE);
            else if (count % 3 == 0 && arguments > 1 && cfree)
                cfree(last);
            else
                free(last);
        }
    }
    /* An allocator that lacks one of these leaves it to libc, and cannot free it. */
    use(valloc(SIZE), 4096);
    use(pvalloc(SIZE), 4096);
    if (malloc_usable_size(kept[0]) < SIZE)
        puts("too small");
    printf("%d\n", (int)count);
    return 0;
}
