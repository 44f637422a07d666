/* Reads a block after it was freed: what a memory checker must find. */
#include <stdio.h>
#include <stdlib.h>

static void (*volatile do_free)(void *) = free;

int main(void) {
    char *volatile block = malloc(100);
    block[40] = 1;
    do_free(block);
    printf("%d\n", block[40]);
    return 0;
}
