/* Makes and frees blocks, so many at a time as the argument says, for each byte that comes in,
 * and answers it; ends with the input. With a second argument, so many threads beside it
 * do the same all the time. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *volatile keep;
static volatile int over;

static void *beside(void *unused) {
    (void)unused;
    while (!over)
        free(malloc(40));
    return NULL;
}

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 1000;
    int threads = argc > 2 ? atoi(argv[2]) : 0;
    pthread_t others[64];
    for (int i = 0; i < threads; i++)
        pthread_create(&others[i], NULL, beside, NULL);
    char byte;
    while (read(0, &byte, 1) == 1) {
        for (long i = 0; i < count; i++)
            free((keep = malloc((size_t)(i % 500) + 1)));
        if (write(1, &byte, 1) != 1)
            return 1;
    }
    over = 1;
    for (int i = 0; i < threads; i++)
        pthread_join(others[i], NULL);
    return 0;
}
