/* Offsets for buffers of known sizes and lifetimes
 *
 * Made by cbindgen: change src/abi.rs and src/lib.rs instead. */

#ifndef IDEALLOC_H
#define IDEALLOC_H

#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header.
 */
#define IDEALLOC_VERSION_MAJOR 0

/**
 * See IDEALLOC_VERSION_MAJOR. While that is 0, a minor version may change anything.
 */
#define IDEALLOC_VERSION_MINOR 1

/**
 * See IDEALLOC_VERSION_MAJOR.
 */
#define IDEALLOC_VERSION_PATCH 0

/**
 * How long a solve may take where its options name neither a timeout nor a number of
 * iterations, in seconds.
 */
#define IDEALLOC_DEFAULT_TIMEOUT_SECONDS 3

/**
 * Bytes of a message, the ending 0 included.
 */
#define IDEALLOC_MESSAGE_BYTES 256

/**
 * How a call went. The message of an idealloc_error says more.
 */
enum idealloc_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * All went well.
     */
    IDEALLOC_CODE_OK = 0,
    /**
     * A pointer is NULL that must not be, or is not aligned as its type asks.
     */
    IDEALLOC_CODE_POINTER = 1,
    /**
     * A struct's `struct_size` is not set, or the struct sets a field of a newer version.
     */
    IDEALLOC_CODE_STRUCT_SIZE = 2,
    /**
     * An option's value is refused.
     */
    IDEALLOC_CODE_OPTION = 3,
    /**
     * A job, or a gap, is not sound.
     */
    IDEALLOC_CODE_JOB = 4,
    /**
     * Fixed offsets contradict each other.
     */
    IDEALLOC_CODE_CONFLICT = 5,
    /**
     * Too many jobs, or a sum passes 2^63 - 1.
     */
    IDEALLOC_CODE_TOO_LARGE = 6,
    /**
     * There is not enough memory for the jobs.
     */
    IDEALLOC_CODE_OUT_OF_MEMORY = 7,
    /**
     * Two jobs that live at the same time share addresses.
     */
    IDEALLOC_CODE_OVERLAP = 8,
    /**
     * A job's address is not a multiple of its alignment.
     */
    IDEALLOC_CODE_MISALIGNED = 9,
    /**
     * A fixed job is somewhere else.
     */
    IDEALLOC_CODE_MOVED = 10,
    /**
     * Two jobs of a group do not share an offset.
     */
    IDEALLOC_CODE_SPLIT = 11,
    /**
     * A job ends beyond 2^64 - 1.
     */
    IDEALLOC_CODE_BEYOND = 12,
    /**
     * A fault of this library: please report it.
     */
    IDEALLOC_CODE_DEFECT = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum idealloc_code idealloc_code;
#else
typedef uint32_t idealloc_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is known about a placement.
 */
enum idealloc_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No placement is smaller: the makespan is the lower bound.
     */
    IDEALLOC_STATUS_OPTIMAL = 0,
    /**
     * The placement is valid, and within the capacity if there is one. A smaller one may exist.
     */
    IDEALLOC_STATUS_FEASIBLE = 1,
    /**
     * There is no placement within the capacity: that is proved. This one is valid, and too
     * large.
     */
    IDEALLOC_STATUS_INFEASIBLE = 2,
    /**
     * The search ended before it knew whether a placement is within the capacity. This one is
     * valid, and too large.
     */
    IDEALLOC_STATUS_UNKNOWN = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum idealloc_status idealloc_status;
#else
typedef uint32_t idealloc_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What ended a search.
 */
enum idealloc_stop
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The makespan met the lower bound.
     */
    IDEALLOC_STOP_LOWER_BOUND = 0,
    /**
     * There was nothing left to try.
     */
    IDEALLOC_STOP_EXHAUSTED = 1,
    /**
     * The placement is within the capacity.
     */
    IDEALLOC_STOP_CAPACITY_MET = 2,
    /**
     * It was proved that none is.
     */
    IDEALLOC_STOP_INFEASIBLE = 3,
    /**
     * The time was up.
     */
    IDEALLOC_STOP_TIMEOUT = 4,
    /**
     * The iterations were done.
     */
    IDEALLOC_STOP_ITERATIONS = 5,
    /**
     * The listener said so.
     */
    IDEALLOC_STOP_INTERRUPTED = 6,
    /**
     * Something that this header does not know.
     */
    IDEALLOC_STOP_OTHER = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum idealloc_stop idealloc_stop;
#else
typedef uint32_t idealloc_stop;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A part `[lower, upper)` of a job's lifetime in which others may have its memory. The gaps
 * of one job are inside its lifetime, and do not overlap.
 */
typedef struct idealloc_gap {
    /**
     * The job's index.
     */
    size_t job;
    /**
     * The gap's start.
     */
    uint64_t lower;
    /**
     * Its end, exclusive.
     */
    uint64_t upper;
    /**
     * The bytes `[window_low, window_high)` of the job that it keeps meanwhile; both 0: none.
     */
    uint64_t window_low;
    /**
     * See `window_low`.
     */
    uint64_t window_high;
} idealloc_gap;

/**
 * Jobs to place: buffers with a size and a lifetime. A zeroed problem has no jobs.
 *
 * Every array has `count` elements. Arrays behind `size` may be NULL: then no job has what
 * they say. Of a pair such as `has_pin` and `pin` both are NULL or none is; a job has the
 * value where its flag is not 0.
 *
 * A job of size 0 takes no memory. Its offset is 0, and nothing else of it is looked at.
 *
 * No value, and no sum of sizes with their alignments, may pass 2^63 - 1: a negative number
 * that was cast is refused.
 */
typedef struct idealloc_problem {
    /**
     * sizeof(idealloc_problem).
     */
    size_t struct_size;
    /**
     * How many jobs there are; less than 2^32.
     */
    size_t count;
    /**
     * The first instant at which each job is live, on any clock.
     */
    const uint64_t *lower;
    /**
     * The first instant at which it is live no more; more than its `lower`.
     */
    const uint64_t *upper;
    /**
     * Its bytes.
     */
    const uint64_t *size;
    /**
     * start + offset is a multiple of it; at least 1. NULL: any address will do.
     */
    const uint64_t *alignment;
    /**
     * Which jobs are in a group.
     */
    const uint8_t *has_group;
    /**
     * Jobs of the same number share one offset, and may be live at the same time.
     */
    const uint64_t *group;
    /**
     * Which jobs are fixed.
     */
    const uint8_t *has_pin;
    /**
     * The offset at which a job is fixed.
     */
    const uint64_t *pin;
    /**
     * Which jobs have a preferred offset.
     */
    const uint8_t *has_hint;
    /**
     * An offset that the job gets where that costs nothing.
     */
    const uint64_t *hint;
    /**
     * How many gaps there are, of all jobs together.
     */
    size_t gap_count;
    /**
     * The gaps, in any order. NULL where there are none.
     */
    const struct idealloc_gap *gaps;
} idealloc_problem;

/**
 * How far a search is.
 */
typedef struct idealloc_progress {
    /**
     * The size of this struct in the library that calls.
     */
    size_t struct_size;
    /**
     * With `has_makespan`: the smallest makespan so far, in bytes.
     */
    uint64_t makespan;
    /**
     * With `has_makespan`: what was proved by then: no makespan is smaller.
     */
    uint64_t lower_bound;
    /**
     * How many placements were tried.
     */
    uint64_t evaluations;
    /**
     * Not 0 once there is a placement.
     */
    uint32_t has_makespan;
    /**
     * 0.
     */
    uint32_t reserved;
} idealloc_progress;

/**
 * How to solve. A zeroed one, its `struct_size` aside, has the defaults.
 */
typedef struct idealloc_options {
    /**
     * sizeof(idealloc_options).
     */
    size_t struct_size;
    /**
     * The address of offset 0, or any that is as well aligned: start + offset is what is
     * aligned. At most 2^63 - 1.
     */
    uint64_t start;
    /**
     * The seed of all randomness.
     */
    uint64_t seed;
    /**
     * With `has_iterations`: how many placements to try at most. The same number and seed,
     * without a timeout, give the same offsets on any machine and with any number of threads.
     */
    uint64_t iterations;
    /**
     * With `has_capacity`: look for a placement of at most so many bytes, and stop at the
     * first one, or at a proof that there is none.
     */
    uint64_t capacity;
    /**
     * With `has_timeout`: stop after so many seconds with the best placement so far. 0 gives
     * the first one, INFINITY (math.h) sets no limit.
     */
    double timeout_seconds;
    /**
     * How many threads to use; 0: as many as the process could use when it first called.
     */
    uint32_t threads;
    /**
     * Whether `timeout_seconds` counts: not 0 means yes. With neither timeout nor iterations
     * the limit is IDEALLOC_DEFAULT_TIMEOUT_SECONDS.
     */
    uint32_t has_timeout;
    /**
     * Whether `iterations` counts.
     */
    uint32_t has_iterations;
    /**
     * Whether `capacity` counts.
     */
    uint32_t has_capacity;
    /**
     * Called now and then during the search, and at every better placement, by the thread that
     * called idealloc_solve; between two calls may be a step of the search. What it returns, if
     * it is not 0, stops the search with the best placement so far. It must return: no longjmp,
     * no C++ exception. NULL: nobody listens.
     */
    int (*progress)(const struct idealloc_progress *progress, void *progress_data);
    /**
     * Given to `progress` as it is.
     */
    void *progress_data;
} idealloc_options;

/**
 * What came out.
 */
typedef struct idealloc_result {
    /**
     * sizeof(idealloc_result), set by the caller.
     */
    size_t struct_size;
    /**
     * Bytes that the placement takes: the largest offset + size.
     */
    uint64_t makespan;
    /**
     * The largest sum of sizes that are live at the same time.
     */
    uint64_t load;
    /**
     * No makespan is smaller than so many bytes: at least `load`.
     */
    uint64_t lower_bound;
    /**
     * How many placements were tried.
     */
    uint64_t evaluations;
    /**
     * How long the call took.
     */
    double seconds;
    /**
     * What is known about the placement.
     */
    idealloc_status status;
    /**
     * What ended the search.
     */
    idealloc_stop stop;
} idealloc_result;

/**
 * What went wrong. It needs no initialisation but that of `struct_size`, and is written by
 * every call, also by one that went well.
 */
typedef struct idealloc_error {
    /**
     * sizeof(idealloc_error), set by the caller.
     */
    size_t struct_size;
    /**
     * What the call returned.
     */
    idealloc_code code;
    /**
     * How many of `jobs` are set: 0, 1 or 2.
     */
    uint32_t job_count;
    /**
     * The indices of the jobs that it is about.
     */
    size_t jobs[2];
    /**
     * One line that names the job, the field and the value; empty where all went well.
     */
    char message[IDEALLOC_MESSAGE_BYTES];
} idealloc_error;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that runs, as "0.1.0": a static string. IDEALLOC_VERSION_MAJOR
 * and its like are those of the header that the program was compiled with.
 */
const char *idealloc_version(void);

/**
 * Computes one offset a job, such that jobs which live at the same time do not overlap
 * and the makespan is as small as the limits allow. The placement has passed the
 * independent verifier.
 *
 * `options` may be NULL for the defaults, `result` and `error` where they are not wanted.
 * `offsets` has room for `problem->count` values, and may be one of the problem's arrays.
 * On failure only `error` is written. Any number of threads may call at the same time.
 *
 * With a capacity, IDEALLOC_CODE_OK does not mean that the placement is within it: see
 * `result->status`.
 *
 * # Safety
 * Every pointer is NULL where that is allowed, or points to what it is said to point to,
 * of which nobody else writes anything during the call.
 */
idealloc_code idealloc_solve(const struct idealloc_problem *problem,
                             const struct idealloc_options *options,
                             uint64_t *offsets,
                             struct idealloc_result *result,
                             struct idealloc_error *error);

/**
 * Checks a placement against everything that `problem` says, with code that shares nothing
 * with the solver: overlaps, alignment of `start + offset`, fixed offsets, groups. Hints ask
 * for nothing. The first violation found is the code, and `error` names its jobs.
 *
 * `offsets` holds `problem->count` values; those of jobs of size 0 are not looked at. `error`
 * may be NULL. Any number of threads may call at the same time.
 *
 * # Safety
 * Every pointer is NULL where that is allowed, or points to what it is said to point to,
 * of which nobody else writes anything during the call.
 */
idealloc_code idealloc_verify(const struct idealloc_problem *problem,
                              uint64_t start,
                              const uint64_t *offsets,
                              struct idealloc_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* IDEALLOC_H */
