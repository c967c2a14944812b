/* A plan: the clauses of one place on one day, as rows in order and, by what they ask, as bits by row.
 *
 * A question ANDs the bits of its hour, of its values in small families and of its numbers' intervals; the few rows
 * left run what those bits could not say exactly. */
#ifndef POI_PLAN_H
#define POI_PLAN_H

#include "_build.h"
#include "_gather.h"

enum { SMALL = 64, MANY_ROWS = 1024, MAX_FAMILY_BITS = 32, MAX_RANGE_BITS = 12 };
enum { PLAIN = 0, BITMAPS, INVERTED };

typedef struct {
    uint32_t owner;  /* times two, plus one when the place cannot be told exactly */
    uint32_t rest;   /* where the row's other parts lie in `rest`: their length, then they; 0: none */
} RowEnd;

typedef struct {
    uint8_t kind;
    int32_t family, values;
    uint64_t *bits;   /* BITMAPS: by value, then for values of none, then for unknown. INVERTED: for none, for unknown */
    int32_t *held;    /* INVERTED: the values, sorted */
    uint32_t *starts; /* of their rows in `rows`, and the end */
    uint32_t *rows;
} FamilyBits;

typedef struct {
    int32_t column, count;
    const int32_t *bounds;  /* the index's: all plans read the same */
    uint64_t *low, *high;  /* by interval between bounds: rows whose range may begin / end so */
    uint64_t *edge;        /* by interval: rows whose range begins or ends within it, so that their rest decides */
    uint64_t *unknown;
} RangeBits;

typedef struct {
    void *memory;
    int64_t bytes, rows, words;
    uint64_t *all;
    uint64_t *asks;    /* rows whose rest asks more than sliced ranges do: it runs whatever the numbers are */
    uint64_t *hours;   /* by hour, then rows that do not ask; NULL when no row asks */
    RowEnd *ends;
    int32_t *rest;
    int32_t family_count, range_count;
    RangeBits ranges[MAX_RANGE_BITS];
    FamilyBits families[MAX_FAMILY_BITS];
} PlanBits;

typedef struct {
    int32_t any[MAX_SUBJECTS], none[MAX_SUBJECTS], highest[MAX_SUBJECTS], lowest[MAX_SUBJECTS], ranges[MAX_SUBJECTS];
    int64_t values[MAX_SUBJECTS];  /* named by the first ANY of each row */
    int64_t rest;                  /* words that the rows' other parts may need */
    bool windows;
} Survey;

static inline int64_t room_for(int64_t bytes) { return (bytes + 63) & ~(int64_t) 63; }
static inline void set_bit(uint64_t *bits, int64_t row) { bits[row >> 6] |= 1ULL << (row & 63); }

static inline void plan_free(PlanBits *plan) {
    free(plan->memory);
    free(plan->rest);
    free(plan);
}

static inline void window_spans(const Candidate *row, const int32_t *at, const int32_t **spans, int32_t *count) {
    bool shared = head_op(at[0]) == WINDOW;
    *count = shared ? row->windows[at[1]] : head_count(at[0]);
    *spans = shared ? row->windows + at[1] + 15 : at + 1;
}

static inline bool is_window(const int32_t *at) {
    return head_op(at[0]) == WINDOW ||
           ((head_op(at[0]) == UNION || head_op(at[0]) == RANGE) && head_subject(at[0]) == MINUTE && proper_window(at + 1, head_count(at[0])));
}

/* What the rows ask, to decide what is worth bits. */
static inline void survey_rows(const Candidate *rows, int64_t count, Survey *survey) {
    memset(survey, 0, sizeof *survey);
    for (int i = 0; i < MAX_SUBJECTS; i++) survey->lowest[i] = HIGHEST;
    for (int64_t r = 0; r < count; r++) {
        const int32_t *live, *place = place_parts(rows[r].clause, false, &live), *spans;
        uint64_t seen = 0;
        survey->rest += 1 + (rows[r].end - live) + (rows[r].partial ? live - place : 0);
        for (const int32_t *at = live; at < rows[r].end; at += 1 + head_count(at[0])) {
            int32_t op = head_op(at[0]), subject = head_subject(at[0]), n = head_count(at[0]);
            if (op == ANY && !(seen >> subject & 1)) {
                seen |= 1ULL << subject;
                survey->any[subject]++;
                survey->values[subject] += n;
                if (n && at[n] > survey->highest[subject]) survey->highest[subject] = at[n];
                if (n && at[1] < survey->lowest[subject]) survey->lowest[subject] = at[1];
            } else if (op == NONE) {
                survey->none[subject]++;
            } else if (op == RANGE) {
                survey->ranges[subject]++;
            } else if (is_window(at)) {
                window_spans(rows + r, at, &spans, &n);
                survey->rest += n;
                survey->windows = true;
            }
        }
    }
}

static inline int interval(const int32_t *bounds, int32_t count, int32_t number) {
    int32_t i = 0;
    while (i < count && bounds[i] <= number) i++;
    return i;
}

/* --- laying out -------------------------------------------------------------------------------------------------- */

static inline int kind_of(const Survey *survey, int32_t family, int64_t rows) {
    if (!survey->any[family] || survey->lowest[family] < 0) return PLAIN;
    if (survey->highest[family] < SMALL) return BITMAPS;
    return rows >= MANY_ROWS ? INVERTED : PLAIN;
}

/* Give each part its place in one piece of memory; with `base` NULL only its size is worked out. */
static inline int64_t lay_out(PlanBits *plan, const Survey *survey, const Index *index, char *base) {
    int64_t used = 0, bitmap = 8 * plan->words;
#define PIECE(field, type, bytes) ((field) = (type) (base ? base + used : NULL), used += room_for(bytes))
    PIECE(plan->all, uint64_t *, bitmap);
    PIECE(plan->asks, uint64_t *, bitmap);
    plan->hours = NULL;
    if (survey->windows) PIECE(plan->hours, uint64_t *, 25 * bitmap);
    PIECE(plan->ends, RowEnd *, plan->rows * (int64_t) sizeof(RowEnd));
    plan->family_count = plan->range_count = 0;
    for (int32_t f = 0; f < index->meta.families; f++) {
        int kind = kind_of(survey, f, plan->rows);
        if (kind == PLAIN || plan->family_count == MAX_FAMILY_BITS) continue;
        FamilyBits *family = plan->families + plan->family_count++;
        family->kind = (uint8_t) kind;
        family->family = f;
        family->values = kind == BITMAPS ? survey->highest[f] + 1 : 0;
        PIECE(family->bits, uint64_t *, (family->values + 2) * bitmap);
        if (kind == INVERTED) {
            PIECE(family->held, int32_t *, 4 * survey->values[f]);
            PIECE(family->starts, uint32_t *, 4 * (survey->values[f] + 1));
            PIECE(family->rows, uint32_t *, 4 * survey->values[f]);
        }
    }
    for (int32_t c = 0; c < index->meta.columns; c++) {
        const int32_t *bounds = index->bounds + (int64_t) c * BOUND_WORDS;
        if (c == DAY || !bounds[0] || 8 * (int64_t) survey->ranges[c] < plan->rows) continue;
        if (plan->range_count == MAX_RANGE_BITS) break;
        RangeBits *range = plan->ranges + plan->range_count++;
        range->column = c;
        range->count = bounds[0];
        range->bounds = bounds + 1;
        PIECE(range->low, uint64_t *, (range->count + 1) * bitmap);
        PIECE(range->high, uint64_t *, (range->count + 1) * bitmap);
        PIECE(range->edge, uint64_t *, (range->count + 1) * bitmap);
        PIECE(range->unknown, uint64_t *, bitmap);
    }
#undef PIECE
    return used;
}

/* --- filling ----------------------------------------------------------------------------------------------------- */

typedef struct {
    PlanBits *plan;
    int32_t weekday;
    int8_t family_at[MAX_SUBJECTS], range_at[MAX_SUBJECTS];
    uint64_t *pairs[MAX_SUBJECTS];  /* of inverted families: value and row */
    int64_t pair_count[MAX_SUBJECTS];
    int64_t rest;
} Filling;

static inline bool fill_window(Filling *fill, const Candidate *row, int64_t r, const int32_t *at) {
    const int32_t *spans;
    int32_t count;
    uint32_t touched, filled;
    window_spans(row, at, &spans, &count);
    if (head_op(at[0]) == WINDOW) {
        touched = (uint32_t) row->windows[at[1] + 1 + fill->weekday];
        filled = (uint32_t) row->windows[at[1] + 8 + fill->weekday];
    } else {
        window_hours(spans, count, fill->weekday, &touched, &filled);
    }
    set_bit(fill->plan->hours + 24 * fill->plan->words, r);
    bool exact = touched == filled;
    for (; touched; touched &= touched - 1) set_bit(fill->plan->hours + __builtin_ctz(touched) * fill->plan->words, r);
    return exact;
}

/* While rows are filled, the bits for none and for unknown say which rows do ask; `finish` turns them over. */
static inline void fill_any(Filling *fill, int64_t r, const int32_t *at) {
    FamilyBits *family = fill->plan->families + fill->family_at[head_subject(at[0])];
    int64_t words = fill->plan->words;
    uint64_t *others = family->bits + family->values * words;
    set_bit(others, r);
    set_bit(others + words, r);
    for (int32_t i = 1; i <= head_count(at[0]); i++)
        if (family->kind == BITMAPS) set_bit(family->bits + at[i] * words, r);
        else fill->pairs[family->family][fill->pair_count[family->family]++] = (uint64_t) (uint32_t) at[i] << 32 | (uint64_t) r;
}

static inline void fill_none(Filling *fill, int64_t r, int32_t subject) {
    if (fill->family_at[subject] < 0) return;
    FamilyBits *family = fill->plan->families + fill->family_at[subject];
    set_bit(family->bits + (family->values + 1) * fill->plan->words, r);
}

static inline bool fill_range(Filling *fill, int64_t r, const int32_t *at) {
    RangeBits *range = fill->plan->ranges + fill->range_at[head_subject(at[0])];
    int64_t words = fill->plan->words;
    int low = at[1] > LOWEST ? interval(range->bounds, range->count, at[1]) : 0;
    int high = at[2] < HIGHEST ? interval(range->bounds, range->count, at[2]) : range->count;
    set_bit(range->unknown, r);
    set_bit(range->low + low * words, r);
    set_bit(range->high + high * words, r);
    bool begins = at[1] > LOWEST && !(low && range->bounds[low - 1] == at[1]);
    bool ends = at[2] < HIGHEST && !(high < range->count && range->bounds[high] == at[2] + 1);
    if (begins) set_bit(range->edge + low * words, r);
    if (ends) set_bit(range->edge + high * words, r);
    return !begins && !ends;
}

static inline void keep_part(Filling *fill, const Candidate *row, const int32_t *at) {
    int32_t *to = fill->plan->rest + fill->rest, count = head_count(at[0]);
    const int32_t *values = at + 1;
    *to = at[0];
    if (head_op(at[0]) == WINDOW) {
        window_spans(row, at, &values, &count);
        *to = part_head(UNION, MINUTE, count);
    }
    if (count) memcpy(to + 1, values, (size_t) count * sizeof *to);
    fill->rest += 1 + count;
}

/* One row: bits for what they can say, the rest as it is. False when the day rules it out. */
static inline void fill_row(Filling *fill, const Candidate *row, int64_t r) {
    PlanBits *plan = fill->plan;
    const int32_t *live, *place = place_parts(row->clause, false, &live);
    uint64_t any = 0, ranged = 0;
    bool window = false;
    int64_t start = fill->rest++;
    for (const int32_t *at = live; at < row->end; at += 1 + head_count(at[0])) {
        int32_t op = head_op(at[0]), subject = head_subject(at[0]);
        uint64_t bit = 1ULL << subject;
        if (op_of_the_day(op, subject)) continue;
        if (op == ANY && fill->family_at[subject] >= 0 && !(any & bit)) {
            any |= bit;
            fill_any(fill, r, at);
            continue;
        }
        if (op == RANGE && fill->range_at[subject] >= 0 && !(ranged & bit)) {
            ranged |= bit;
            if (!fill_range(fill, r, at)) keep_part(fill, row, at);
            continue;
        }
        if (plan->hours && !window && is_window(at)) {
            window = true;
            if (fill_window(fill, row, r, at)) continue;
        }
        if (op == NONE) fill_none(fill, r, subject);
        set_bit(plan->asks, r);
        keep_part(fill, row, at);
    }
    if (row->partial) set_bit(plan->asks, r);
    for (const int32_t *at = place; row->partial && at < live; at += 1 + head_count(at[0])) keep_part(fill, row, at);
    plan->rest[start] = (int32_t) (fill->rest - start - 1);
    if (fill->rest == start + 1) fill->rest = start;
    plan->ends[r] = (RowEnd) {(uint32_t) row->clause[0] << 1 | row->perhaps, fill->rest == start ? 0 : (uint32_t) start};
    set_bit(plan->all, r);
}

static int by_pair(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *) one, b = *(const uint64_t *) other;
    return (a > b) - (a < b);
}

static inline void finish_inverted(FamilyBits *family, uint64_t *pairs, int64_t count) {
    qsort(pairs, (size_t) count, sizeof *pairs, by_pair);
    family->values = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t value = (int32_t) (pairs[i] >> 32);
        if (!family->values || family->held[family->values - 1] != value) {
            family->starts[family->values] = (uint32_t) i;
            family->held[family->values++] = value;
        }
        family->rows[i] = (uint32_t) pairs[i];
    }
    family->starts[family->values] = (uint32_t) count;
}

static inline void turn_over(const PlanBits *plan, uint64_t *bits) {
    for (int64_t i = 0; i < plan->words; i++) bits[i] = plan->all[i] & ~bits[i];
}

/* A value's rows are also those that ask for none; an interval's rows are also those of the intervals before (after). */
static inline void finish(Filling *fill) {
    PlanBits *plan = fill->plan;
    int64_t words = plan->words;
    if (plan->hours) turn_over(plan, plan->hours + 24 * words);
    for (int64_t hour = 0; plan->hours && hour < 24; hour++)
        for (int64_t i = 0; i < words; i++) plan->hours[hour * words + i] |= plan->hours[24 * words + i];
    for (int32_t f = 0; f < plan->family_count; f++) {
        FamilyBits *family = plan->families + f;
        uint64_t *others = family->bits + family->values * words;
        turn_over(plan, others);
        turn_over(plan, others + words);
        for (int64_t value = 0; value < family->values; value++)
            for (int64_t i = 0; i < words; i++) family->bits[value * words + i] |= others[i];
        if (family->kind == INVERTED) finish_inverted(family, fill->pairs[family->family], fill->pair_count[family->family]);
    }
    for (int32_t c = 0; c < plan->range_count; c++) {
        RangeBits *range = plan->ranges + c;
        turn_over(plan, range->unknown);
        for (int64_t i = 0; i < words; i++) {
            range->low[i] |= range->unknown[i];
            range->high[range->count * words + i] |= range->unknown[i];
        }
        for (int64_t i = words; i < (range->count + 1) * words; i++) range->low[i] |= range->low[i - words];
        for (int64_t i = range->count * words - 1; i >= 0; i--) range->high[i] |= range->high[i + words];
    }
}

/* Most of what the rows' other parts might have needed they did not: keep a copy of the right size, so that plans lie close. */
static inline bool trim_rest(PlanBits *plan, int64_t used) {
    int32_t *kept = malloc((size_t) used * sizeof *kept);
    if (!kept) return false;
    memcpy(kept, plan->rest, (size_t) used * sizeof *kept);
    free(plan->rest);
    plan->rest = kept;
    plan->bytes += used * (int64_t) sizeof *kept;
    return true;
}

static inline bool fill_plan(PlanBits *plan, const Candidate *rows, const Survey *survey, const Facts *facts) {
    Filling fill;
    memset(&fill, 0, sizeof fill);
    memset(fill.family_at, 0xff, sizeof fill.family_at);
    memset(fill.range_at, 0xff, sizeof fill.range_at);
    fill.plan = plan;
    fill.weekday = facts->numbers[MINUTE] == UNKNOWN ? 0 : facts->numbers[MINUTE] / DAY_MINUTES;
    bool whole = true;
    for (int32_t f = 0; f < plan->family_count; f++) {
        int32_t family = plan->families[f].family;
        fill.family_at[family] = (int8_t) f;
        if (plan->families[f].kind == INVERTED)
            whole &= (fill.pairs[family] = malloc((size_t) (survey->values[family] + 1) * 8)) != NULL;
    }
    for (int32_t c = 0; c < plan->range_count; c++) fill.range_at[plan->ranges[c].column] = (int8_t) c;
    plan->rest = malloc((size_t) (survey->rest + 1) * sizeof *plan->rest);
    whole &= plan->rest != NULL;
    fill.rest = 1;
    for (int64_t r = 0; whole && r < plan->rows; r++) fill_row(&fill, rows + r, r);
    if (whole) {
        plan->rest[0] = 0;
        finish(&fill);
        whole = trim_rest(plan, fill.rest);
    }
    for (int f = 0; f < MAX_SUBJECTS; f++) free(fill.pairs[f]);
    return whole;
}

/* The plan of the event's place (a cell when given) and day; NULL when memory ran out. */
static inline PlanBits *plan_make(const View *view, const Facts *facts, const Cell *cell) {
    Candidates found = {NULL, 0, 0, false};
    Survey survey;
    PlanBits *plan = NULL;
    if (!gather(view, facts, cell, -1, false, &found)) goto end;
    if (!(plan = calloc(1, sizeof *plan))) goto end;
    survey_rows(found.items, found.count, &survey);
    plan->rows = found.count;
    plan->words = (found.count + 63) / 64;
    plan->bytes = lay_out(plan, &survey, view->index, NULL);
    plan->memory = calloc((size_t) plan->bytes + 64, 1);
    if (plan->memory) lay_out(plan, &survey, view->index, (char *) (((uintptr_t) plan->memory + 63) & ~(uintptr_t) 63));
    if (!plan->memory || !fill_plan(plan, found.items, &survey, facts)) {
        plan_free(plan);
        plan = NULL;
    }
    if (plan) plan->bytes += (int64_t) sizeof *plan;
end:
    free(found.items);
    return plan;
}

#endif
