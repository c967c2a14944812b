/* Which units each unit effect works on: by their price before any discount, cheapest or dearest first. Units of one
   line are served from its first unit on, so what is served of a line is always a prefix of it. */
#ifndef POI_CHOOSE_UNITS_H
#define POI_CHOOSE_UNITS_H

#include "_choose.h"

/* Units start to end (excluded) of a line; `paid` ones are used up at their full price. */
typedef struct {
    int32_t line, start, end, paid;
} Span;

static inline int take_units(const Problem *p, const Step *step, int64_t wanted, int32_t *served, int paid, Span *out) {
    int spans = 0;
    for (int i = 0; i < step->count; i++) {
        int line = step->lines[i];
        int64_t free_units = p->units[line] - served[line];
        int64_t count = wanted == NONE ? free_units : least(free_units, wanted);
        if (count > 0) {
            out[spans++] = (Span){line, served[line], (int32_t)(served[line] + count), paid};
            served[line] += (int32_t)count;
        }
        if (wanted != NONE) wanted -= count;
    }
    return spans;
}

/* The spans of one unit step, at most two a line; `none` is all zero, for steps that serve nothing. */
static inline int spans_of(const Problem *p, const Step *step, int32_t *served, int32_t *none, Span *out) {
    int spans = 0;
    if (step->kind == UNIT) {
        for (int i = 0; i < step->count; i++) out[spans++] = (Span){step->lines[i], 0, p->units[step->lines[i]], 0};
        return spans;
    }
    if (step->kind == CHEAPEST) {
        spans = take_units(p, step, step->units, none, 0, out);
        for (int i = 0; i < spans; i++) none[out[i].line] = 0;
        return spans;
    }
    if (step->kind != BUY_GET) return take_units(p, step, step->units, served, 0, out);
    int64_t free_units = 0, bought, got;
    for (int i = 0; i < step->count; i++) free_units += p->units[step->lines[i]] - served[step->lines[i]];
    deal(free_units, step->buy, step->get, step->units, &bought, &got);
    spans = take_units(p, step, got, served, 0, out);
    return spans + take_units(p, step, bought, served, 1, out + spans);
}

#endif
