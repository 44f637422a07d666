/* Closes and opens descriptor 0 again and again, while threads allocate: whoever takes the
   lowest free descriptor meanwhile is seen. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static volatile int stop;

static void *allocate(void *argument) {
    while (!stop)
        for (int i = 0; i < 400; i++) {
            char *block = malloc(1 << 20);
            block[0] = 1;
            free(block);
        }
    return argument;
}

int main(void) {
    pthread_t threads[3];
    int taken = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, allocate, NULL);
    for (int i = 0; i < 300000; i++) {
        close(0);
        int file = open("/dev/null", O_RDONLY);
        if (file != 0) {
            taken++;
            dup2(file, 0);
            close(file);
        }
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return taken > 200 ? 200 : taken;
}
