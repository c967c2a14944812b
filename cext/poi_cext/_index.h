/* The index: every clause once, posted under the keys by which a place or an event finds it. Flat arrays that never
 * change, so that a file of them is mapped as it is.
 *
 * A clause is `owner, its days (pack_days), length of its place parts (ANCHORED when the first of them is implied by its
 * key)`, the place parts, the others. */
#ifndef POI_INDEX_H
#define POI_INDEX_H

#include "_grid.h"
#include "_program.h"

enum { FORMAT = 2, HEADER = 3, ANCHORED = 1 << 30, BOUNDS = 15, BOUND_WORDS = BOUNDS + 1 };
enum { BY_NOTHING, BY_STORE, BY_REGION, BY_BALL_CELL, BY_RING_CELL, BY_VALUE, BY_ANY_VALUE };
enum { FEW = 256, RARE_VALUES = 64, FIRST_DAY = 700000, LAST_DAY = 0xffff };
#define ANY_DAY 0xffff0000u
#define INDEX_MAGIC 0x706f69696e646578LL

typedef struct {
    uint64_t key;  /* UINT64_MAX: empty */
    uint32_t start, count;
} Slot;

typedef struct {
    int64_t magic, format, columns, families, owners, clauses, slots, postings, words, windows, bits;
    int64_t ball_levels, ring_levels;  /* bits of the grid's levels in use */
    int64_t by_value;                  /* clauses without a place are found by their values */
    int64_t regions, region_total, areas, shapes;
    int64_t bits_at[MAX_SUBJECTS], bits_of[MAX_SUBJECTS];  /* in words, in bits: values that have a key, by family; 0: none */
    int64_t highest[MAX_SUBJECTS];     /* value named, by family; -1: none */
} Meta;

typedef struct {
    Meta meta;
    const Slot *slots;
    const uint32_t *postings;
    const uint32_t *starts;   /* of the clauses in `words`, and the end */
    const int32_t *words;
    const int32_t *windows;   /* by window: count, the hours it touches and those it fills by weekday, spans */
    const int32_t *bounds;    /* by column: count, limits that ranges begin at or end before */
    const uint64_t *bits;
    const uint32_t *regions;  /* how often each region is named */
    const uint32_t *areas;    /* how many shapes lie in each coarse cell */
} Index;

static inline uint64_t make_key(int kind, uint64_t value) { return (uint64_t) kind << 56 | value; }
static inline uint64_t value_key(int32_t family, int32_t value) {
    return make_key(BY_VALUE, (uint64_t) family << 32 | (uint32_t) value);
}
static inline uint64_t mixed(uint64_t key) {
    key ^= key >> 31;
    key *= 0x9E3779B97F4A7C15ULL;
    key ^= key >> 32;
    key *= 0xD6E8FEB86659FD93ULL;
    return key ^ key >> 29;
}

/* Where to look for a key first, of so many slots. */
static inline uint64_t first_slot(uint64_t key, int64_t slots) { return (mixed(key) >> 32) * (uint64_t) slots >> 32; }

static inline const Slot *find_slot(const Index *index, uint64_t key) {
    int64_t slots = index->meta.slots;
    if (!slots) return NULL;
    uint64_t at = first_slot(key, slots);
    while (index->slots[at].key != key) {
        if (index->slots[at].key == UINT64_MAX) return NULL;
        at = at + 1 == (uint64_t) slots ? 0 : at + 1;
    }
    return index->slots + at;
}

/* Whether a clause may be found by this value. Where values lie far apart, several share a bit. */
static inline bool has_value(const Index *index, int32_t family, int32_t value) {
    if (value < 0 || value > index->meta.highest[family] || !index->meta.bits_of[family]) return false;
    int64_t bit = value & (index->meta.bits_of[family] - 1);
    return index->bits[index->meta.bits_at[family] + (bit >> 6)] >> (bit & 63) & 1;
}

static inline const int32_t *clause_at(const Index *index, uint32_t clause, const int32_t **end) {
    *end = index->words + index->starts[clause + 1];
    return index->words + index->starts[clause];
}

/* --- one clause -------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t keys[MAX_CELLS];  /* when `listed` is NULL */
    const int32_t *listed;     /* stores, regions or values to be posted under */
    int32_t count, kind, family;
    int64_t anchor;            /* where the anchoring part begins in the outer program, -1: none */
} Anchor;

static inline double region_odds(const Index *odds, const int32_t *values, int32_t count) {
    double sum = 0;
    for (int32_t i = 0; i < count; i++)
        sum += values[i] >= 0 && values[i] < odds->meta.regions ? odds->regions[values[i]] : 1;
    return odds->meta.region_total ? sum / (double) odds->meta.region_total : 1;
}

static inline uint64_t anchor_key(const Anchor *anchor, int32_t i) {
    if (!anchor->listed) return anchor->keys[i];
    if (anchor->kind == BY_VALUE) return value_key(anchor->family, anchor->listed[i]);
    return make_key(anchor->kind, (uint32_t) anchor->listed[i]);
}

/* The keys by which the clause is found: those that an event has most seldom, going by what the index's clauses name. */
static inline void choose_anchor(const int32_t *words, int64_t length, const Index *odds, Anchor *anchor) {
    double best = 2, chance;
    uint64_t found[MAX_CELLS];
    anchor->listed = NULL;
    anchor->kind = BY_NOTHING;
    anchor->anchor = -1;
    anchor->count = 1;
    anchor->keys[0] = make_key(BY_NOTHING, 0);
    for (int64_t at = 0; at < length; at += 3 + words[at + 2]) {
        int32_t op = words[at], subject = words[at + 1], count = words[at + 2];
        const int32_t *values = words + at + 3;
        Box box;
        if (op == ANY && subject == STORE) chance = 0;
        else if (op == ANY && subject == REGION) chance = region_odds(odds, values, count);
        else if ((op == NEAR && ball_box(values, &box)) || (op == INSIDE && ring_box(values, &box)))
            chance = area_odds(&box, odds->areas, odds->meta.shapes);
        else continue;
        if (chance >= best) continue;
        if (op == ANY) {
            anchor->kind = subject == STORE ? BY_STORE : BY_REGION;
            anchor->listed = values;
            anchor->count = count;
        } else {
            int kind = op == NEAR ? BY_BALL_CELL : BY_RING_CELL;
            int32_t cells = box_cells(&box, kind, found);
            if (!cells) continue;  /* too wide */
            anchor->kind = kind;
            anchor->listed = NULL;
            anchor->count = cells;
            memcpy(anchor->keys, found, sizeof found);
        }
        best = chance;
        anchor->anchor = at;
    }
    if (anchor->anchor >= 0 || !odds->meta.by_value) return;
    for (int64_t at = 0; at < length; at += 3 + words[at + 2]) {
        int32_t family = words[at + 1], count = words[at + 2];
        if (words[at] != ANY || op_of_the_place(ANY, family) || odds->meta.highest[family] < RARE_VALUES) continue;
        if (!count || words[at + 3] < 0) continue;
        if (anchor->kind == BY_VALUE && (odds->meta.highest[anchor->family] > odds->meta.highest[family] ||
                                         (anchor->family == family && anchor->count <= count))) continue;
        anchor->kind = BY_VALUE;
        anchor->family = family;
        anchor->listed = words + at + 3;
        anchor->count = count;
    }
}

/* The first and last day of the clause; false when it never holds. */
static inline bool clause_days(const int32_t *words, int64_t length, int32_t *first, int32_t *last) {
    *first = LOWEST;
    *last = HIGHEST;
    for (int64_t at = 0; at < length; at += 3 + words[at + 2]) {
        if (words[at] == RANGE && words[at + 1] == DAY) {
            if (words[at + 3] > *first) *first = words[at + 3];
            if (words[at + 4] < *last) *last = words[at + 4];
        }
        if ((words[at] == RANGE && words[at + 3] > words[at + 4]) || (words[at] == ANY && !words[at + 2])) return false;
    }
    return *first <= *last;
}

/* A first and a last day in one word: 16 bits each, from FIRST_DAY on, 0 and LAST_DAY meaning none. False when they lie
 * elsewhere: the clause's own parts say them then. */
static inline bool pack_days(int32_t first, int32_t last, uint32_t *days) {
    bool fits = (first == LOWEST || (first > FIRST_DAY && first < FIRST_DAY + LAST_DAY)) &&
                (last == HIGHEST || (last > FIRST_DAY && last < FIRST_DAY + LAST_DAY));
    uint32_t low = fits && first != LOWEST ? (uint32_t) (first - FIRST_DAY) : 0;
    uint32_t high = fits && last != HIGHEST ? (uint32_t) (last - FIRST_DAY) : LAST_DAY;
    *days = low | high << 16;
    return fits;
}

static inline bool in_days(const int32_t *clause, int32_t day) {
    uint32_t days = (uint32_t) clause[1];
    int64_t at = (int64_t) day - FIRST_DAY, low = days & LAST_DAY, high = days >> 16;
    return (!low || at >= low) && (high == LAST_DAY || at <= high);
}

static inline int64_t stored_parts(const int32_t *words, int64_t length, bool place, bool days, int64_t but, int32_t *to) {
    int32_t *start = to;
    for (int64_t at = 0; at < length; at += 3 + words[at + 2]) {
        int32_t op = words[at], subject = words[at + 1], count = words[at + 2];
        if (op_of_the_place(op, subject) != place || at == but || (days && op == RANGE && subject == DAY)) continue;
        *to = part_head(op, subject, count);
        if (count) memcpy(to + 1, words + at + 3, (size_t) count * sizeof *to);
        to += 1 + count;
    }
    return to - start;
}

/* Write a clause as it is stored, the part at `anchor` (-1: none) first, which its key implies or not; `to` has room for HEADER more words than the program. Gives its length. */
static inline int64_t store_clause(const int32_t *words, int64_t length, int32_t owner, int64_t anchor, bool implied, int32_t *to) {
    int32_t first, last;
    uint32_t days;
    clause_days(words, length, &first, &last);
    bool packed = pack_days(first, last, &days);
    int64_t place = 0, live;
    if (anchor >= 0) {
        const int32_t *part = words + anchor;
        to[HEADER] = part_head(part[0], part[1], part[2]);
        if (part[2]) memcpy(to + HEADER + 1, part + 3, (size_t) part[2] * sizeof *to);
        place = 1 + part[2];
    }
    place += stored_parts(words, length, true, packed, anchor, to + HEADER + place);
    live = stored_parts(words, length, false, packed, -1, to + HEADER + place);
    to[0] = owner;
    memcpy(to + 1, &days, sizeof days);
    to[2] = (int32_t) place | (anchor >= 0 && implied ? ANCHORED : 0);
    return HEADER + place + live;
}

static inline const int32_t *place_parts(const int32_t *clause, bool by_key, const int32_t **live) {
    int32_t length = clause[2] & ~ANCHORED;
    *live = clause + HEADER + length;
    return by_key && clause[2] & ANCHORED ? clause + HEADER + 1 + head_count(clause[HEADER]) : clause + HEADER;
}

/* The outer program of a stored clause again; `to` has room for 3 words a stored one. Gives its length. */
static inline int64_t outer_program(const int32_t *clause, const int32_t *end, const int32_t *windows, int32_t *to) {
    int32_t *start = to;
    uint32_t days = (uint32_t) clause[1];
    if (days != ANY_DAY) {
        to[0] = RANGE, to[1] = DAY, to[2] = 2;
        to[3] = days & LAST_DAY ? (int32_t) (days & LAST_DAY) + FIRST_DAY : LOWEST;
        to[4] = days >> 16 != LAST_DAY ? (int32_t) (days >> 16) + FIRST_DAY : HIGHEST;
        to += 5;
    }
    for (const int32_t *at = clause + HEADER; at < end; at += 1 + head_count(at[0])) {
        int32_t count = head_count(at[0]);
        const int32_t *values = at + 1;
        to[0] = head_op(at[0]);
        if (to[0] == WINDOW) {
            to[0] = UNION;
            count = windows[values[0]];
            values = windows + values[0] + 15;
        }
        to[1] = head_subject(at[0]);
        to[2] = count;
        if (count) memcpy(to + 3, values, (size_t) count * sizeof *to);
        to += 3 + count;
    }
    return to - start;
}

#endif
