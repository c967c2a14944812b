/* The exact money of a combination: class by class, one rounding at the end of each, shares that add up.

   A line's amount is a fraction `num / den`. Lines that are cut together (by a cap that bites, and all lines of a
   basket class) are rounded together: their sum once, what is taken off by largest remainder, ties by line. What a
   class takes off a line is shared among its steps there by largest remainder too, ties by the order of application. */
#ifndef POI_CHOOSE_EXACT_H
#define POI_CHOOSE_EXACT_H

#include "_choose_fine.h"
#include "_choose_numbers.h"
#include "_choose_units.h"

/* What one step of the class cut off one line, and the whole minor units of it the step is given. */
typedef struct {
    int32_t step, line, next;
    int64_t share;
} Cut;

typedef struct {
    int64_t *left, *after;           /* by line, before and after the class */
    int64_t *saved;                  /* by offer */
    int32_t *freed;                  /* by line: units given away */
    int32_t *pool;                   /* by line: the lines it is rounded with, NONE alone */
    int32_t *first, *last;           /* by line: its cuts */
    int32_t *served, *none;
    int32_t *touched;                /* marks on lines, or on the cuts of one line; all zero between uses */
    int32_t *order;                  /* to rank lines or cuts by remainder */
    int64_t *totals;                 /* by step of the class */
    int32_t *run_start, *run_count;  /* by line: its runs of units at one price */
    int64_t *run_units, *swap_units;
    Span *spans;
    Cut *cuts;
    int32_t *members;                /* the steps of the class */
    int cut_count, pools, levels, most_runs;
    int32_t *level, *cut_level;      /* of wide numbers: how many factors of the denominator are multiplied in */
    Wide *factors;
    Fine *fine, *fine_cut, *fine_rest; /* by line; by cut; to rank lines or cuts */
    uint64_t *num_n64, *den_n64, *rest_n64, *price_n64, *swap_n64, *cut_num_n64, *cut_den_n64;
    u128 *num_n128, *den_n128, *rest_n128, *price_n128, *swap_n128, *cut_num_n128, *cut_den_n128;
    Wide *num_wide, *den_wide, *rest_wide, *price_wide, *swap_wide, *cut_num_wide, *cut_den_wide;
} Exact;

static inline void lay_out_exact(Exact *e, const Problem *p, Arena *arena) {
    int cuts = 0, runs = 0, lines = p->lines;
    for (int i = 0; i < p->steps; i++) {
        cuts += p->step[i].count;
        if (p->step[i].rank == UNITS) runs += 2 * p->step[i].count;
    }
    e->most_runs = runs + 3 * lines;
    e->left = TAKE(arena, int64_t, lines);
    e->after = TAKE(arena, int64_t, lines);
    e->saved = TAKE(arena, int64_t, p->offers);
    e->freed = TAKE(arena, int32_t, lines);
    e->pool = TAKE(arena, int32_t, lines);
    e->first = TAKE(arena, int32_t, lines);
    e->last = TAKE(arena, int32_t, lines);
    e->served = TAKE(arena, int32_t, lines);
    e->none = TAKE(arena, int32_t, lines);
    e->touched = TAKE(arena, int32_t, lines + p->steps);
    e->order = TAKE(arena, int32_t, lines + p->steps);
    e->totals = TAKE(arena, int64_t, p->steps);
    e->run_start = TAKE(arena, int32_t, lines + 1);
    e->run_count = TAKE(arena, int32_t, lines);
    e->run_units = TAKE(arena, int64_t, e->most_runs);
    e->swap_units = TAKE(arena, int64_t, e->most_runs);
    e->spans = TAKE(arena, Span, 2 * lines);
    e->cuts = TAKE(arena, Cut, cuts);
    e->members = TAKE(arena, int32_t, p->steps);
    e->num_n64 = TAKE(arena, uint64_t, lines);
    e->den_n64 = TAKE(arena, uint64_t, lines);
    e->rest_n64 = TAKE(arena, uint64_t, lines + p->steps);
    e->price_n64 = TAKE(arena, uint64_t, e->most_runs);
    e->swap_n64 = TAKE(arena, uint64_t, e->most_runs);
    e->cut_num_n64 = TAKE(arena, uint64_t, cuts);
    e->cut_den_n64 = TAKE(arena, uint64_t, cuts);
    e->num_n128 = TAKE(arena, u128, lines);
    e->den_n128 = TAKE(arena, u128, lines);
    e->rest_n128 = TAKE(arena, u128, lines + p->steps);
    e->price_n128 = TAKE(arena, u128, e->most_runs);
    e->swap_n128 = TAKE(arena, u128, e->most_runs);
    e->cut_num_n128 = TAKE(arena, u128, cuts);
    e->cut_den_n128 = TAKE(arena, u128, cuts);
    e->level = TAKE(arena, int32_t, lines);
    e->cut_level = TAKE(arena, int32_t, cuts);
    e->fine = TAKE(arena, Fine, lines);
    e->fine_cut = TAKE(arena, Fine, cuts);
    e->fine_rest = TAKE(arena, Fine, lines + p->steps);
    e->factors = TAKE(arena, Wide, p->steps);
    e->num_wide = TAKE(arena, Wide, lines);
    e->den_wide = TAKE(arena, Wide, lines);
    e->rest_wide = TAKE(arena, Wide, lines + p->steps);
    e->price_wide = TAKE(arena, Wide, e->most_runs);
    e->swap_wide = TAKE(arena, Wide, e->most_runs);
    e->cut_num_wide = TAKE(arena, Wide, cuts);
    e->cut_den_wide = TAKE(arena, Wide, cuts);
}

static inline void lay_out_runs(Exact *e, const Problem *p) {
    int at = 0;
    for (int line = 0; line < p->lines; line++) e->none[line] = 0;
    for (int i = 0; i < p->steps; i++)
        if (p->step[i].rank == UNITS)
            for (int j = 0; j < p->step[i].count; j++) e->none[p->step[i].lines[j]] += 2;
    for (int line = 0; line < p->lines; line++) {
        e->run_start[line] = at;
        at += e->none[line] + 3;
        e->none[line] = 0;
    }
    e->run_start[p->lines] = at;
}

static inline void add_cut(Exact *e, int step, int line) {
    Cut *cut = &e->cuts[e->cut_count];
    *cut = (Cut){step, line, NONE, 0};
    if (e->first[line] == NONE)
        e->first[line] = e->cut_count;
    else
        e->cuts[e->last[line]].next = e->cut_count;
    e->last[line] = e->cut_count++;
}

/* The lines are rounded together, and with those that any of them is already rounded with. */
static inline void tie(Exact *e, const Problem *p, const uint16_t *lines, int count) {
    int pool = e->pools++;
    for (int i = 0; i < count; i++) {
        int old = e->pool[lines[i]];
        if (old == NONE) e->pool[lines[i]] = pool;
        if (old == NONE || old == pool) continue;
        for (int line = 0; line < p->lines; line++)
            if (e->pool[line] == old) e->pool[line] = pool;
    }
}

/* --- a step never gives more than its cap: the minor unit goes to another step on the line, or back to it -------- */

static inline int cap_left(const Problem *p, const Exact *e, int member) {
    int64_t cap = p->step[e->members[member]].cap;
    return cap == NONE || e->totals[member] < cap;
}

static inline void hand_over(const Problem *p, Exact *e, int member, int64_t cap) {
    for (int line = 0; line < p->lines && e->totals[member] > cap; line++) {
        Cut *own = NULL;
        for (int at = e->first[line]; at != NONE; at = e->cuts[at].next)
            if (e->cuts[at].step == member && e->cuts[at].share) own = &e->cuts[at];
        if (own == NULL) continue;
        for (int at = e->first[line]; at != NONE; at = e->cuts[at].next) {
            Cut *other = &e->cuts[at];
            if (other->step == member || !cap_left(p, e, other->step)) continue;
            own->share--;
            other->share++;
            e->totals[member]--;
            e->totals[other->step]++;
            break;
        }
    }
}

static inline void give_back(const Problem *p, Exact *e, int member, int64_t over) {
    for (int line = 0; line < p->lines && over > 0; line++)
        for (int at = e->first[line]; at != NONE; at = e->cuts[at].next)
            if (e->cuts[at].step == member && e->cuts[at].share) {
                e->cuts[at].share--;
                e->after[line]++;
                over--;
                break;
            }
}

static inline void respect_caps(const Problem *p, Exact *e, int count) {
    for (int i = 0; i < count; i++) e->totals[i] = 0;
    for (int i = 0; i < e->cut_count; i++) e->totals[e->cuts[i].step] += e->cuts[i].share;
    for (int i = 0; i < count; i++) {
        int64_t cap = p->step[e->members[i]].cap;
        if (cap == NONE || e->totals[i] <= cap) continue;
        hand_over(p, e, i, cap);
        give_back(p, e, i, e->totals[i] - cap);
    }
}

#define NUM uint64_t
#define N(name) n64_##name
#define FN(name) name##_n64
#define WIDE 0
#include "_choose_class.h"
#undef NUM
#undef N
#undef FN
#undef WIDE
#define NUM u128
#define N(name) n128_##name
#define FN(name) name##_n128
#define WIDE 0
#include "_choose_class.h"
#undef NUM
#undef N
#undef FN
#undef WIDE
#define NUM Wide
#define N(name) wide_##name
#define FN(name) name##_wide
#define WIDE 1
#include "_choose_class.h"
#undef NUM
#undef N
#undef FN
#undef WIDE

#include "_choose_fine_class.h"

/* --- a whole combination ------------------------------------------------------------------------------------- */

typedef struct {
    int64_t value, cost, total;
} Worth;

/* Applies the steps of a class that are in the mask to `left`; the result is in `after`, what it gives in `cuts`. */
static inline int run_class(const Problem *p, Exact *e, int count, int shares) {
    for (int i = 0; !shares && i < count; i++) shares = p->step[e->members[i]].cap != NONE;
    if (!run_class_n64(p, e, count, shares) || !run_class_fine(p, e, count, shares)) return 0;
    return run_class_n128(p, e, count, shares) ? run_class_wide(p, e, count, shares) : 0;
}

static inline int lowest_units(const Problem *p, Exact *e, int count, const uint8_t *tied, int64_t *left) {
    if (!lowest_units_n64(p, e, count, tied, left)) return 0;
    return lowest_units_n128(p, e, count, tied, left) ? lowest_units_wide(p, e, count, tied, left) : 0;
}

static inline int members_of(const Problem *p, Exact *e, Mask mask, int *at) {
    int count = 0, rank = NONE;
    for (; *at < p->steps; ++*at) {
        const Step *step = &p->step[*at];
        if (!has(mask, step->offer)) continue;
        if (rank != NONE && step->rank != rank) break;
        rank = step->rank;
        e->members[count++] = *at;
    }
    return count;
}

/* With `shares`, what each offer takes off is in `saved` too. */
static inline int evaluate(const Problem *p, Exact *e, Mask mask, int shares, Worth *worth) {
    int count, at = 0;
    memcpy(e->left, p->amounts, sizeof(int64_t) * (size_t)p->lines);
    memset(e->freed, 0, sizeof(int32_t) * (size_t)p->lines);
    if (shares) memset(e->saved, 0, sizeof(int64_t) * (size_t)p->offers);
    while ((count = members_of(p, e, mask, &at))) {
        if (run_class(p, e, count, shares)) return TOO_LARGE;
        for (int i = 0; shares && i < e->cut_count; i++)
            e->saved[p->step[e->members[e->cuts[i].step]].offer] += e->cuts[i].share;
        memcpy(e->left, e->after, sizeof(int64_t) * (size_t)p->lines);
    }
    worth->total = 0;
    for (int line = 0; line < p->lines; line++) worth->total += e->left[line];
    worth->value = (p->subtotal - worth->total) * THOUSAND;
    for (int i = 0; i < p->gains; i++)
        if (has(mask, p->gain[i].offer))
            worth->value += p->gain[i].worth * (int64_t)gain_amount(&p->gain[i], gain_base(&p->gain[i], e->left, p->lines));
    worth->cost = worth->value;
    for (int line = 0; line < p->lines; line++) worth->cost += THOUSAND * e->freed[line] * p->spared[line];
    return 0;
}

/* Money off and stored value an offer gives; after `evaluate` with shares. */
static inline int64_t claimed(const Problem *p, const Exact *e, int offer) {
    int64_t amount = e->saved[offer];
    for (int i = 0; i < p->gains; i++)
        if (p->gain[i].offer == offer && p->gain[i].cashback)
            amount += (int64_t)gain_amount(&p->gain[i], gain_base(&p->gain[i], e->left, p->lines));
    return amount;
}

#endif
