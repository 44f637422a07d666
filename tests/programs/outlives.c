/* Forks a child that outlives it: makes blocks of 7001 bytes, and 300000 of 7002
 * once the file that the argument names is there. */
#include <stdlib.h>
#include <unistd.h>

static void *volatile keep;

int main(int argc, char **argv) {
    int ready[2];
    char byte = 0;
    if (argc < 2 || pipe(ready))
        return 2;
    free((keep = malloc(1001)));
    if (fork() == 0) {
        for (int i = 0; i < 1000; i++)
            free((keep = malloc(7001)));
        write(ready[1], &byte, 1);
        for (int fd = 0; fd < 1024; fd++)
            close(fd);
        for (int i = 0; access(argv[1], F_OK) && i < 3000; i++)
            usleep(10000);
        for (int i = 0; i < 300000; i++)
            free((keep = malloc(7002)));
        return 0;
    }
    return read(ready[0], &byte, 1) != 1;
}
