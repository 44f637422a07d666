/* Calls every function of the C library in the language that C99, C11 and C++11 have in
 * common, and ends with a line that says where what it expects does not hold. */

#include <idealloc.h>

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                      \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);            \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

enum { JOBS = 60, THREADS = 4 };

static uint64_t lower[JOBS], upper[JOBS], size[JOBS], alignment[JOBS];

/* Jobs for which the first placement does not meet the lower bound. */
static void make_jobs(void) {
    uint64_t state = 1;
    int job;
    for (job = 0; job < JOBS; job++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        lower[job] = (state >> 33) % 60;
        upper[job] = lower[job] + 1 + (state >> 40) % 30;
        size[job] = 1 + (state >> 45) % 1000;
        alignment[job] = (uint64_t)1 << (state >> 60) % 5;
    }
}

static idealloc_problem make_problem(void) {
    idealloc_problem problem;
    memset(&problem, 0, sizeof problem);
    problem.struct_size = sizeof problem;
    problem.count = JOBS;
    problem.lower = lower;
    problem.upper = upper;
    problem.size = size;
    problem.alignment = alignment;
    return problem;
}

static idealloc_options make_options(void) {
    idealloc_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.has_iterations = 1;
    options.iterations = 20;
    options.seed = 7;
    return options;
}

static void versions(void) {
    char version[32];
    sprintf(version, "%d.%d.%d", IDEALLOC_VERSION_MAJOR, IDEALLOC_VERSION_MINOR,
            IDEALLOC_VERSION_PATCH);
    EXPECT(strcmp(version, idealloc_version()) == 0);
}

static void a_placement_is_valid(void) {
    uint64_t offsets[JOBS], top = 0;
    idealloc_problem problem = make_problem();
    idealloc_options options = make_options();
    idealloc_result result;
    idealloc_error error;
    int job;
    result.struct_size = sizeof result;
    error.struct_size = sizeof error;
    EXPECT(idealloc_solve(&problem, &options, offsets, &result, &error) == IDEALLOC_CODE_OK);
    EXPECT(error.code == IDEALLOC_CODE_OK && error.message[0] == 0);
    EXPECT(idealloc_verify(&problem, 0, offsets, &error) == IDEALLOC_CODE_OK);
    for (job = 0; job < JOBS; job++)
        if (top < offsets[job] + size[job])
            top = offsets[job] + size[job];
    EXPECT(result.makespan == top && result.load <= result.lower_bound);
    EXPECT(result.lower_bound <= result.makespan && result.seconds >= 0);
    EXPECT(result.status == IDEALLOC_STATUS_FEASIBLE && result.stop == IDEALLOC_STOP_ITERATIONS);
}

static void constraints_hold(void) {
    /* 0 is fixed; 1 and 2 are a group; 3 lives in the gap of 4; 5 prefers an offset. */
    uint64_t from[6] = {0, 0, 5, 3, 0, 0}, to[6] = {10, 6, 10, 7, 10, 10};
    uint64_t bytes[6] = {8, 8, 8, 64, 64, 8}, offsets[6];
    uint8_t has_pin[6] = {1, 0, 0, 0, 0, 0}, has_group[6] = {0, 1, 1, 0, 0, 0};
    uint8_t has_hint[6] = {0, 0, 0, 0, 0, 1};
    uint64_t pin[6] = {16, 0, 0, 0, 0, 0}, group[6] = {0, 9, 9, 0, 0, 0};
    uint64_t hint[6] = {0, 0, 0, 0, 0, 8};
    idealloc_gap gap;
    idealloc_problem problem = make_problem();
    idealloc_error error;
    memset(&gap, 0, sizeof gap);
    gap.job = 4;
    gap.lower = 3;
    gap.upper = 7;
    problem.count = 6;
    problem.lower = from;
    problem.upper = to;
    problem.size = bytes;
    problem.alignment = NULL;
    problem.has_pin = has_pin;
    problem.pin = pin;
    problem.has_group = has_group;
    problem.group = group;
    problem.has_hint = has_hint;
    problem.hint = hint;
    problem.gap_count = 1;
    problem.gaps = &gap;
    EXPECT(idealloc_solve(&problem, NULL, offsets, NULL, NULL) == IDEALLOC_CODE_OK);
    EXPECT(offsets[0] == 16 && offsets[1] == offsets[2] && offsets[5] == 8);
    EXPECT(offsets[3] < offsets[4] + 64 && offsets[4] < offsets[3] + 64);
    error.struct_size = sizeof error;
    offsets[0] = 0;
    EXPECT(idealloc_verify(&problem, 0, offsets, &error) == IDEALLOC_CODE_MOVED);
    EXPECT(error.job_count == 1 && error.jobs[0] == 0);
}

static void errors_name_jobs(void) {
    uint64_t offsets[JOBS];
    idealloc_problem problem = make_problem();
    idealloc_error error;
    error.struct_size = sizeof error;
    memset(offsets, 0, sizeof offsets);
    EXPECT(idealloc_verify(&problem, 0, offsets, &error) == IDEALLOC_CODE_OVERLAP);
    EXPECT(error.job_count == 2 && error.jobs[0] != error.jobs[1]);
    EXPECT(error.jobs[0] < JOBS && error.jobs[1] < JOBS);
    EXPECT(lower[error.jobs[0]] < upper[error.jobs[1]] && lower[error.jobs[1]] < upper[error.jobs[0]]);
    alignment[17] = 0;
    memset(offsets, 1, sizeof offsets);
    EXPECT(idealloc_solve(&problem, NULL, offsets, NULL, &error) == IDEALLOC_CODE_JOB);
    EXPECT(error.code == IDEALLOC_CODE_JOB && error.job_count == 1 && error.jobs[0] == 17);
    EXPECT(strncmp(error.message, "job 17: alignment is 0", 22) == 0);
    EXPECT(offsets[0] == 0x0101010101010101u);
    alignment[17] = 1;
    EXPECT(idealloc_solve(NULL, NULL, NULL, NULL, &error) == IDEALLOC_CODE_POINTER);
}

static int stop_now(const idealloc_progress *progress, void *data) {
    EXPECT(progress->struct_size == sizeof *progress);
    ++*(int *)data;
    return 1;
}

static void a_listener_stops(void) {
    uint64_t offsets[JOBS];
    int calls = 0;
    idealloc_problem problem = make_problem();
    idealloc_options options = make_options();
    idealloc_result result;
    result.struct_size = sizeof result;
    options.has_iterations = 0;
    options.progress = stop_now;
    options.progress_data = &calls;
    EXPECT(idealloc_solve(&problem, &options, offsets, &result, NULL) == IDEALLOC_CODE_OK);
    EXPECT(result.stop == IDEALLOC_STOP_INTERRUPTED && calls == 1);
    EXPECT(idealloc_verify(&problem, 0, offsets, NULL) == IDEALLOC_CODE_OK);
}

static void nothing_is_placed(void) {
    idealloc_problem problem;
    idealloc_result result;
    memset(&problem, 0, sizeof problem);
    problem.struct_size = sizeof problem;
    result.struct_size = sizeof result;
    EXPECT(idealloc_solve(&problem, NULL, NULL, &result, NULL) == IDEALLOC_CODE_OK);
    EXPECT(result.makespan == 0 && result.status == IDEALLOC_STATUS_OPTIMAL);
}

static void *solve_alone(void *offsets) {
    idealloc_problem problem = make_problem();
    idealloc_options options = make_options();
    EXPECT(idealloc_solve(&problem, &options, (uint64_t *)offsets, NULL, NULL) == IDEALLOC_CODE_OK);
    return NULL;
}

static void threads_do_not_meet(void) {
    static uint64_t offsets[THREADS][JOBS];
    pthread_t threads[THREADS];
    int thread;
    for (thread = 0; thread < THREADS; thread++)
        EXPECT(pthread_create(&threads[thread], NULL, solve_alone, offsets[thread]) == 0);
    for (thread = 0; thread < THREADS; thread++)
        EXPECT(pthread_join(threads[thread], NULL) == 0);
    for (thread = 1; thread < THREADS; thread++)
        EXPECT(memcmp(offsets[0], offsets[thread], sizeof offsets[0]) == 0);
}

static int count_threads(void) {
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;
    EXPECT(folder != NULL);
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* So many jobs that the verifier divides its work. */
static void no_thread_stays(void) {
    enum { MANY = 100000 };
    static uint64_t from[MANY], to[MANY], bytes[MANY], offsets[MANY];
    idealloc_problem problem = make_problem();
    int at, before = count_threads();
    for (at = 0; at < MANY; at++) {
        from[at] = (uint64_t)at;
        to[at] = (uint64_t)at + 1;
        bytes[at] = 1;
    }
    problem.count = MANY;
    problem.lower = from;
    problem.upper = to;
    problem.size = bytes;
    problem.alignment = NULL;
    EXPECT(idealloc_verify(&problem, 0, offsets, NULL) == IDEALLOC_CODE_OK);
    /* They end by themselves, soon: there is nothing to wait for, so it is asked again. */
    for (at = 0; at < 1000 && count_threads() > before; at++)
        poll(NULL, 0, 10);
    EXPECT(count_threads() <= before);
}

int main(void) {
    make_jobs();
    versions();
    no_thread_stays();
    a_placement_is_valid();
    constraints_hold();
    errors_name_jobs();
    a_listener_stops();
    nothing_is_placed();
    threads_do_not_meet();
    puts("all holds");
    return 0;
}
