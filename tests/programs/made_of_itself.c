/* An allocator as a library, whose functions call one another by their exported names: all
 * blocks are malloc's, and are never used again. With -DPROGRAM, a program that brings it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    size_t size, unused;
} Header;

static _Alignas(16) char pool[64 << 20];
static size_t used;

void *malloc(size_t size) {
    size_t room = (size + 15) / 16 * 16 + sizeof(Header);
    size_t at = size < sizeof pool ? __atomic_fetch_add(&used, room, __ATOMIC_RELAXED) : size;
    if (at + room > sizeof pool) {
        errno = ENOMEM;
        return NULL;
    }
    Header *header = (Header *)(pool + at);
    header->size = size;
    return header + 1;
}

void free(void *block) { (void)block; }
void cfree(void *block) { free(block); }
size_t malloc_usable_size(void *block) { return block ? ((Header *)block - 1)->size : 0; }

void *calloc(size_t count, size_t size) {
    void *block = malloc(count * size);
    return block ? memset(block, 0, count * size) : NULL;
}

void *realloc(void *old, size_t size) {
    void *block = malloc(size);
    if (block && old) {
        size_t before = malloc_usable_size(old);
        memcpy(block, old, before < size ? before : size);
        free(old);
    }
    return block;
}

/* Not where malloc's block begins. */
void *memalign(size_t alignment, size_t size) {
    uintptr_t block = (uintptr_t)malloc(size + alignment + sizeof(Header));
    if (!block)
        return NULL;
    block = (block + sizeof(Header) + alignment - 1) / alignment * alignment;
    ((Header *)block - 1)->size = size;
    return (void *)block;
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void *valloc(size_t size) { return memalign(4096, size); }
void *pvalloc(size_t size) { return memalign(4096, (size + 4095) / 4096 * 4096); }

int posix_memalign(void **slot, size_t alignment, size_t size) {
    void *block = memalign(alignment, size);
    if (!block)
        return ENOMEM;
    *slot = block;
    return 0;
}

#ifdef PROGRAM
void *reallocarray(void *, size_t, size_t);

int main(void) {
    char *block = malloc(50);
    memset(block, 1, 50);
    block = reallocarray(block, 10, 100);
    if (block < pool || block >= pool + sizeof pool || block[49] != 1)
        return 1;
    free(block);
    return 0;
}
#endif
