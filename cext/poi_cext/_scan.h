/* One question: which rows of a plan hold, and which clauses that no plan has. */
#ifndef POI_SCAN_H
#define POI_SCAN_H

#include "_plan.h"

enum { BLOCK = 64, TOP_BLOCK = 4, HITS = 64, PEEK = 4, AHEAD = 16, MAX_MASKS = 2 + MAX_FAMILY_BITS + 2 * MAX_RANGE_BITS, MAX_CHOICES = MAX_FAMILY_BITS * SMALL, SOME = 512 };

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
    const uint64_t *asks[1 + MAX_RANGE_BITS];  /* whose rests are to be run: a bit of any of them */
    int32_t count, groups, choice_count, ask_count;
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

static inline void add_mask(Masks *masks, const uint64_t *bits) {
    __builtin_prefetch(bits);
    masks->all[masks->count++] = bits;
}

/* What is read first of a plan and of an event lies on lines of its own: ask for all of them at once. */
static inline void prefetch_heads(const PlanBits *plan, const Facts *facts) {
    for (size_t at = 0; at < 4 * 64; at += 64) __builtin_prefetch((const char *) plan + at);
    for (size_t at = 0; at < 3 * 64; at += 64) __builtin_prefetch((const char *) plan->families + at);
    for (const int32_t *at = facts->numbers; at < facts->lines; at += 16) __builtin_prefetch(at);
    __builtin_prefetch(facts->known);
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
    add_mask(masks, several ? masks->choices[before] : others);
}

static inline bool make_masks(const PlanBits *plan, const Facts *facts, Masks *masks) {
    int64_t inverted = 0;
    masks->count = masks->groups = masks->choice_count = 0;
    masks->made = NULL;
    add_mask(masks, plan->all);
    __builtin_prefetch(plan->asks);
    masks->asks[0] = plan->asks;
    masks->ask_count = 1;
    if (plan->hours) add_mask(masks, plan->hours + facts->numbers[MINUTE] % DAY_MINUTES / 60 * plan->words);
    for (int32_t f = 0; f < plan->family_count; f++) inverted += plan->families[f].kind == INVERTED;
    if (inverted && !(masks->made = malloc((size_t) (inverted * plan->words) * sizeof *masks->made))) return false;
    uint64_t *to = masks->made;
    for (int32_t f = 0; f < plan->family_count; f++) {
        const FamilyBits *family = plan->families + f;
        if (!facts->known[family->family])
            add_mask(masks, family->bits + ((family->kind == BITMAPS ? family->values : 0) + 1) * plan->words);
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
            add_mask(masks, range->unknown);
            continue;
        }
        int64_t at = interval(range->bounds, range->count, number) * plan->words;
        add_mask(masks, range->low + at);
        add_mask(masks, range->high + at);
        __builtin_prefetch(range->edge + at);
        masks->asks[masks->ask_count++] = range->edge + at;
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

static inline void or_block(const Masks *masks, int64_t at, int64_t words, uint64_t *restrict asks) {
    memcpy(asks, masks->asks[0] + at, (size_t) words * sizeof *asks);
    for (int32_t m = 1; m < masks->ask_count; m++)
        for (int64_t i = 0; i < words; i++) asks[i] |= masks->asks[m][at + i];
}

/* Run the rests of those of a block's rows that ask, and take out the bits of those that do not hold: which row holds is a
 * matter of luck, and a branch on it would be guessed wrongly every other time. */
static inline void run_rests(
    const PlanBits *plan, const Facts *facts, int64_t at, int64_t words, const uint64_t *asks, uint64_t *left, uint64_t *unsure
) {
    const RowEnd *ends = plan->ends + at * 64;
    uint16_t rows[BLOCK * 64];
    int32_t count = 0;
    for (int64_t i = 0; i < words; i++) {
        unsure[i] = 0;
        for (uint64_t word = left[i] & asks[i]; word; word &= word - 1) {
            rows[count] = (uint16_t) (i * 64 + __builtin_ctzll(word));
            __builtin_prefetch(ends + rows[count++]);
        }
    }
    for (int32_t i = 0; i < count && i < AHEAD; i++) __builtin_prefetch(plan->rest + ends[rows[i]].rest);
    for (int32_t i = 0; i < count; i++) {
        if (i + AHEAD < count) __builtin_prefetch(plan->rest + ends[rows[i + AHEAD]].rest);
        const int32_t *rest = plan->rest + ends[rows[i]].rest;
        int verdict = run(rest + 1, rest + 1 + rest[0], facts, NULL);
        left[rows[i] >> 6] &= ~((uint64_t) (verdict == NO) << (rows[i] & 63));
        unsure[rows[i] >> 6] |= (uint64_t) (verdict == PERHAPS) << (rows[i] & 63);
    }
}

static inline void prefetch_owners(const RowEnd *ends, int64_t words, const uint64_t *left) {
    for (int64_t i = 0; i < words; i++)
        for (uint64_t word = left[i]; word; word &= word - 1) __builtin_prefetch(ends + i * 64 + __builtin_ctzll(word));
}

/* The owners of the rows that are left. 1 to go on, 0 when `top` are found, -1 when memory ran out. */
static inline int add_rows(
    const RowEnd *ends, const View *view, int64_t words, const uint64_t *left, const uint64_t *unsure, int64_t top, Found *found
) {
    for (int64_t i = 0; i < words; i++)
        for (uint64_t word = left[i]; word; word &= word - 1) {
            int bit = __builtin_ctzll(word);
            uint32_t item = ends[i * 64 + bit].owner | (unsure[i] >> bit & 1);
            if (top && found->count == top && found->items[top - 1] >> 1 != item >> 1) return 0;
            if (!is_dead(view, item >> 1) && !found_add(found, item)) return -1;
        }
    return 1;
}

/* Rests look most for values of the families that the event has several of. */
static inline void prefetch_bloom(const Facts *facts) {
    for (int32_t f = REGION + 1; f < facts->families; f++) {
        const uint64_t *bloom = facts->bloom + (size_t) f * BLOOM_WORDS;
        if (facts->starts[f + 1] - facts->starts[f] < 2) continue;
        __builtin_prefetch(bloom);
        __builtin_prefetch(bloom + BLOOM_WORDS / 2);
    }
}

/* The rows that hold, in order; false when memory ran out. */
static inline bool scan_plan(const PlanBits *plan, const View *view, const Facts *facts, int64_t top, Found *found) {
    uint64_t left[BLOCK], asks[BLOCK], unsure[BLOCK];
    int64_t block = top ? TOP_BLOCK : BLOCK;
    Masks masks;
    if (!plan->rows) return true;
    if (!make_masks(plan, facts, &masks)) return false;
    prefetch_bloom(facts);
    int going = 1;
    for (int64_t at = 0; going == 1 && at < plan->words; at += block) {
        int64_t words = plan->words - at < block ? plan->words - at : block;
        and_block(&masks, at, words, left);
        or_block(&masks, at, words, asks);
        prefetch_owners(plan->ends + at * 64, words, left);
        run_rests(plan, facts, at, words, asks, left, unsure);
        going = add_rows(plan->ends + at * 64, view, words, left, unsure, top, found);
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

/* Values of an event that clauses are found by. Each takes four steps through memory (slot, postings, where the clause
 * begins, the clause), so a batch takes each step together. */
typedef struct {
    const Slot *slots[HITS];
    uint64_t keys[HITS];
    int32_t count, family, at;  /* the family and the value to go on with */
} Hits;

static inline void next_hits(const Index *index, const Facts *facts, Hits *hits) {
    int32_t end = index->meta.by_value ? facts->starts[facts->families] : 0, kept = 0;
    for (hits->count = 0; hits->at < end && hits->count < HITS; hits->at++) {
        while (hits->at == facts->starts[hits->family + 1]) hits->family++;
        int32_t value = facts->values[hits->at];
        if (!has_value(index, hits->family, value)) continue;
        uint64_t key = hits->keys[hits->count++] = value_key(hits->family, value);
        __builtin_prefetch(index->slots + first_slot(key, index->meta.slots));
    }
    for (int32_t i = 0; i < hits->count; i++) {
        const Slot *slot = find_slot(index, hits->keys[i]);
        if (!slot) continue;
        __builtin_prefetch(index->postings + slot->start);
        hits->slots[kept++] = slot;
    }
    hits->count = kept;
}

static inline Hits first_hits(const Index *index, const Facts *facts) {
    Hits hits;
    hits.family = REGION + 1;
    hits.at = facts->starts[REGION + 1];
    next_hits(index, facts, &hits);
    return hits;
}

static inline void prefetch_clauses(const Index *index, const Hits *hits) {
    for (int32_t i = 0; i < hits->count; i++)
        for (uint32_t k = 0; k < hits->slots[i]->count && k < PEEK; k++)
            __builtin_prefetch(index->starts + index->postings[hits->slots[i]->start + k]);
    for (int32_t i = 0; i < hits->count; i++)
        for (uint32_t k = 0; k < hits->slots[i]->count && k < PEEK; k++)
            __builtin_prefetch(index->words + index->starts[index->postings[hits->slots[i]->start + k]]);
}

static inline bool run_hits(const View *view, const Facts *facts, const Hits *hits, Extras *extras) {
    const Index *index = view->index;
    const int32_t *end;
    prefetch_clauses(index, hits);
    for (int32_t i = 0; i < hits->count; i++)
        for (uint32_t k = 0; k < hits->slots[i]->count; k++) {
            const uint32_t *posting = index->postings + hits->slots[i]->start + k;
            if (k + 2 * PEEK < hits->slots[i]->count) __builtin_prefetch(index->starts + posting[2 * PEEK]);
            if (k + PEEK < hits->slots[i]->count) __builtin_prefetch(index->words + index->starts[posting[PEEK]]);
            const int32_t *clause = clause_at(index, posting[0], &end);
            if (!extra_add(extras, view, clause, end, facts, index->windows)) return false;
        }
    return true;
}

static inline bool added_by_value(const View *view, const Facts *facts, Extras *extras) {
    const Overlay *overlay = &view->overlay;
    for (int32_t f = REGION + 1; f < facts->families && overlay->clauses; f++)
        for (int32_t i = facts->starts[f]; i < facts->starts[f + 1]; i++) {
            uint32_t bit = (uint32_t) facts->values[i] % BLOOM_BITS;
            if (!(overlay->valued[bit >> 6] >> (bit & 63) & 1)) continue;
            for (int32_t at = overlay_head(overlay, value_key(f, facts->values[i])); at >= 0; at = overlay->nodes[at].next) {
                uint32_t number = overlay->nodes[at].clause;
                if (number >= overlay->clauses) continue;
                const int32_t *clause = overlay->words + overlay->starts[number];
                if (!extra_add(extras, view, clause, overlay->words + overlay->starts[number + 1], facts, NULL)) return false;
            }
        }
    return true;
}

static inline bool by_value(const View *view, const Facts *facts, Hits *hits, Extras *extras) {
    do {
        if (!run_hits(view, facts, hits, extras)) return false;
        next_hits(view->index, facts, hits);
    } while (hits->count || hits->at < facts->starts[facts->families]);
    return added_by_value(view, facts, extras);
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
    prefetch_heads(plan, facts);
    Hits hits = first_hits(view->index, facts);
    bool whole = scan_plan(plan, view, facts, top, found);
    if (view->index->meta.by_value) whole = whole && by_value(view, facts, &hits, &extras);
    for (int64_t i = 0; whole && i < tail_count; i++)
        whole = extra_add(&extras, view, overlay->words + overlay->starts[tail[i]], overlay->words + overlay->starts[tail[i] + 1], facts, NULL);
    if (whole && extras.count) whole = merge_extras(view, &extras, top, found);
    free(extras.items);
    return whole;
}

#endif
