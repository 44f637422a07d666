/* Threads that free and reallocate each other's blocks through shared slots.
 * Arguments: threads (16), rounds a thread (20000). Prints "done". */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256 };
static _Atomic(char *) slots[SLOTS];
static int rounds = 20000;

static uint32_t next(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void *work(void *argument) {
    uint32_t seed = (uint32_t)(uintptr_t)argument * 2654435761u + 1;
    for (int round = 0; round < rounds; round++) {
        _Atomic(char *) *slot = &slots[next(&seed) % SLOTS];
        size_t size = next(&seed) % 100 == 0 ? next(&seed) % 300000 : next(&seed) % 600;
        char *block;
        switch (next(&seed) % 4) {
        case 0:
            block = realloc(atomic_exchange(slot, NULL), size + 1);
            break;
        case 1:
            block = calloc(size + 1, 1);
            break;
        default:
            block = malloc(size + 1);
        }
        if (!block)
            abort();
        block[size] = 1;
        free(atomic_exchange(slot, block));
    }
    return NULL;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 16;
    if (argc > 2)
        rounds = atoi(argv[2]);
    pthread_t *ids = malloc(sizeof *ids * (size_t)threads);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)(i + 1)))
            return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    free(ids);
    for (int i = 0; i < SLOTS; i++)
        free(slots[i]);
    puts("done");
    return 0;
}
