/* For each argument: the file of the object that its symbol is bound to. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        Dl_info info;
        void *symbol = dlsym(RTLD_DEFAULT, argv[i]);
        puts(symbol && dladdr(symbol, &info) ? info.dli_fname : "nowhere");
    }
    return 0;
}
