/* Makes blocks of 6001 bytes, waits for SIGUSR2, makes blocks of 6002 bytes and
 * frees those from before, waits again, frees those and makes blocks of 6003
 * bytes. Says "waiting" before each wait; SIGTERM ends it with status 5. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t ended;
static void end(int number) {
    (void)number;
    _exit(5);
}

static void await(void) {
    /* The tracer's handler is in place, or the signal would end us. */
    write(1, "waiting\n", 8);
    char byte;
    if (read(0, &byte, 1) != 1)
        _exit(6);
}

int main(void) {
    void *first[100], *second[100], *third[100];
    signal(SIGTERM, end);
    for (int i = 0; i < 100; i++)
        first[i] = malloc(6001);
    await();
    for (int i = 0; i < 100; i++)
        second[i] = malloc(6002);
    for (int i = 0; i < 50; i++)
        free(first[i]);
    for (int i = 50; i < 60; i++)
        first[i] = realloc(first[i], 6004);
    await();
    for (int i = 0; i < 50; i++)
        free(second[i]);
    for (int i = 0; i < 100; i++)
        third[i] = malloc(6003);
    await();
    memset(third[0], 0, 6003);
    return 0;
}
