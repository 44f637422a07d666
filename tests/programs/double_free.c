/* Frees a block twice, which glibc notices. */
#include <stdlib.h>

static void (*volatile do_free)(void *) = free;

int main(void) {
    void *volatile block = malloc(5003);
    do_free(block);
    do_free(block);
    return 0;
}
