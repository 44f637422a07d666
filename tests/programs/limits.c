/* Makes and frees blocks, 200000 times (about 11 MB of trace), under the limits
 * that the argument names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void *volatile keep;

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    int fd = -1;
    if (!strcmp(way, "fsize")) {
        struct rlimit limit = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (!strcmp(way, "close_all")) {
        /* What daemons do; then a file of our own gets (nearly) every number. */
        for (int i = 3; i < 1024; i++)
            close(i);
        fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
        write(fd, "mine\n", 5);
        for (int i = fd + 1; i < 1010; i++)
            dup2(fd, i);
    }
    if (!strcmp(way, "first_fd"))
        printf("descriptor %d\n", open("/dev/null", O_RDONLY));
    for (int i = 0; i < 200000; i++)
        free((keep = malloc((size_t)(i % 500) + 1)));
    puts("done");
    return 0;
}
