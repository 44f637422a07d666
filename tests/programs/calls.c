/* Every function of the malloc family and its edge cases. Prints what a caller
 * sees: results (null or not, alignment), errno, contents; never an address. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *volatile sink;

static void show(const char *name, void *block) {
    int number = errno;
    printf("%s: %s errno %d\n", name, block ? "block" : "null", number);
    sink = block;
    errno = 0;
}

/* The compiler must not know these calls. */
static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_calloc)(size_t, size_t) = calloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void *(*volatile do_reallocarray)(void *, size_t, size_t) = reallocarray;
static void *(*volatile do_aligned_alloc)(size_t, size_t) = aligned_alloc;
static void *(*volatile do_memalign)(size_t, size_t) = memalign;
static int (*volatile do_posix_memalign)(void **, size_t, size_t) = posix_memalign;
static void *(*volatile do_valloc)(size_t) = valloc;
static void *(*volatile do_pvalloc)(size_t) = pvalloc;
static void (*volatile do_free)(void *) = free;

int main(void) {
    char *block;
    errno = 77;
    show("malloc 100", block = do_malloc(100));
    memset(block, 3, 100);
    errno = 78;
    show("realloc grown", block = do_realloc(block, 100000));
    printf("kept %d\n", block[0] == 3 && block[99] == 3);
    show("realloc shrunk", block = do_realloc(block, 10));
    printf("kept %d\n", block[0] == 3 && block[9] == 3);
    show("realloc too large", do_realloc(block, (size_t)1 << 62));
    printf("kept %d\n", block[0] == 3 && block[9] == 3);
    show("reallocarray", block = do_reallocarray(block, 10, 20));
    show("reallocarray overflow", do_reallocarray(block, SIZE_MAX / 2, 3));
    show("realloc to 0", do_realloc(block, 0));
    show("realloc of null", block = do_realloc(NULL, 50));
    errno = 79;
    do_free(block);
    printf("free errno %d\n", errno);
    errno = 80;
    do_free(NULL);
    printf("free null errno %d\n", errno);
    errno = 0;
    show("malloc 0", block = do_malloc(0));
    do_free(block);
    show("realloc null to 0", block = do_realloc(NULL, 0));
    do_free(block);
    show("malloc huge", do_malloc((size_t)1 << 62));
    show("malloc max", do_malloc(SIZE_MAX));
    show("calloc", block = do_calloc(10, 30));
    int zero = 1;
    for (int i = 0; i < 300; i++)
        zero &= block[i] == 0;
    printf("zeroed %d\n", zero);
    do_free(block);
    show("calloc 0", block = do_calloc(0, 30));
    do_free(block);
    show("calloc overflow", do_calloc(SIZE_MAX / 2, 3));
    show("aligned_alloc", block = do_aligned_alloc(256, 512));
    printf("aligned %d\n", (uintptr_t)block % 256 == 0);
    do_free(block);
    show("aligned_alloc 3", block = do_aligned_alloc(3, 9));
    do_free(block);
    show("memalign", block = do_memalign(4096, 5));
    printf("aligned %d\n", (uintptr_t)block % 4096 == 0);
    show("realloc of memalign", block = do_realloc(block, 70000));
    do_free(block);
    show("memalign too large", do_memalign(64, (size_t)1 << 62));
    void *slot = (void *)0x5a5a;
    printf("posix_memalign 3: %d", do_posix_memalign(&slot, 3, 10));
    printf(" untouched %d errno %d\n", slot == (void *)0x5a5a, errno);
    printf("posix_memalign 0: %d", do_posix_memalign(&slot, 0, 10));
    printf(" untouched %d errno %d\n", slot == (void *)0x5a5a, errno);
    printf("posix_memalign 24: %d", do_posix_memalign(&slot, 24, 10));
    printf(" untouched %d errno %d\n", slot == (void *)0x5a5a, errno);
    printf("posix_memalign huge: %d", do_posix_memalign(&slot, 64, (size_t)1 << 62));
    printf(" untouched %d\n", slot == (void *)0x5a5a);
    errno = 0;
    printf("posix_memalign 64: %d", do_posix_memalign(&slot, 64, 10));
    printf(" aligned %d errno %d\n", (uintptr_t)slot % 64 == 0, errno);
    do_free(slot);
    show("valloc", block = do_valloc(10));
    printf("aligned %d\n", (uintptr_t)block % 4096 == 0);
    do_free(block);
    show("pvalloc", block = do_pvalloc(10));
    printf("aligned %d usable %d\n", (uintptr_t)block % 4096 == 0,
           malloc_usable_size(block) >= 4096);
    do_free(block);
    printf("usable of null %zu\n", malloc_usable_size(NULL));
    show("mapped", block = do_malloc(50 << 20));
    block[(50 << 20) - 1] = 1;
    show("mapped, grown", block = do_realloc(block, 60 << 20));
    printf("kept %d\n", block[(50 << 20) - 1] == 1);
    show("mapped, shrunk", block = do_realloc(block, 100));
    do_free(block);
    return 0;
}
