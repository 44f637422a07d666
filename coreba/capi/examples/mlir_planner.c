/* The function that a compiler's buffer planning pass would call: buffers in, offsets in
 * one arena out.
 *
 * Time counts operations. `time_end` is the last operation that uses the buffer, so it is
 * inclusive; the library's `upper` is exclusive, hence one more.
 *
 *     cc mlir_planner.c $(pkg-config --cflags --libs idealloc) -o mlir_planner */

#include <idealloc.h>

#include <stdio.h>
#include <stdlib.h>

/* A buffer between the first and the last operation that uses it. */
struct buffer {
    uint64_t size;       /* bytes */
    uint64_t alignment;  /* of its address; divides that of the arena */
    uint64_t time_start; /* inclusive */
    uint64_t time_end;   /* inclusive */
};

/* Writes one offset a buffer. The arena's address must be a multiple of `arena_alignment`.
 * Returns 0 and the arena's size; or 1, with a line on standard error. */
static int plan(uint64_t arena_alignment, const struct buffer *buffers, size_t count,
                uint64_t *offsets, uint64_t *arena_size) {
    idealloc_problem problem = {.struct_size = sizeof problem, .count = count};
    /* Work instead of time: the same input gives the same offsets on any machine. */
    idealloc_options options = {
        .struct_size = sizeof options, .has_iterations = 1, .iterations = 1000};
    idealloc_result result = {.struct_size = sizeof result};
    idealloc_error error = {.struct_size = sizeof error};
    uint64_t *columns = calloc(count + 1, 4 * sizeof *columns);
    uint64_t *lower = columns, *upper = lower + count, *size = upper + count;
    uint64_t *alignment = size + count;
    idealloc_code code;

    if (!columns || arena_alignment == 0) {
        fprintf(stderr, "planner: %s\n", columns ? "arena_alignment is 0" : "no memory");
        free(columns);
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (buffers[i].alignment == 0 || arena_alignment % buffers[i].alignment != 0) {
            fprintf(stderr, "planner: buffer %zu: alignment %llu does not divide the arena's\n", i,
                    (unsigned long long)buffers[i].alignment);
            free(columns);
            return 1;
        }
        lower[i] = buffers[i].time_start;
        upper[i] = buffers[i].time_end + 1;
        size[i] = buffers[i].size;
        alignment[i] = buffers[i].alignment;
    }
    problem.lower = lower;
    problem.upper = upper;
    problem.size = size;
    problem.alignment = alignment;
    code = idealloc_solve(&problem, &options, offsets, &result, &error);
    free(columns);
    if (code != IDEALLOC_CODE_OK) {
        fprintf(stderr, "planner: %s\n", error.message);
        return 1;
    }
    *arena_size = (result.makespan + arena_alignment - 1) / arena_alignment * arena_alignment;
    return 0;
}

int main(void) {
    /* A chain of convolutions with a shortcut over two of them. */
    const struct buffer buffers[] = {
        {150528, 64, 0, 1}, {401408, 64, 1, 4}, {401408, 64, 2, 3},
        {903168, 64, 2, 2}, {401408, 64, 3, 4}, {200704, 64, 4, 5},
        {4000, 16, 5, 6},
    };
    enum { COUNT = sizeof buffers / sizeof *buffers };
    uint64_t offsets[COUNT], arena_size;

    if (plan(64, buffers, COUNT, offsets, &arena_size) != 0)
        return 1;
    for (size_t i = 0; i < COUNT; i++)
        printf("buffer %zu at %llu\n", i, (unsigned long long)offsets[i]);
    printf("arena %llu bytes\n", (unsigned long long)arena_size);
    return 0;
}
