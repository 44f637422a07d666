/* Libraries beside the program's scope, and functions that a library is asked for itself.
 * As a library: gives blocks and takes them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef LIBRARY
void *give(size_t size) { return malloc(size); }
void take(void *block) { free(block); }
/* dlsym looks at its return address, and so does dlopen. */
void *next_malloc(void) { return dlsym(RTLD_NEXT, "malloc"); }
void *open_neighbour(const char *name) { return dlopen(name, RTLD_NOW); }
#else
static void fail(const char *what) {
    printf("%s: %s\n", what, dlerror());
    exit(1);
}

static void exchange(void *library) {
    void *(*give)(size_t) = dlsym(library, "give");
    void (*take)(void *) = dlsym(library, "take");
    for (int i = 0; i < 100; i++) {
        free(give(6001));
        take(malloc(6002));
    }
}

int main(int count, char **arguments) {
    if (count < 3)
        return 1;
    const char *way = arguments[1], *path = arguments[2];
    if (!strcmp(way, "libc")) {
        void *libc = dlopen("libc.so.6", RTLD_LAZY);
        void *(*allocate)(size_t) = dlsym(libc, "malloc");
        void (*give_back)(void *) = dlsym(libc, "free");
        for (int i = 0; i < 100; i++) {
            free(allocate(6003));
            give_back(malloc(6004));
        }
        if (dlsym(libc, "no such name") || !dlerror() || dlerror())
            fail("dlerror");
        puts(dlsym(RTLD_DEFAULT, "malloc") == (void *)allocate ? "one malloc" : "two mallocs");
    } else if (!strcmp(way, "plain")) {
        void *library = dlopen(path, RTLD_NOW);
        if (!library)
            fail("dlopen");
        exchange(library);
        void *(*next)(void) = dlsym(library, "next_malloc");
        puts(next() ? "behind the library is libc" : "nothing is behind the library");
        void *(*neighbour)(const char *) = dlsym(library, "open_neighbour");
        if (!neighbour(strrchr(path, '/') + 1))
            fail("a library beside the one that asks");
    } else if (!strcmp(way, "deepbind")) {
        void *library = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
        if (!library)
            fail("dlopen");
        exchange(library);
    } else if (!strcmp(way, "namespace")) {
        void *library = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
        if (!library)
            fail("dlmopen");
        void *(*give)(size_t) = dlsym(library, "give");
        void (*take)(void *) = dlsym(library, "take");
        for (int i = 0; i < 100; i++)
            take(give(6001));
    }
    puts("done");
    return 0;
}
#endif
