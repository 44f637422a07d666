/* Does with its descriptors what daemons do, in the way that the first argument names, gives
 * up its rights in the way that the second names, and goes on allocating. Prints what a
 * program sees of descriptors. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile keep;

static void churn(long count) {
    for (long i = 0; i < count; i++)
        free((keep = malloc((size_t)(i % 500) + 1)));
}

static void *close_there(void *fd) {
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    close((int)(long)fd);
    return NULL;
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "", *drop = argc > 2 ? argv[2] : "";
    churn(1000);
    if (!strcmp(way, "loop"))
        for (int fd = 3; fd < 70000; fd++)
            close(fd);
    else if (!strcmp(way, "down"))
        for (int fd = getdtablesize() + 100; fd > 2; fd--)
            close(fd);
    else if (!strcmp(way, "close_range"))
        printf("%d\n", close_range(3, ~0U, 0));
    else if (!strcmp(way, "syscall"))
        printf("%ld\n", syscall(SYS_close_range, 3, ~0U, 0));
    else if (!strcmp(way, "closefrom"))
        closefrom(3);
    else if (!strcmp(way, "proc")) {
        DIR *folder = opendir("/proc/self/fd");
        struct dirent *entry;
        while ((entry = readdir(folder)))
            if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(folder))
                close(atoi(entry->d_name));
        closedir(folder);
    } else if (!strcmp(way, "dup2")) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 3; fd < 1010; fd++)
            if (fd != null && dup2(null, fd) < 0)
                break;
        for (int fd = 3; fd < 70000; fd++)
            close(fd);
    } else if (!strcmp(way, "all")) {
        int count = 0;
        while (open("/dev/null", O_RDONLY) >= 0)
            count++;
        printf("opened %d: %s\n", count, strerror(errno));
    } else if (!strcmp(way, "odd")) {
        printf("%d\n", close(-1));
        printf("%s\n", strerror(errno));
        int fd = open("/dev/null", O_RDONLY);
        printf("descriptor %d\n", fd);
        printf("%d\n", dup2(fd, fd));
        printf("%d\n", dup3(fd, fd, 0));
        pthread_t thread;
        pthread_create(&thread, NULL, close_there, (void *)(long)fd);
        pthread_join(thread, NULL);
        printf("%d\n", close(fd));
    } else if (!strcmp(way, "vfork")) {
        /* The child's descriptors are its own. */
        pid_t child = vfork();
        if (child == 0) {
            for (int fd = 3; fd < 30000; fd++)
                close(fd);
            execl("/bin/true", "true", (char *)NULL);
            _exit(9);
        }
        int status = 0;
        waitpid(child, &status, 0);
        printf("child %d\n", status);
    }
    if (!strcmp(drop, "rights") && (setgid(65534) || setuid(65534)))
        return 9;
    if (!strcmp(drop, "root") && (chroot("/usr/share") || chdir("/")))
        return 8;
    churn(30000);
    puts("done");
    return 0;
}
