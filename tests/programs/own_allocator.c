/* A program that brings its own malloc along: a pool that is never given back. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static char pool[1 << 20];
static size_t used;

void *malloc(size_t size) {
    char *block = pool + used;
    used += (size + 31) / 16 * 16;
    return block;
}
void free(void *block) { (void)block; }
void *calloc(size_t count, size_t size) { return malloc(count * size); }
void *realloc(void *old, size_t size) {
    void *block = malloc(size);
    return old ? memcpy(block, old, size) : block;
}

int main(void) {
    puts(malloc(100) == malloc(100) ? "same" : "different");
    return 0;
}
