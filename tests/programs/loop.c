/* A tight loop of malloc and free: the argument says how many. */
#include <stdlib.h>

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 5000000;
    for (long i = 0; i < count; i++) {
        void *volatile block = malloc(24 + (size_t)(i & 63));
        free(block);
    }
    return 0;
}
