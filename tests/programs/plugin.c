/* A library to open: allocates in its constructor and destructor, and has a
 * thread-local large enough to be allocated lazily. */
#include <stdlib.h>

static void *volatile keep;
static __thread char large[5000];

__attribute__((constructor)) static void opened(void) { free((keep = malloc(4007))); }
__attribute__((destructor)) static void closed(void) { free((keep = malloc(4008))); }

int answer(void) {
    large[17] = 42;
    free((keep = malloc(4009)));
    return large[17];
}
