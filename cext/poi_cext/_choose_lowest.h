/* The least a set of offers applied together can leave: what every smaller set is bounded by. Lines that a cap may
   tie together are rounded down. Amounts over a denominator are exact while it is small and no cap cuts several lines;
   beyond that they are counted in 1 / 2**FINE_BITS of a minor unit, rounded down. The basket's classes work on bundles:
   lines that the same steps and gains see are one, as only their sum is rounded. */
#ifndef POI_CHOOSE_LOWEST_H
#define POI_CHOOSE_LOWEST_H

#include "_choose.h"

/* What is left of a line: exactly (`num / den`), or from below when `den` is 0. */
typedef struct {
    i128 num;
    int64_t den;
} Part;

static inline int fits_word(i128 value) { return value >> 62 == 0; }

static inline int64_t divide(i128 a, int64_t b) {
    return fits_word(a) ? (int64_t)((uint64_t)a / (uint64_t)b) : (int64_t)(a / b);
}

static inline int64_t part_fine(const Part *part) {
    if (part->den == 1) return (int64_t)part->num << FINE_BITS;
    return part->den ? divide(part->num << FINE_BITS, part->den) : (int64_t)part->num;
}

static inline void part_make_fine(Part *part) {
    part->num = part_fine(part);
    part->den = 0;
}

static inline void part_keep(Part *part, int64_t share, int64_t of) {
    if ((i128)part->den * of > WIDEST) part_make_fine(part);
    if (part->den) {
        part->num *= share;
        part->den *= of;
    } else {
        part->num = part->num * ((share << RATIO_BITS) / of) >> RATIO_BITS;
    }
}

static inline void part_take(Part *part, int64_t amount) {
    i128 off = part->den ? (i128)amount * part->den : (i128)amount << FINE_BITS;
    part->num = part->num > off ? part->num - off : 0;
}

static inline int64_t part_whole(const Part *part, int down) {
    if (part->den == 1) return (int64_t)part->num;
    if (!part->den) return (int64_t)(part->num >> FINE_BITS);
    return down ? divide(part->num, part->den) : divide(2 * part->num + part->den, 2 * part->den);
}

/* Takes an amount off some places together, in proportion to what is left. */
static inline void parts_cut_together(Part *parts, const int32_t *places, int count, int64_t amount) {
    if (count == 1) {
        part_take(&parts[places[0]], amount);
        return;
    }
    i128 together = 0;
    for (int i = 0; i < count; i++) {
        part_make_fine(&parts[places[i]]);
        together += parts[places[i]].num;
    }
    if (!together) return;
    i128 rest = together - ((i128)amount << FINE_BITS);
    i128 keeps = rest > 0 ? (rest << RATIO_BITS) / together : 0;
    for (int i = 0; i < count; i++) {
        Part *part = &parts[places[i]];
        part->num = part->num * keeps >> RATIO_BITS;
    }
}

static inline int64_t small_gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static inline void parts_percent(Part *parts, const Step *step, const int32_t *places, int count) {
    if (step->cap != NONE) {
        i128 inside = 0;
        for (int i = 0; i < count; i++) inside += part_fine(&parts[places[i]]);
        if (inside * step->percent > ((i128)step->cap << FINE_BITS) * WHOLE_PERCENT) {
            parts_cut_together(parts, places, count, step->cap);
            return;
        }
    }
    for (int i = 0; i < count; i++) part_keep(&parts[places[i]], step->share, step->of);
}

/* A small common multiple of the denominators; 0 when there is none. */
static inline int64_t parts_common(const Part *parts, int lines) {
    int64_t common = 1, last = 1;
    for (int line = 0; line < lines; line++) {
        int64_t den = parts[line].den;
        if (den == last) continue;
        if (!den) return 0;
        last = den;
        i128 grown = (i128)common * (den / small_gcd(common, den));
        if (grown > WIDEST) return 0;
        common = (int64_t)grown;
    }
    return common;
}

/* The sum in minor units: half up when every part is exact, else down. */
static inline int64_t parts_total(const Part *parts, int count) {
    int64_t common = parts_common(parts, count);
    i128 sum = 0;
    if (!common) {
        for (int at = 0; at < count; at++) sum += part_fine(&parts[at]);
        return (int64_t)(sum >> FINE_BITS);
    }
    for (int at = 0; at < count; at++)
        sum += parts[at].den == common ? parts[at].num : parts[at].num * (common / parts[at].den);
    return divide(2 * sum + common, 2 * common);
}

/* --- the line percents: what a line keeps is remembered ------------------------------------------------------------ */

enum { KEPT_LINE = 4, KEPT_TIED = 16 };

typedef struct {
    Mask key;
    int64_t before, after; /* before: NONE while unused */
} KeptLine;

typedef struct {
    int32_t *steps, *starts;  /* by line, its steps */
    Mask *offers;             /* by line, whose they are */
    KeptLine *kept;
    Mask tied_offers, tied_keys[KEPT_TIED];
    int tied_used[KEPT_TIED], tied_count;
    int32_t *tied_lines, *places; /* tied lines; the tied ones of one step */
    int64_t *tied_now, *tied_before, *tied_left;
    uint8_t *tied;                /* by line */
} LinePercents;

static inline int64_t line_after(const Problem *p, LinePercents *lp, int line, Mask mask, int64_t before) {
    Mask key = mask & lp->offers[line];
    if (!key) return before;
    uint64_t mixed = (uint64_t)(key ^ key >> 64) * 0x9E3779B97F4A7C15u;
    KeptLine *kept_line = &lp->kept[line * KEPT_LINE + (int)(mixed >> 62)];
    if (kept_line->before == before && kept_line->key == key) return kept_line->after;
    Part part = {before, 1};
    int32_t only = 0;
    for (int i = lp->starts[line]; i < lp->starts[line + 1]; i++) {
        const Step *step = &p->step[lp->steps[i]];
        if (has(key, step->offer)) parts_percent(&part, step, &only, 1);
    }
    *kept_line = (KeptLine){key, before, part_whole(&part, 0)};
    return kept_line->after;
}

/* Lines that a cap may cut together are worked out together. `members` are the steps of the class. */
static inline void tied_after(const Problem *p, LinePercents *lp, const int32_t *members, int count, Mask mask,
                              Part *parts, int64_t *left) {
    Mask key = mask & lp->tied_offers;
    uint64_t mixed = (uint64_t)(key ^ key >> 64);
    for (int i = 0; i < lp->tied_count; i++) {
        lp->tied_now[i] = left[lp->tied_lines[i]];
        mixed = (mixed ^ (uint64_t)lp->tied_now[i]) * 0x9E3779B97F4A7C15u;
    }
    unsigned slot = (unsigned)(mixed >> 32) % KEPT_TIED;
    size_t bytes = sizeof(int64_t) * (size_t)lp->tied_count;
    int64_t *before = lp->tied_before + slot * (unsigned)p->lines, *after = lp->tied_left + slot * (unsigned)p->lines;
    if (!lp->tied_used[slot] || lp->tied_keys[slot] != key || memcmp(before, lp->tied_now, bytes)) {
        for (int i = 0; i < lp->tied_count; i++) parts[lp->tied_lines[i]] = (Part){left[lp->tied_lines[i]], 1};
        for (int i = 0; i < count; i++) {
            const Step *step = &p->step[members[i]];
            int places = 0;
            for (int j = 0; j < step->count; j++)
                if (lp->tied[step->lines[j]]) lp->places[places++] = step->lines[j];
            if (places) parts_percent(parts, step, lp->places, places);
        }
        for (int i = 0; i < lp->tied_count; i++) after[i] = part_whole(&parts[lp->tied_lines[i]], 1);
        memcpy(before, lp->tied_now, bytes);
        lp->tied_used[slot] = 1;
        lp->tied_keys[slot] = key;
    }
    for (int i = 0; i < lp->tied_count; i++) left[lp->tied_lines[i]] = after[i];
}

/* --- the basket's classes -------------------------------------------------------------------------------------------- */

typedef struct {
    int count;
    int32_t *of, *size;                 /* by line its bundle; by bundle its lines */
    int32_t *lists, *step_start, *gain_start; /* the bundles of each step and gain: from its start to the next one's */
} Bundles;

/* Each line of a bundle may be rounded down: together by less than a minor unit a line. */
static inline void bundle_ends(const Bundles *bundles, const Part *parts, int64_t *ends) {
    for (int at = 0; at < bundles->count; at++) ends[at] = most(0, part_whole(&parts[at], 1) - bundles->size[at] + 1);
}

static inline int64_t basket_after(const Problem *p, const Bundles *bundles, const int32_t *members, int count,
                                   Part *parts, int64_t *ends, int64_t total) {
    int at = 0;
    for (int rank = BASKET_PERCENT; rank <= BASKET_AMOUNT; rank++) {
        int first = at;
        if (at == count || p->step[members[at]].rank != rank) continue;
        for (int i = 0; i < bundles->count; i++) parts[i] = (Part){ends[i], 1};
        for (; at < count && p->step[members[at]].rank == rank; at++) {
            const Step *step = &p->step[members[at]];
            const int32_t *places = bundles->lists + bundles->step_start[members[at]];
            int scope = bundles->step_start[members[at] + 1] - bundles->step_start[members[at]];
            if (rank == BASKET_PERCENT) {
                parts_percent(parts, step, places, scope);
            } else {
                parts_cut_together(parts, places, scope, step->amount);
                total -= step->amount;
            }
        }
        if (at == first) continue;
        total = rank == BASKET_PERCENT ? parts_total(parts, bundles->count) : most(0, total);
        bundle_ends(bundles, parts, ends);
    }
    return total;
}

/* The set `mask` with its steps in order, `left` as its units leave it. Lower bounds: `starts` (by rank, of line
   percents, line amounts and basket percents) and `ends` (by bundle); the total is returned. */
static inline int64_t lowest(const Problem *p, LinePercents *lp, const Bundles *bundles, Mask mask, const int32_t *members,
                             int count, Part *parts, int64_t *left, int64_t *starts, int64_t *ends) {
    size_t bytes = sizeof(int64_t) * (size_t)p->lines;
    int at = 0;
    int64_t total = 0;
    memcpy(starts + LINE_PERCENT * p->lines, left, bytes);
    while (at < count && p->step[members[at]].rank == LINE_PERCENT) at++;
    for (int line = 0; line < p->lines; line++)
        if (!lp->tied[line]) left[line] = line_after(p, lp, line, mask, left[line]);
    if (lp->tied_count && at) tied_after(p, lp, members, at, mask, parts, left);
    memcpy(starts + LINE_AMOUNT * p->lines, left, bytes);
    for (; at < count && p->step[members[at]].rank == LINE_AMOUNT; at++) {
        const Step *step = &p->step[members[at]];
        for (int j = 0; j < step->count; j++) left[step->lines[j]] = most(0, left[step->lines[j]] - step->amount);
    }
    memcpy(starts + BASKET_PERCENT * p->lines, left, bytes);
    for (int i = 0; i < bundles->count; i++) ends[i] = 0;
    for (int line = 0; line < p->lines; line++) {
        ends[bundles->of[line]] += left[line];
        total += left[line];
    }
    return basket_after(p, bundles, members + at, count - at, parts, ends, total);
}

#endif
