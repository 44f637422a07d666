/* jemalloc's own functions beside malloc and free. Declared here: its header need not be
 * installed. Weak, so that it links without it: programs ask for them in this way. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEAK __attribute__((weak))
WEAK void *mallocx(size_t size, int flags);
WEAK void *rallocx(void *block, size_t size, int flags);
WEAK size_t xallocx(void *block, size_t size, size_t extra, int flags);
WEAK size_t sallocx(const void *block, int flags);
WEAK void dallocx(void *block, int flags);
WEAK void sdallocx(void *block, size_t size, int flags);

#define ZERO 0x40
#define ALIGN_4096 12

int main(void) {
    if (!mallocx)
        return 7;
    for (int i = 0; i < 100; i++) {
        free(mallocx(3001, 0));
        sdallocx(malloc(3002), 3002, 0);
        char *block = malloc(3003);
        memset(block, 1, 3003);
        block = rallocx(block, 9003, 0);
        if (!block || block[3002] != 1)
            return 1;
        dallocx(block, 0);
        block = mallocx(3004, ALIGN_4096 | ZERO);
        if ((uintptr_t)block % 4096 || block[0] || block[3003])
            return 2;
        sdallocx(block, 3004, ALIGN_4096);
        block = mallocx(3005, 0);
        size_t size = xallocx(block, 3006, 0, 0);
        if (size < 3005 || (sallocx && size != sallocx(block, 0)))
            return 3;
        size = xallocx(block, (size_t)1 << 40, 0, 0);
        if (size < 3005 || size >= (size_t)1 << 40)
            return 4;
        dallocx(block, 0);
    }
    puts("done");
    return 0;
}
