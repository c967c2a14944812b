/* The least a set of offers applied together can leave: what every smaller set is bounded by. Lines that a cap may
   tie together are rounded down. Amounts over a denominator are exact while it is small and no cap cuts several lines;
   beyond that they are counted in 1 / 2**FINE_BITS of a minor unit, rounded down. */
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

static inline void parts_cut_together(Part *parts, const Step *step, int64_t amount) {
    if (step->count == 1) {
        part_take(&parts[step->lines[0]], amount);
        return;
    }
    i128 together = 0;
    for (int i = 0; i < step->count; i++) {
        part_make_fine(&parts[step->lines[i]]);
        together += parts[step->lines[i]].num;
    }
    if (!together) return;
    i128 rest = together - ((i128)amount << FINE_BITS);
    i128 keeps = rest > 0 ? (rest << RATIO_BITS) / together : 0;
    for (int i = 0; i < step->count; i++) {
        Part *part = &parts[step->lines[i]];
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

static inline void parts_percent(Part *parts, const Step *step) {
    if (step->cap != NONE) {
        i128 inside = 0;
        for (int i = 0; i < step->count; i++) inside += part_fine(&parts[step->lines[i]]);
        if (inside * step->percent > ((i128)step->cap << FINE_BITS) * WHOLE_PERCENT) {
            parts_cut_together(parts, step, step->cap);
            return;
        }
    }
    int64_t share = WHOLE_PERCENT - step->percent, common = small_gcd(WHOLE_PERCENT, share);
    for (int i = 0; i < step->count; i++) part_keep(&parts[step->lines[i]], share / common, WHOLE_PERCENT / common);
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
static inline int64_t parts_total(const Part *parts, int lines) {
    int64_t common = parts_common(parts, lines);
    i128 sum = 0;
    if (!common) {
        for (int line = 0; line < lines; line++) sum += part_fine(&parts[line]);
        return (int64_t)(sum >> FINE_BITS);
    }
    for (int line = 0; line < lines; line++)
        sum += parts[line].den == common ? parts[line].num : parts[line].num * (common / parts[line].den);
    return (int64_t)((2 * sum + common) / (2 * (i128)common));
}

/* `starts` (by rank) and `left` hold a number a line; `left` comes with what the units left. */
static inline int64_t lowest(const Problem *p, const int32_t *members, int count, const uint8_t *tied, int by_line,
                             Part *parts, int64_t *starts, int64_t *left) {
    size_t bytes = sizeof(int64_t) * (size_t)p->lines;
    int64_t total = 0;
    int at = 0;
    for (int line = 0; line < p->lines; line++) total += left[line];
    for (int rank = LINE_PERCENT; rank < RANKS; rank++) {
        memcpy(starts + rank * p->lines, left, bytes);
        int first = at;
        while (at < count && p->step[members[at]].rank == rank) at++;
        if (at == first) continue;
        if (rank == BASKET_AMOUNT) {
            for (int i = first; i < at; i++) total -= p->step[members[i]].amount;
            total = most(total, 0);
            if (!by_line) continue;
        }
        if (rank == LINE_AMOUNT) {
            for (int i = first; i < at; i++) {
                const Step *step = &p->step[members[i]];
                for (int j = 0; j < step->count; j++) left[step->lines[j]] = most(0, left[step->lines[j]] - step->amount);
            }
        } else {
            for (int line = 0; line < p->lines; line++) parts[line] = (Part){left[line], 1};
            for (int i = first; i < at; i++) {
                const Step *step = &p->step[members[i]];
                if (rank == BASKET_AMOUNT)
                    parts_cut_together(parts, step, step->amount);
                else
                    parts_percent(parts, step);
            }
            for (int line = 0; line < p->lines; line++)
                left[line] = part_whole(&parts[line], rank >= BASKET_PERCENT || tied[line]);
        }
        if (rank == BASKET_PERCENT) total = parts_total(parts, p->lines);
        if (rank < BASKET_PERCENT) {
            total = 0;
            for (int line = 0; line < p->lines; line++) total += left[line];
        }
    }
    return total;
}

#endif
