/* 300 threads at once, and 1000 one after the other. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_barrier_t barrier;
static void *volatile keep;

static void *together(void *unused) {
    void *block = malloc(5001);
    pthread_barrier_wait(&barrier);
    free(block);
    return unused;
}
static void *alone(void *unused) {
    free(malloc(5002));
    return unused;
}

int main(void) {
    static pthread_t ids[300];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_barrier_init(&barrier, NULL, 300);
    for (int i = 0; i < 300; i++)
        if (pthread_create(&ids[i], &attributes, together, NULL))
            return 1;
    for (int i = 0; i < 300; i++)
        pthread_join(ids[i], NULL);
    for (int i = 0; i < 1000; i++) {
        pthread_create(&ids[0], &attributes, alone, NULL);
        pthread_join(ids[0], NULL);
    }
    puts("done");
    return 0;
}
