/* An allocator to stand behind the tracer: glibc's, with pauses at random inside
 * of its calls, before and after memory changes hands. What is a window of
 * nanoseconds in a real allocator is wide open here. Does not tell usable sizes,
 * unless compiled with TELLS_USABLE. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t);
void __libc_free(void *);
void *__libc_calloc(size_t, size_t);
void *__libc_memalign(size_t, size_t);

static __thread uint32_t seed __attribute__((tls_model("initial-exec")));

static void pause_at_random(void) {
    if (!seed)
        seed = (uint32_t)(uintptr_t)&seed | 1;
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    if (seed % 8 == 0)
        sched_yield();
}

void *malloc(size_t size) {
    pause_at_random();
    void *block = __libc_malloc(size);
    pause_at_random();
    return block;
}
void free(void *block) {
    int number = errno;
    pause_at_random();
    __libc_free(block);
    pause_at_random();
    errno = number;
}
void *calloc(size_t count, size_t size) {
    pause_at_random();
    void *block = __libc_calloc(count, size);
    pause_at_random();
    return block;
}
/* Shrinks and grows in place where it can, like any; a move is made of its
 * parts, with others between them. */
void *__libc_realloc(void *, size_t);
void *realloc(void *old, size_t size) {
    pause_at_random();
    if (!old || !size || (seed >> 9) % 2) {
        void *block = __libc_realloc(old, size);
        pause_at_random();
        return block;
    }
    void *block = __libc_malloc(size);
    if (!block)
        return block;
    size_t before = malloc_usable_size(old);
    memcpy(block, old, before < size ? before : size);
    pause_at_random();
    __libc_free(old);
    pause_at_random();
    return block;
}
void *aligned_alloc(size_t alignment, size_t size) { return __libc_memalign(alignment, size); }
void *memalign(size_t alignment, size_t size) { return __libc_memalign(alignment, size); }
int posix_memalign(void **slot, size_t alignment, size_t size) {
    void *block = __libc_memalign(alignment, size);
    if (!block)
        return ENOMEM;
    *slot = block;
    return 0;
}

#ifdef TELLS_USABLE
#include <dlfcn.h>
size_t malloc_usable_size(void *block) {
    static size_t (*next)(void *);
    if (!next)
        next = (size_t (*)(void *))dlsym(RTLD_NEXT, "malloc_usable_size");
    return next(block);
}
#endif
