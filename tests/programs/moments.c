/* Allocation at moments at which a tracer may not be ready: in constructors and
 * destructors, in TLS destructors, in a signal handler, during dlopen and dlsym,
 * and after exit began. The argument, where there is one, is a library to open. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile keep;
static void touch(size_t size) {
    free((keep = malloc(size)));
}

__attribute__((constructor)) static void constructor(void) { touch(4001); }
__attribute__((destructor)) static void destructor(void) { touch(4002); }
static void at_exit(void) { touch(4003); }
static void in_signal(int number) {
    (void)number;
    touch(4004);
}
static void tls_destructor(void *value) {
    free(value);
    touch(4005);
}
static pthread_key_t key;
static void *thread(void *unused) {
    pthread_setspecific(key, malloc(4006));
    return unused;
}

int main(int argc, char **argv) {
    atexit(at_exit);
    signal(SIGUSR1, in_signal);
    raise(SIGUSR1);
    pthread_key_create(&key, tls_destructor);
    pthread_t id;
    pthread_create(&id, NULL, thread, NULL);
    pthread_join(id, NULL);
    if (argc > 1) {
        void *library = dlopen(argv[1], RTLD_NOW);
        if (!library)
            return 2;
        int (*answer)(void) = (int (*)(void))dlsym(library, "answer");
        printf("answer %d\n", answer());
        if (dlsym(library, "no_such_symbol"))
            return 3;
        printf("%s\n", dlerror() ? "error told" : "no error");
        dlclose(library);
    }
    return 0;
}
