/* Defines functions of libc that its libraries call. Ways to compile it: -DFREE, a `free` that
 * looks for the next one when it is first called; -DMALLOC, a `malloc` of this kind, too;
 * -DALLOCATES, functions that others use in the middle of their work, and that allocate. With
 * -DLIBRARY as a library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef FREE
static void (*next_free)(void *);
void free(void *block) {
    if (!next_free)
        next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    next_free(block);
}
#endif

#ifdef MALLOC
static void *(*next_malloc)(size_t);
void *malloc(size_t size) {
    if (!next_malloc)
        next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    return next_malloc(size);
}
#endif

#ifdef ALLOCATES
static void *volatile keep;

static void allocate(void) {
    static __thread int inside;
    if (!inside++)
        free((keep = malloc(3)));
    inside--;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    allocate();
    return (int)syscall(SYS_clock_gettime, clock, time);
}

size_t strlen(const char *text) {
    size_t length = 0;
    allocate();
    while (text[length])
        length++;
    return length;
}

void *memcpy(void *to, const void *from, size_t length) {
    allocate();
    for (size_t i = 0; i < length; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int byte, size_t length) {
    allocate();
    for (size_t i = 0; i < length; i++)
        ((volatile char *)to)[i] = (char)byte;
    return to;
}
#endif

#ifndef LIBRARY
static void *volatile block;
int main(void) {
    for (int i = 0; i < 400000; i++) {
        block = malloc((size_t)i % 1000 + 1);
        free(block);
    }
    return write(1, "done\n", 5) != 5;
}
#endif
