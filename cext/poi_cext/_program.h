/* What `ops` describes, in C: an event's facts, and programs judged over them.
 *
 * A stored part is one word (op, subject, count) and its values. WINDOW is a UNION over MINUTE kept once in a pool. */
#ifndef POI_PROGRAM_H
#define POI_PROGRAM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANY = 1, NONE, RANGE, UNION, EITHER, STEP, NOT_STEP, NEAR, FAR, MAYBE, SUM, INSIDE, OUTSIDE, SUM_OUT, BUNDLE,
    WINDOW
};
enum { NO = 0, SURE = 1, PERHAPS = 2 };
enum { DAY = 0, MINUTE = 1, STORE = 0, REGION = 1 };
enum { MAX_SUBJECTS = 64, MAX_VALUES = 400000, MAX_CLAUSES = 16, MAX_COMPONENTS = 32 };
enum { BLOOM_WORDS = 16, BLOOM_BITS = 64 * BLOOM_WORDS };
#define UNKNOWN INT32_MIN
#define LOWEST (INT32_MIN + 1)
#define HIGHEST INT32_MAX
#define SKIN 1e-14  /* on the unit sphere: floats are not trusted nearer to a ball's skin */
#define DOUBT 1e-9  /* relative size of a cross product below which a spot is taken to be on the line */
#define DAY_MINUTES 1440

typedef struct {
    int32_t *numbers;
    int32_t *values;    /* the families' sorted values, one family after the other */
    int32_t *starts;    /* where each family begins in `values`, and the end */
    uint8_t *known;
    uint64_t *bloom;    /* by family, BLOOM_WORDS: a bit for each value modulo BLOOM_BITS */
    int32_t *tags;      /* the lines' sorted tags, one line after the other */
    int32_t *lines;     /* three a line: where its tags begin, weight 0, weight 1; and the end */
    int32_t line_count;
    int32_t columns, families;
    double point[3];
    double spot[2];
    int32_t has_point, has_spot;
} Facts;

static inline int32_t part_head(int32_t op, int32_t subject, int32_t count) { return op | subject << 6 | count << 12; }
static inline int32_t head_op(int32_t head) { return head & 63; }
static inline int32_t head_subject(int32_t head) { return head >> 6 & 63; }
static inline int32_t head_count(int32_t head) { return head >> 12; }

static inline bool op_of_the_place(int32_t op, int32_t subject) {
    return op == NEAR || op == FAR || op == INSIDE || op == OUTSIDE ||
           ((op == ANY || op == NONE) && (subject == STORE || subject == REGION));
}

static inline bool op_of_the_day(int32_t op, int32_t subject) {
    return subject == DAY && (op == RANGE || op == UNION || op == STEP || op == NOT_STEP);
}

/* --- is a program whole? ---------------------------------------------------------------------------------------- */

static inline bool whole_rings(const int32_t *values, int32_t count) {
    if (count < 1 || values[0] < 1 || values[0] >= count) return false;
    int64_t words = 1 + (int64_t) values[0];
    for (int32_t i = 0; i < values[0]; i++) {
        if (values[1 + i] < 1) return false;
        words += 4 * (int64_t) values[1 + i];
    }
    return words == count;
}

static inline bool whole_bundle(const int32_t *values, int32_t count) {
    if (count < 1 || values[0] < 1 || values[0] > MAX_COMPONENTS) return false;
    int64_t at = 1;
    for (int32_t i = 0; i < values[0]; i++) {
        if (at + 2 > count || values[at] <= 0 || values[at + 1] < 0) return false;
        at += 2 + (int64_t) values[at + 1];
    }
    return at == count;
}

static inline bool whole_part(int32_t op, int32_t subject, const int32_t *values, int32_t count, int32_t columns, int32_t families) {
    switch (op) {
        case ANY: case NONE: return 0 <= subject && subject < families;
        case NEAR: case FAR: return count == 8;
        case MAYBE: return count == 0;
        case SUM: case SUM_OUT:
            return (subject == 0 || subject == 1) && count >= 3 && 0 <= values[2] && values[2] <= count - 3;
        case INSIDE: case OUTSIDE: return whole_rings(values, count);
        case BUNDLE: return whole_bundle(values, count);
        default: break;
    }
    if (subject < 0 || subject >= columns) return false;
    switch (op) {
        case EITHER: return count == 5 && 0 <= values[2] && values[2] < columns;
        case STEP: case NOT_STEP: return count == 1 && values[0] > 0;
        case RANGE: return count == 2;
        case UNION: return count % 2 == 0;
        default: return false;
    }
}

/* Where an outer program (`op, subject, count, values...`) is broken; -1 when it is whole. */
static inline int64_t program_fault(const int32_t *words, int64_t length, int32_t columns, int32_t families) {
    int64_t at = 0;
    while (at < length) {
        if (at + 3 > length || words[at + 2] < 0 || words[at + 2] > MAX_VALUES || at + 3 + words[at + 2] > length) return at;
        if (!whole_part(words[at], words[at + 1], words + at + 3, words[at + 2], columns, families)) return at;
        at += 3 + words[at + 2];
    }
    return -1;
}

/* --- one part ---------------------------------------------------------------------------------------------------- */

static inline bool within(int32_t number, int32_t low, int32_t high) {
    return number != UNKNOWN && low <= number && number <= high;
}

static inline bool in_union(int32_t number, const int32_t *spans, int32_t count) {
    int32_t first = 0, last = count / 2;
    while (first < last) {
        int32_t middle = (first + last) / 2;
        if (spans[2 * middle + 1] < number) first = middle + 1;
        else last = middle;
    }
    return first < count / 2 && spans[2 * first] <= number;
}

static inline bool sorted_has(const int32_t *values, int32_t count, int32_t wanted) {
    int32_t first = 0, last = count;
    while (first < last) {
        int32_t middle = (first + last) / 2;
        if (values[middle] < wanted) first = middle + 1;
        else last = middle;
    }
    return first < count && values[first] == wanted;
}

/* Two sorted lists have a value in common: each of the shorter one is looked up in the longer. */
static inline bool share(const int32_t *one, int32_t ones, const int32_t *other, int32_t others) {
    if (ones > others) return share(other, others, one, ones);
    for (int32_t i = 0; i < ones; i++)
        if (sorted_has(other, others, one[i])) return true;
    return false;
}

static inline bool meets(const Facts *facts, int32_t family, const int32_t *values, int32_t count) {
    const uint64_t *bloom = facts->bloom + (size_t) family * BLOOM_WORDS;
    const int32_t *held = facts->values + facts->starts[family];
    int32_t holds = facts->starts[family + 1] - facts->starts[family];
    if (count > 4 * holds) return share(held, holds, values, count);
    for (int32_t i = 0; i < count; i++) {
        uint32_t bit = (uint32_t) values[i] % BLOOM_BITS;
        if (bloom[bit >> 6] >> (bit & 63) & 1 && sorted_has(held, holds, values[i])) return true;
    }
    return false;
}

static inline bool adds_up(int32_t weight, const int32_t *values, int32_t count, const Facts *facts) {
    const int32_t *wanted = values + 3, *refused = wanted + values[2];
    int32_t refusals = count - 3 - values[2];
    int64_t total = 0;
    for (int32_t i = 0; i < facts->line_count; i++) {
        const int32_t *line = facts->lines + 3 * i, *tags = facts->tags + line[0];
        int32_t length = line[3] - line[0];
        if (refusals && share(tags, length, refused, refusals)) continue;
        if (values[2] && !share(tags, length, wanted, values[2])) continue;
        total += line[1 + weight];
    }
    if (total > HIGHEST) total = HIGHEST;
    if (total > HIGHEST) total = HIGHEST;  /* an open range has no end */
    return values[0] <= total && total <= values[1];
}

static inline int bundle(const int32_t *values, const Facts *facts) {
    int64_t left[MAX_COMPONENTS];
    const int32_t *part = values + 1;
    bool shared = false;
    for (int32_t c = 0; c < values[0]; c++, part += 2 + part[1]) left[c] = part[0];
    for (int32_t i = 0; i < facts->line_count; i++) {
        const int32_t *line = facts->lines + 3 * i;
        int serves = 0;
        part = values + 1;
        for (int32_t c = 0; c < values[0]; c++, part += 2 + part[1])
            if (share(facts->tags + line[0], line[3] - line[0], part + 2, part[1])) {
                left[c] -= line[2];
                serves++;
            }
        shared |= serves > 1;
    }
    for (int32_t c = 0; c < values[0]; c++)
        if (left[c] > 0) return NO;
    return shared ? PERHAPS : SURE;
}

static inline int ball(int32_t op, const int32_t *words, const Facts *facts) {
    double sphere[4], away = 0;
    if (!facts->has_point) return NO;
    memcpy(sphere, words, sizeof sphere);
    for (int i = 0; i < 3; i++) away += (sphere[i] - facts->point[i]) * (sphere[i] - facts->point[i]);
    double inner = sphere[3] > SKIN ? sphere[3] - SKIN : 0, outer = sphere[3] + SKIN;
    if (inner * inner <= away && away <= outer * outer) return PERHAPS;
    return (away < inner * inner) == (op == NEAR) ? SURE : NO;
}

/* SURE inside, NO outside, PERHAPS too near to an edge's line to tell. */
static inline int locate(double x, double y, const int32_t *words, int32_t length) {
    double a[2], b[2];
    bool inside = false;
    memcpy(b, words, sizeof b);
    for (int32_t i = 1; i < length; i++) {
        memcpy(a, b, sizeof b);
        memcpy(b, words + 4 * i, sizeof b);
        if ((a[1] < y && b[1] < y) || (a[1] > y && b[1] > y) || (x > a[0] && x > b[0])) continue;
        double first = (b[0] - a[0]) * (y - a[1]), second = (b[1] - a[1]) * (x - a[0]);
        if (fabs(first - second) <= DOUBT * (fabs(first) + fabs(second))) return PERHAPS;
        if ((a[1] > y) != (b[1] > y) && (first > second) == (b[1] > a[1])) inside = !inside;
    }
    return inside ? SURE : NO;
}

/* Every point lies north of the latitude, or every one south of it: then no edge counts, however it is turned. */
static inline bool beside(double y, const int32_t *words, int32_t length) {
    double point[2];
    bool south = true, north = true;
    for (int32_t i = 0; i < length; i++) {
        memcpy(point, words + 4 * i, sizeof point);
        south &= point[1] < y;
        north &= point[1] > y;
    }
    return south || north;
}

static inline int locate_turned(const double *spot, const int32_t *words, int32_t length) {
    if (beside(spot[1], words, length)) return NO;
    int where = locate(spot[0], spot[1], words, length);
    for (int turn = -360; turn <= 360; turn += 720) {
        int there = locate(spot[0] + turn, spot[1], words, length);
        if (there > where) where = there;
    }
    return where;
}

static inline int rings_at(int32_t op, const int32_t *words, const double *spot) {
    const int32_t *points = words + 1 + words[0];
    for (int32_t i = 0; i < words[0]; i++) {
        int where = locate_turned(spot, points, words[1 + i]);
        if (where == PERHAPS) return PERHAPS;
        if ((where == SURE) == (i > 0)) return op == OUTSIDE ? SURE : NO;
        points += 4 * (size_t) words[1 + i];
    }
    return op == INSIDE ? SURE : NO;
}

static inline int judge(int32_t head, const int32_t *values, const Facts *facts, const int32_t *windows) {
    int32_t op = head_op(head), subject = head_subject(head), count = head_count(head);
    if (op == ANY || op == NONE) return facts->known[subject] && meets(facts, subject, values, count) == (op == ANY);
    switch (op) {
        case NEAR: case FAR: return ball(op, values, facts);
        case MAYBE: return PERHAPS;
        case SUM: return adds_up(subject, values, count, facts);
        case SUM_OUT: return !adds_up(subject, values, count, facts);
        case BUNDLE: return bundle(values, facts);
        case INSIDE: case OUTSIDE: return facts->has_spot ? rings_at(op, values, facts->spot) : NO;
        case WINDOW:
            return facts->numbers[MINUTE] != UNKNOWN &&
                   in_union(facts->numbers[MINUTE], windows + values[0] + 15, windows[values[0]]);
        default: break;
    }
    int32_t number = facts->numbers[subject];
    if (op == EITHER)
        return within(number, values[0], values[1]) || within(facts->numbers[values[2]], values[3], values[4]);
    if (number == UNKNOWN) return NO;
    switch (op) {
        case RANGE: return values[0] <= number && number <= values[1];
        case STEP: return number % values[0] == 0;
        case NOT_STEP: return number % values[0] != 0;
        default: return in_union(number, values, count);
    }
}

/* Judge stored parts up to `end`. */
static inline int run(const int32_t *at, const int32_t *end, const Facts *facts, const int32_t *windows) {
    int verdict = SURE;
    while (at < end) {
        int part = judge(at[0], at + 1, facts, windows);
        if (part == NO) return NO;
        if (part > verdict) verdict = part;
        at += 1 + head_count(at[0]);
    }
    return verdict;
}

#endif
