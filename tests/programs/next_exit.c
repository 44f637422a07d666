/* As a library: changes the exit status, as sanitizers do when they found something. As a
 * program: ends by _exit or _Exit. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef LIBRARY
void _exit(int status) {
    syscall(SYS_exit_group, status + 66);
    abort();
}
void _Exit(int status) {
    syscall(SYS_exit_group, status + 67);
    abort();
}
#else
int main(int count, char **arguments) {
    (void)arguments;
    free(malloc(5002));
    if (count > 1)
        _Exit(2);
    _exit(1);
}
#endif
