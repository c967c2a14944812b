/* One question: which rows of a plan hold, and which clauses that no plan has. */
#ifndef POI_SCAN_H
#define POI_SCAN_H

#include "_plan.h"

enum { BLOCK = 64, AHEAD = 6, MAX_MASKS = 2 + MAX_FAMILY_BITS + 2 * MAX_RANGE_BITS, MAX_CHOICES = MAX_FAMILY_BITS * SMALL, SOME = 512 };

typedef struct {
    uint32_t *items;  /* owner times two, plus one when it cannot be told */
    int64_t count, room;
    uint32_t few[SOME];
} Found;

typedef struct {
    int64_t order;
    uint32_t item;
} Extra;

typedef struct {
    Extra *items;
    int64_t count, room;
} Extras;

typedef struct {   /* the bits to AND: single ones, and groups of which one must be set */
    const uint64_t *all[MAX_MASKS];
    const uint64_t *choices[MAX_CHOICES];
    int32_t ends[MAX_SUBJECTS];
    int32_t count, groups, choice_count;
    uint64_t *made;  /* of inverted families */
} Masks;

static inline void found_start(Found *found) {
    found->items = found->few;
    found->count = 0;
    found->room = SOME;
}

static inline void found_end(Found *found) {
    if (found->items != found->few) free(found->items);
}

static inline bool found_add(Found *found, uint32_t item) {
    if (found->count && found->items[found->count - 1] >> 1 == item >> 1) {
        found->items[found->count - 1] &= item;
        return true;
    }
    if (found->count == found->room) {
        uint32_t *larger = malloc((size_t) found->room * 4 * sizeof *larger);
        if (!larger) return false;
        memcpy(larger, found->items, (size_t) found->count * sizeof *larger);
        found_end(found);
        found->items = larger;
        found->room *= 4;
    }
    found->items[found->count++] = item;
    return true;
}

/* --- the plan ---------------------------------------------------------------------------------------------------- */

static inline void add_inverted(Masks *masks, const FamilyBits *family, const PlanBits *plan, const Facts *facts, uint64_t *to) {
    memcpy(to, family->bits, (size_t) plan->words * sizeof *to);
    for (int32_t i = facts->starts[family->family]; i < facts->starts[family->family + 1]; i++) {
        int32_t first = 0, last = family->values, value = facts->values[i];
        while (first < last) {
            int32_t middle = (first + last) / 2;
            if (family->held[middle] < value) first = middle + 1;
            else last = middle;
        }
        if (first == family->values || family->held[first] != value) continue;
        for (uint32_t k = family->starts[first]; k < family->starts[first + 1]; k++) set_bit(to, family->rows[k]);
    }
    masks->all[masks->count++] = to;
}

static inline void add_bitmaps(Masks *masks, const FamilyBits *family, const PlanBits *plan, const Facts *facts) {
    const uint64_t *others = family->bits + family->values * plan->words;
    int32_t before = masks->choice_count;
    for (int32_t i = facts->starts[family->family]; i < facts->starts[family->family + 1]; i++) {
        int32_t value = facts->values[i];
        if (value >= 0 && value < family->values)
            masks->choices[masks->choice_count++] = family->bits + value * plan->words;
    }
    int32_t several = masks->choice_count - before;
    if (several > 1) {
        masks->ends[masks->groups++] = masks->choice_count;
        return;
    }
    masks->choice_count = before;
    masks->all[masks->count++] = several ? masks->choices[before] : others;
}

static inline bool make_masks(const PlanBits *plan, const Facts *facts, Masks *masks) {
    int64_t inverted = 0;
    masks->count = masks->groups = masks->choice_count = 0;
    masks->made = NULL;
    masks->all[masks->count++] = plan->all;
    if (plan->hours) masks->all[masks->count++] = plan->hours + facts->numbers[MINUTE] % DAY_MINUTES / 60 * plan->words;
    for (int32_t f = 0; f < plan->family_count; f++) inverted += plan->families[f].kind == INVERTED;
    if (inverted && !(masks->made = malloc((size_t) (inverted * plan->words) * sizeof *masks->made))) return false;
    uint64_t *to = masks->made;
    for (int32_t f = 0; f < plan->family_count; f++) {
        const FamilyBits *family = plan->families + f;
        if (!facts->known[family->family])
            masks->all[masks->count++] = family->bits + ((family->kind == BITMAPS ? family->values : 0) + 1) * plan->words;
        else if (family->kind == BITMAPS)
            add_bitmaps(masks, family, plan, facts);
        else {
            add_inverted(masks, family, plan, facts, to);
            to += plan->words;
        }
    }
    for (int32_t c = 0; c < plan->range_count; c++) {
        const RangeBits *range = plan->ranges + c;
        int32_t number = facts->numbers[range->column];
        if (number == UNKNOWN) {
            masks->all[masks->count++] = range->unknown;
            continue;
        }
        int64_t at = interval(range->bounds, range->count, number) * plan->words;
        masks->all[masks->count++] = range->low + at;
        masks->all[masks->count++] = range->high + at;
    }
    return true;
}

static inline void and_block(const Masks *masks, int64_t at, int64_t words, uint64_t *restrict left) {
    memcpy(left, masks->all[0] + at, (size_t) words * sizeof *left);
    for (int32_t m = 1; m < masks->count; m++) {
        const uint64_t *mask = masks->all[m] + at;
        for (int64_t i = 0; i < words; i++) left[i] &= mask[i];
    }
    int32_t c = 0;
    for (int32_t g = 0; g < masks->groups; g++) {
        uint64_t either[BLOCK] = {0};
        for (; c < masks->ends[g]; c++)
            for (int64_t i = 0; i < words; i++) either[i] |= masks->choices[c][at + i];
        for (int64_t i = 0; i < words; i++) left[i] &= either[i];
    }
}

/* Run what the bits left over of some rows. 1 to go on, 0 when `top` are found, -1 when memory ran out. */
static inline int run_rows(
    const PlanBits *plan, const View *view, const Facts *facts, const uint32_t *rows, int64_t count, int64_t top, Found *found
) {
    for (int64_t i = 0; i < count && i < AHEAD; i++) __builtin_prefetch(plan->rest + plan->ends[rows[i]].rest);
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count) __builtin_prefetch(plan->rest + plan->ends[rows[i + AHEAD]].rest);
        RowEnd end = plan->ends[rows[i]];
        uint32_t item = end.owner;
        if (top && found->count == top && found->items[top - 1] >> 1 != item >> 1) return 0;
        if (end.rest) {
            const int32_t *rest = plan->rest + end.rest;
            int verdict = run(rest + 1, rest + 1 + rest[0], facts, NULL);
            if (verdict == NO) continue;
            item |= verdict == PERHAPS;
        }
        if (is_dead(view, item >> 1)) continue;
        if (!found_add(found, item)) return -1;
    }
    return 1;
}

/* The rows that hold, in order; false when memory ran out. */
static inline bool scan_plan(const PlanBits *plan, const View *view, const Facts *facts, int64_t top, Found *found) {
    uint64_t left[BLOCK];
    uint32_t rows[BLOCK * 64];
    Masks masks;
    if (!plan->rows) return true;
    if (!make_masks(plan, facts, &masks)) return false;
    int going = 1;
    for (int64_t at = 0; going == 1 && at < plan->words; at += BLOCK) {
        int64_t words = plan->words - at < BLOCK ? plan->words - at : BLOCK, count = 0;
        and_block(&masks, at, words, left);
        for (int64_t i = 0; i < words; i++)
            for (uint64_t word = left[i]; word; word &= word - 1) {
                rows[count] = (uint32_t) ((at + i) * 64 + __builtin_ctzll(word));
                __builtin_prefetch(plan->ends + rows[count++]);
            }
        going = run_rows(plan, view, facts, rows, count, top, found);
    }
    free(masks.made);
    return going >= 0;
}

/* --- clauses that the plan does not have ------------------------------------------------------------------------- */

static inline bool extra_add(Extras *extras, const View *view, const int32_t *clause, const int32_t *end, const Facts *facts, const int32_t *windows) {
    if (!in_days(clause, facts->numbers[DAY]) || is_dead(view, clause[0])) return true;
    int verdict = run(clause + HEADER, end, facts, windows);
    if (verdict == NO) return true;
    if (extras->count == extras->room) {
        int64_t room = extras->room ? 2 * extras->room : 64;
        Extra *larger = realloc(extras->items, (size_t) room * sizeof *larger);
        if (!larger) return false;
        extras->items = larger;
        extras->room = room;
    }
    Extra extra = {order_of(view, clause[0]), (uint32_t) clause[0] << 1 | (verdict == PERHAPS)};
    int64_t at = extras->count++;
    for (; at && extras->items[at - 1].order > extra.order; at--) extras->items[at] = extras->items[at - 1];
    extras->items[at] = extra;
    return true;
}

static inline bool by_value(const View *view, const Facts *facts, Extras *extras) {
    const Index *index = view->index;
    const Overlay *overlay = &view->overlay;
    const int32_t *end;
    for (int32_t f = 0; f < index->meta.families && index->meta.by_value; f++) {
        if (!facts->known[f] || op_of_the_place(ANY, f)) continue;
        for (int32_t i = facts->starts[f]; i < facts->starts[f + 1]; i++) {
            int32_t value = facts->values[i];
            const Slot *slot = has_value(index, f, value) ? find_slot(index, value_key(f, value)) : NULL;
            for (uint32_t k = 0; slot && k < slot->count; k++) {
                const int32_t *clause = clause_at(index, index->postings[slot->start + k], &end);
                if (!extra_add(extras, view, clause, end, facts, index->windows)) return false;
            }
            uint32_t bit = (uint32_t) value % BLOOM_BITS;
            if (!(overlay->valued[bit >> 6] >> (bit & 63) & 1)) continue;
            for (int32_t at = overlay_head(overlay, value_key(f, value)); at >= 0; at = overlay->nodes[at].next) {
                uint32_t number = overlay->nodes[at].clause;
                if (number >= overlay->clauses) continue;
                const int32_t *clause = overlay->words + overlay->starts[number];
                if (!extra_add(extras, view, clause, overlay->words + overlay->starts[number + 1], facts, NULL)) return false;
            }
        }
    }
    return true;
}

/* Put the extra owners among those found, each once, and keep `top` of all. */
static inline bool merge_extras(const View *view, const Extras *extras, int64_t top, Found *found) {
    Found merged;
    int64_t a = 0, b = 0;
    bool whole = true;
    found_start(&merged);
    while (whole && (a < found->count || b < extras->count)) {
        bool mine = b == extras->count ||
                    (a < found->count && order_of(view, found->items[a] >> 1) <= extras->items[b].order);
        uint32_t item = mine ? found->items[a++] : extras->items[b++].item;
        if (top && merged.count == top && merged.items[top - 1] >> 1 != item >> 1) break;
        whole = found_add(&merged, item);
    }
    found_end(found);
    *found = merged;
    if (merged.items == merged.few) found->items = found->few;
    return whole;
}

/* All that hold: the plan's rows, the clauses found by their values, and those added since the plan was made. */
static inline bool match_all(
    const PlanBits *plan, const View *view, const uint32_t *tail, int64_t tail_count, const Facts *facts, int64_t top, Found *found
) {
    Extras extras = {NULL, 0, 0};
    const Overlay *overlay = &view->overlay;
    bool whole = scan_plan(plan, view, facts, top, found);
    if (view->index->meta.by_value) whole = whole && by_value(view, facts, &extras);
    for (int64_t i = 0; whole && i < tail_count; i++)
        whole = extra_add(&extras, view, overlay->words + overlay->starts[tail[i]], overlay->words + overlay->starts[tail[i] + 1], facts, NULL);
    if (whole && extras.count) whole = merge_extras(view, &extras, top, found);
    free(extras.items);
    return whole;
}

#endif
