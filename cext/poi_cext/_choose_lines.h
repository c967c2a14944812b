/* What unit effects leave of each line, from below, remembered line by line: from one combination to the next most
   lines see the same effects on the same units. */
#ifndef POI_CHOOSE_LINES_H
#define POI_CHOOSE_LINES_H

#include "_choose_exact.h"

enum { KEPT_RUNS = 4 };

/* The units that effects lower on a line are packed words: step, first unit, end. They stand where `run_start` says. */
typedef struct {
    uint64_t *now, *kept;
    int32_t *now_count, *kept_count;
    int64_t *kept_left;
} UnitLines;

static inline void lay_out_unit_lines(UnitLines *u, const Problem *p, int most_runs, Arena *arena) {
    u->now = TAKE(arena, uint64_t, most_runs);
    u->kept = TAKE(arena, uint64_t, (size_t)most_runs * KEPT_RUNS);
    u->now_count = TAKE(arena, int32_t, p->lines);
    u->kept_count = TAKE(arena, int32_t, p->lines * KEPT_RUNS);
    u->kept_left = TAKE(arena, int64_t, p->lines * KEPT_RUNS);
}

static inline void forget_unit_lines(UnitLines *u, const Problem *p) {
    for (int i = 0; i < p->lines * KEPT_RUNS; i++) u->kept_count[i] = NONE;
}

static inline uint64_t packed(int step, const Span *span) {
    return (uint64_t)step << 48 | (uint64_t)span->start << 24 | (uint64_t)span->end;
}

/* One line, worked out in 64-bit numbers. */
static inline int64_t line_left(const Problem *p, Exact *e, const UnitLines *u, int line, int down, int *bad) {
    const uint64_t *now = u->now + e->run_start[line];
    int start = e->run_start[line], count = u->now_count[line];
    uint64_t whole = 1, sum = 0, rest;
    for (int i = 0; i < count; i++) {
        const Step *step = &p->step[now[i] >> 48];
        if (step->percent) whole = n64_mul(whole, WHOLE_PERCENT / n64_gcd((uint64_t)step->percent, WHOLE_PERCENT), bad);
    }
    e->run_count[line] = 1;
    e->run_units[start] = p->units[line];
    e->price_n64[start] = n64_mul((uint64_t)p->prices[line], whole, bad);
    for (int i = 0; i < count && !*bad; i++) {
        Span span = {line, (int32_t)(now[i] >> 24 & 0xFFFFFF), (int32_t)(now[i] & 0xFFFFFF), 0};
        lower_span_n64(e, &p->step[now[i] >> 48], &span, whole, 1, 1, bad);
    }
    for (int i = start; i < start + e->run_count[line]; i++)
        sum = n64_add(sum, n64_mul((uint64_t)e->run_units[i], e->price_n64[i], bad), bad);
    int64_t beside = p->amounts[line] - p->units[line] * p->prices[line];
    sum = n64_add(sum, n64_mul((uint64_t)beside, whole, bad), bad);
    if (!down) sum = n64_add(n64_mul(sum, 2, bad), whole, bad);
    if (!down) whole = n64_mul(whole, 2, bad);
    return *bad ? 0 : n64_quotient(sum, whole, &rest);
}

static inline int64_t kept_or_worked_out(const Problem *p, Exact *e, UnitLines *u, int line, int down, int *bad) {
    const uint64_t *now = u->now + e->run_start[line];
    int count = u->now_count[line], room = e->run_start[p->lines];
    uint64_t mixed = (uint64_t)count;
    for (int i = 0; i < count; i++) mixed = (mixed ^ now[i]) * 0x9E3779B97F4A7C15u;
    int slot = (int)(mixed >> 62), place = line * KEPT_RUNS + slot;
    uint64_t *kept_now = u->kept + (size_t)slot * (size_t)room + e->run_start[line];
    if (u->kept_count[place] == count && !memcmp(kept_now, now, sizeof(uint64_t) * (size_t)count))
        return u->kept_left[place];
    int64_t left = line_left(p, e, u, line, down, bad);
    if (*bad) return 0;
    memcpy(kept_now, now, sizeof(uint64_t) * (size_t)count);
    u->kept_count[place] = count;
    return u->kept_left[place] = left;
}

/* As `lowest_units`; caps, which bind lines together, and long numbers are left to that. */
static inline int lowest_units_by_line(const Problem *p, Exact *e, UnitLines *u, int count, const uint8_t *tied,
                                       int64_t *left) {
    int bad = 0;
    for (int i = 0; i < count; i++)
        if (p->step[e->members[i]].cap != NONE) return lowest_units(p, e, count, tied, left);
    memset(e->served, 0, sizeof(int32_t) * (size_t)p->lines);
    memset(u->now_count, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int i = 0; i < count; i++) {
        int spans = spans_of(p, &p->step[e->members[i]], e->served, e->none, e->spans);
        for (int j = 0; j < spans; j++) {
            int line = e->spans[j].line;
            if (e->spans[j].paid) continue;
            u->now[e->run_start[line] + u->now_count[line]++] = packed(e->members[i], &e->spans[j]);
        }
    }
    for (int line = 0; line < p->lines && !bad; line++)
        left[line] = u->now_count[line] ? kept_or_worked_out(p, e, u, line, tied[line], &bad) : p->amounts[line];
    return bad ? lowest_units(p, e, count, tied, left) : 0;
}

#endif
