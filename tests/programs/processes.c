/* Starts a child in the way that the argument names. Parent and children make
 * blocks of sizes that tell them apart:
 *   parent before 1001 (20 of them) and 1002, after 1003; child 2001; executed program 3001. */
#define _GNU_SOURCE
#include <spawn.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static void *volatile keep;
static char *inherited[20];

static void child_work(void) {
    for (int i = 0; i < 10; i++)
        free(inherited[i]);
    for (int i = 10; i < 15; i++)
        inherited[i] = realloc(inherited[i], 5000);
    for (int i = 10; i < 15; i++)
        free(inherited[i]);
    for (int i = 0; i < 50; i++)
        free((keep = malloc(2001)));
    keep = malloc(2001);
}

static int finish(pid_t pid) {
    int status = -1;
    if (pid > 0)
        waitpid(pid, &status, 0);
    free((keep = malloc(1003)));
    printf("status %d\n", status);
    return 0;
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "leaf";
    if (!strcmp(way, "leaf")) {
        for (int i = 0; i < 30; i++)
            free((keep = malloc(3001)));
        puts("leaf");
        return 9;
    }
    for (int i = 0; i < 20; i++) {
        inherited[i] = malloc(1001);
        inherited[i][1000] = (char)i;
    }
    keep = malloc(1002);
    setvbuf(stdout, NULL, _IONBF, 0);
    char *leaf[] = {argv[0], "leaf", NULL};
    pid_t pid;
    if (!strcmp(way, "fork")) {
        if ((pid = fork()) == 0) {
            child_work();
            exit(8);
        }
        return finish(pid);
    }
    if (!strcmp(way, "twice")) {
        if ((pid = fork()) == 0) {
            child_work();
            pid_t next = fork();
            if (next == 0) {
                for (int i = 15; i < 20; i++)
                    free(inherited[i]);
                for (int i = 0; i < 51; i++)
                    keep = malloc(2001);
                _exit(7);
            }
            waitpid(next, NULL, 0);
            exit(8);
        }
        return finish(pid);
    }
    if (!strcmp(way, "clone")) {
        if ((pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == 0) {
            child_work();
            _exit(8);
        }
        return finish(pid);
    }
    if (!strcmp(way, "fork_exec")) {
        if ((pid = fork()) == 0) {
            child_work();
            execv(argv[0], leaf);
            _exit(127);
        }
        return finish(pid);
    }
    if (!strcmp(way, "vfork")) {
        if ((pid = vfork()) == 0) {
            execv(argv[0], leaf);
            _exit(127);
        }
        return finish(pid);
    }
    if (!strcmp(way, "vfork_exit")) {
        if ((pid = vfork()) == 0)
            _exit(6);
        return finish(pid);
    }
    if (!strcmp(way, "spawn")) {
        if (posix_spawn(&pid, argv[0], NULL, NULL, leaf, environ))
            return 1;
        return finish(pid);
    }
    if (!strcmp(way, "exec")) {
        execv(argv[0], leaf);
        return 127;
    }
    if (!strcmp(way, "exec_fails")) {
        execv("/nonexistent", leaf);
        return finish(0);
    }
    if (!strcmp(way, "chdir_exec")) {
        if ((pid = fork()) == 0) {
            if (chdir("/"))
                _exit(1);
            execv(argv[0], leaf);
            _exit(127);
        }
        return finish(pid);
    }
    char command[5000];
    snprintf(command, sizeof command, "%s leaf", argv[0]);
    if (!strcmp(way, "system")) {
        printf("system %d\n", WEXITSTATUS(system(command)));
        return finish(0);
    }
    if (!strcmp(way, "popen")) {
        FILE *pipe = popen(command, "r");
        char line[100];
        while (fgets(line, sizeof line, pipe))
            fputs(line, stdout);
        printf("pclose %d\n", WEXITSTATUS(pclose(pipe)));
        return finish(0);
    }
    return 99;
}
