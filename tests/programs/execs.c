/* Executes programs that are not there, again and again, while threads allocate; then
 * allocates itself. The arguments: how many times, how many threads, how many blocks. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile int over;
static long blocks[64];

static void *beside(void *place) {
    long made = 0;
    while (!over) {
        void *volatile block = malloc(24 + (size_t)(made & 63));
        if (made % 3 == 0)
            block = realloc(block, 200);
        free(block);
        made++;
    }
    *(long *)place = made;
    return NULL;
}

int main(int argc, char **argv) {
    long times = atol(argv[1]), threads = atol(argv[2]), count = atol(argv[3]);
    (void)argc;
    pthread_t others[64];
    for (long i = 0; i < threads; i++)
        pthread_create(&others[i], NULL, beside, &blocks[i]);
    for (long i = 0; i < times; i++)
        execl("/nonexistent/program", "program", (char *)NULL);
    for (long i = 0; i < count; i++) {
        void *volatile block = malloc(100);
        free(block);
    }
    over = 1;
    long made = count;
    for (long i = 0; i < threads; i++) {
        pthread_join(others[i], NULL);
        made += blocks[i];
    }
    fprintf(stderr, "%ld\n", made);
    return 0;
}
