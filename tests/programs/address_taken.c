/* Takes the addresses of functions of the malloc family. */
#include <stdlib.h>

static void *with(void *(*allocate)(size_t), size_t size) { return allocate(size); }

int main(int count, char **arguments) {
    (void)arguments;
    for (int i = 0; i < 100; i++)
        free(with(count > 5 ? valloc : malloc, 5001));
    return 0;
}
