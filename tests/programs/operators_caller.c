/* Opens the libraries that it is given, one after the other, three times, runs each, and closes
 * it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    for (int round = 0; round < 3; round++)
        for (int i = 1; i < argc; i++) {
            void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
            if (!library)
                return puts(dlerror()), 1;
            int (*run)(void) = (int (*)(void))dlsym(library, "run");
            printf("%d\n", run());
            dlclose(library);
        }
    return 0;
}
