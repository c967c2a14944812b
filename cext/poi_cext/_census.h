/* What the clauses of an index to be name, and how often: by it their keys and the bounds of their ranges are chosen. */
#ifndef POI_CENSUS_H
#define POI_CENSUS_H

#include <sys/mman.h>

#include "_index.h"

enum { MAX_REGIONS = 1 << 22, SAMPLES = 4096, HUGE_PAGE = 2 << 20 };

typedef struct {
    Meta meta;
    Slot *slots;
    uint32_t *postings, *starts;
    int32_t *words, *windows, *bounds;
    uint64_t *bits;
    uint32_t *regions, *areas;
    int64_t fault;  /* the clause that could not be taken */
} Built;

/* Memory that is written once from end to end, or at random: in huge pages where there are any. */
static inline void *large_room(size_t size) {
    void *room = malloc(size);
#ifdef MADV_HUGEPAGE
    uintptr_t first = ((uintptr_t) room + HUGE_PAGE - 1) & ~(uintptr_t) (HUGE_PAGE - 1), end = ((uintptr_t) room + size) & ~(uintptr_t) (HUGE_PAGE - 1);
    if (room && first < end) madvise((void *) first, end - first, MADV_HUGEPAGE);
#endif
    return room;
}

static inline Index built_index(const Built *built) {
    return (Index) {built->meta, built->slots, built->postings, built->starts, built->words, built->windows, built->bounds,
                    built->bits, built->regions, built->areas};
}

static inline void built_free(Built *built) {
    free(built->slots);
    free(built->postings);
    free(built->starts);
    free(built->words);
    free(built->windows);
    free(built->bounds);
    free(built->bits);
    free(built->regions);
    free(built->areas);
    memset(built, 0, sizeof *built);
}

typedef struct {
    Built *to;
    int64_t valued;
    int32_t *samples[MAX_SUBJECTS];
    int64_t sampled[MAX_SUBJECTS];
    int64_t highest_place[2];  /* store and region named, -1: none */
} Census;

static inline void sample(Census *census, int32_t column, int32_t limit) {
    if (limit == HIGHEST || limit <= LOWEST || !census->samples[column]) return;
    int64_t seen = census->sampled[column]++;
    uint64_t at = seen < SAMPLES ? (uint64_t) seen : mixed((uint64_t) seen) % (uint64_t) (seen + 1);
    if (at < SAMPLES) census->samples[column][at] = limit;
}

static inline void count_clause(Census *census, const int32_t *words, int64_t length) {
    bool placed = false, valued = false;
    Built *to = census->to;
    Box box;
    for (int64_t at = 0; at < length; at += 3 + words[at + 2]) {
        int32_t op = words[at], subject = words[at + 1], count = words[at + 2];
        const int32_t *values = words + at + 3;
        if (op == ANY && subject == REGION)
            for (int32_t i = 0; i < count; i++)
                if (values[i] >= 0 && values[i] < MAX_REGIONS) {
                    to->regions[values[i]]++;
                    to->meta.region_total++;
                    if (values[i] >= to->meta.regions) to->meta.regions = values[i] + 1;
                }
        if (op == ANY && count && !op_of_the_place(op, subject)) {
            for (int32_t i = 0; i < count; i++)
                if (values[i] > to->meta.highest[subject]) to->meta.highest[subject] = values[i];
            valued = true;
        }
        if (op == ANY && op_of_the_place(op, subject)) {
            for (int32_t i = 0; i < count; i++)
                if (values[i] > census->highest_place[subject]) census->highest_place[subject] = values[i];
            placed = true;
        }
        if ((op == NEAR && ball_box(values, &box)) || (op == INSIDE && ring_box(values, &box))) {
            to->areas[coarse_cell(&box)]++;
            to->meta.shapes++;
            placed = true;
        }
        if (op == RANGE && subject != DAY) {
            sample(census, subject, values[0]);
            if (values[1] < HIGHEST) sample(census, subject, values[1] + 1);
        }
    }
    census->valued += valued && !placed;
}

static int ascending(const void *one, const void *other) {
    int32_t a = *(const int32_t *) one, b = *(const int32_t *) other;
    return (a > b) - (a < b);
}

/* Up to BOUNDS limits that divide the samples evenly, the frequent ones among them. */
static inline void choose_bounds(Census *census, int64_t columns, int32_t *bounds) {
    for (int64_t column = 0; column < columns; column++) {
        int32_t *found = census->samples[column], *to = bounds + column * BOUND_WORDS;
        int64_t count = census->sampled[column] < SAMPLES ? census->sampled[column] : SAMPLES, distinct = 0;
        if (!found || !count) continue;
        qsort(found, (size_t) count, sizeof *found, ascending);
        for (int64_t i = 0; i < count; i++) distinct += !i || found[i] != found[i - 1];
        int64_t steps = distinct <= BOUNDS ? count : BOUNDS;
        for (int64_t i = 0; i < steps; i++) {
            int32_t limit = found[distinct <= BOUNDS ? i : (2 * i + 1) * count / (2 * BOUNDS)];
            if (!to[0] || to[to[0]] != limit) to[++to[0]] = limit;
        }
    }
}

#endif
