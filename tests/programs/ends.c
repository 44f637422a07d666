/* Makes 1000 blocks of 12345 bytes, frees 400 of them, and ends as the argument
 * says. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile blocks[1000];

static void *end_from_thread(void *status) {
    exit(*(int *)status);
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "return";
    for (int i = 0; i < 1000; i++)
        blocks[i] = malloc(12345);
    for (int i = 0; i < 400; i++)
        free(blocks[i]);
    write(1, "ready\n", 6);
    if (!strcmp(way, "exit"))
        exit(3);
    if (!strcmp(way, "_exit"))
        _exit(4);
    if (!strcmp(way, "_Exit"))
        _Exit(5);
    if (!strcmp(way, "quick_exit"))
        quick_exit(6);
    if (!strcmp(way, "abort"))
        abort();
    if (!strcmp(way, "segv"))
        *(volatile int *)8 = 1;
    if (!strcmp(way, "kill"))
        kill(getpid(), SIGKILL);
    if (!strcmp(way, "thread")) {
        pthread_t id;
        int status = 7;
        pthread_create(&id, NULL, end_from_thread, &status);
        pthread_join(id, NULL);
    }
    if (!strcmp(way, "pthread_exit"))
        pthread_exit(NULL);
    return 0;
}
