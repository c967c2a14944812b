/* Offers' effects, written as numbers once, and a basket's lines with their tags: the steps and gains of a problem.

   An effect is `what, rank, percent, amount, cap, units, buy, get, includes, excludes`, then the tags of the lines it
   works on (none: all lines) and of those it does not; NONE where there is no cap or no bound on the units. */
#ifndef POI_CHOOSE_BUILD_H
#define POI_CHOOSE_BUILD_H

#include "_choose.h"

enum { POINTS = AMOUNT + 1, POINTS_PER, MULTIPLIER, CASHBACK_PERCENT, CASHBACK_AMOUNT, NOTHING, KINDS };
enum { HEAD = 10, MAX_EFFECTS = 8 };

typedef struct {
    const int32_t *words;
    int count;
} Program;

typedef struct {
    int32_t *keys;  /* tags, in an open table; NONE is an empty place */
    Lines *lines;   /* the lines that carry the tag */
    uint32_t size;  /* a power of two */
} Tags;

typedef struct {
    Tags tags;
    int32_t *tag_starts, *tag_list;      /* by line, its tags */
    uint16_t *cheapest, *dearest, *priced; /* lines in the order in which effects take them */
    int cheapest_count, priced_count;
    uint16_t *pool;                      /* the lines of all steps and gains */
    int64_t pool_used;
    Program *programs;                   /* by offer */
    Step *loose;                         /* steps by offer, before they are put in order */
    int64_t points, points_amount, point_value;
    int earns;
    Mask giving;                         /* offers with points or cashback, of whatever worth */
} Build;

/* What a program must be, so that nothing below reads beyond it: 0 when it is not. */
static inline int program_fits(const int32_t *words, int count) {
    int effects = 0;
    for (int at = 0; at < count; effects++) {
        if (effects == MAX_EFFECTS || count - at < HEAD) return 0;
        const int32_t *effect = words + at;
        if (effect[0] < 0 || effect[0] >= KINDS || effect[1] < 0 || effect[1] >= RANKS) return 0;
        for (int i = 2; i < 4; i++)
            if (effect[i] < 0) return 0;
        if (effect[4] < NONE || effect[5] < NONE || effect[6] < 0 || effect[7] < 0) return 0;
        if (effect[0] <= PERCENT && effect[2] > WHOLE_PERCENT) return 0;
        if (effect[0] <= AMOUNT && (effect[0] < PERCENT) != (effect[1] == UNITS)) return 0;
        if (effect[0] == BUY_GET && (!effect[6] || !effect[7] || effect[5] < 1)) return 0;
        if (effect[0] == POINTS_PER && !effect[3]) return 0;
        if (effect[8] < 0 || effect[9] < 0 || effect[8] > count - at - HEAD) return 0;
        if (effect[9] > count - at - HEAD - effect[8]) return 0;
        at += HEAD + effect[8] + effect[9];
    }
    return 1;
}

static inline void lay_out_build(Build *b, Problem *p, int tags, int effects, Arena *arena) {
    b->tags.size = 16;
    while (b->tags.size < 2u * (unsigned)tags) b->tags.size *= 2;
    p->amounts = TAKE(arena, int64_t, p->lines);
    p->prices = TAKE(arena, int64_t, p->lines);
    p->spared = TAKE(arena, int64_t, p->lines);
    p->units = TAKE(arena, int32_t, p->lines);
    p->terms = TAKE(arena, Terms, p->offers);
    p->step = TAKE(arena, Step, effects);
    p->gain = TAKE(arena, Gain, effects);
    b->tags.keys = TAKE(arena, int32_t, b->tags.size);
    b->tags.lines = TAKE(arena, Lines, b->tags.size);
    b->tag_starts = TAKE(arena, int32_t, p->lines + 1);
    b->tag_list = TAKE(arena, int32_t, tags);
    b->cheapest = TAKE(arena, uint16_t, p->lines);
    b->dearest = TAKE(arena, uint16_t, p->lines);
    b->priced = TAKE(arena, uint16_t, p->lines);
    b->pool = TAKE(arena, uint16_t, (size_t)effects * (size_t)p->lines);
    b->programs = TAKE(arena, Program, p->offers);
    b->loose = TAKE(arena, Step, effects);
}

static inline uint32_t place_of(const Tags *tags, int32_t tag) {
    uint32_t at = ((uint32_t)tag * 0x9E3779B1u) >> 7 & (tags->size - 1);
    while (tags->keys[at] != NONE && tags->keys[at] != tag) at = (at + 1) & (tags->size - 1);
    return at;
}

static inline void index_tags(Build *b, const Problem *p) {
    memset(b->tags.keys, 0xff, sizeof(int32_t) * b->tags.size);
    for (int line = 0; line < p->lines; line++)
        for (int i = b->tag_starts[line]; i < b->tag_starts[line + 1]; i++) {
            uint32_t at = place_of(&b->tags, b->tag_list[i]);
            if (b->tags.keys[at] == NONE) memset(&b->tags.lines[at], 0, sizeof(Lines));
            b->tags.keys[at] = b->tag_list[i];
            b->tags.lines[at].word[line >> 6] |= (uint64_t)1 << (line & 63);
        }
}

/* Lines with units at a price, cheapest first and dearest first, ties by line. */
static inline void index_prices(Build *b, const Problem *p) {
    int count = 0;
    b->priced_count = 0;
    for (int line = 0; line < p->lines; line++) {
        if (p->amounts[line] > 0) b->priced[b->priced_count++] = (uint16_t)line;
        if (!p->units[line] || !p->prices[line]) continue;
        int at = count;
        for (; at > 0 && p->prices[b->cheapest[at - 1]] > p->prices[line]; at--) b->cheapest[at] = b->cheapest[at - 1];
        b->cheapest[at] = (uint16_t)line;
        at = count++;
        for (; at > 0 && p->prices[b->dearest[at - 1]] < p->prices[line]; at--) b->dearest[at] = b->dearest[at - 1];
        b->dearest[at] = (uint16_t)line;
    }
    b->cheapest_count = count;
}

static inline void select_lines(const Build *b, const Problem *p, const int32_t *effect, Lines *found) {
    int words = (p->lines + 63) / 64;
    const int32_t *tags = effect + HEAD;
    memset(found, effect[8] ? 0 : 0xff, sizeof(Lines));
    for (int i = 0; i < effect[8] + effect[9]; i++) {
        uint32_t at = place_of(&b->tags, tags[i]);
        if (b->tags.keys[at] == NONE) continue;
        const Lines *lines = &b->tags.lines[at];
        for (int w = 0; w < words; w++)
            if (i < effect[8])
                found->word[w] |= lines->word[w];
            else
                found->word[w] &= ~lines->word[w];
    }
}

/* Those of some lines that are selected, in their order, into the pool. */
static inline uint16_t *pick_lines(Build *b, const Lines *selected, const uint16_t *lines, int count, int *picked) {
    uint16_t *found = b->pool + b->pool_used;
    *picked = 0;
    for (int i = 0; i < count; i++)
        if (selected->word[lines[i] >> 6] >> (lines[i] & 63) & 1) found[(*picked)++] = lines[i];
    b->pool_used += *picked;
    return found;
}

/* A cap that the percent of the undiscounted worth, a minor unit a line for rounding, never passes is none. */
static inline int64_t cap_of(const Step *step, int64_t cap, int64_t worth) {
    if (cap == NONE) return NONE;
    return cap >= ceil_div((i128)worth * step->percent, WHOLE_PERCENT) + step->count ? NONE : cap;
}

static inline int units_enough(const Problem *p, const Step *step) {
    int64_t units = 0;
    for (int i = 0; i < step->count; i++) units += p->units[step->lines[i]];
    return units > step->buy;
}

static inline int64_t cheapest_worth(const Problem *p, const Step *step) {
    int64_t worth = 0, wanted = step->units;
    for (int i = 0; i < step->count && wanted > 0; i++) {
        int64_t units = least(wanted, p->units[step->lines[i]]);
        worth += units * p->prices[step->lines[i]];
        wanted -= units;
    }
    return worth;
}

/* The step of a money effect; 0 when it has nothing to work on. */
static inline int build_step(Build *b, const Problem *p, int offer, const int32_t *effect, const Lines *selected,
                             Step *step) {
    *step = (Step){offer, effect[1], effect[0], 0, NULL, effect[2], effect[3], NONE, effect[5], effect[6], effect[7],
                   WHOLE_PERCENT - effect[2], WHOLE_PERCENT};
    for (int64_t prime = 2; prime <= 5; prime += 3)
        while (step->share % prime == 0 && step->of % prime == 0) step->share /= prime, step->of /= prime;
    int64_t worth = 0;
    if (step->rank != UNITS) {
        step->lines = pick_lines(b, selected, b->priced, b->priced_count, &step->count);
        for (int i = 0; i < step->count; i++) worth += p->amounts[step->lines[i]];
        if (step->rank == BASKET_AMOUNT) step->amount = least(step->amount, worth);
    } else if (step->kind == FIXED) {
        step->lines = pick_lines(b, selected, b->dearest, b->cheapest_count, &step->count);
        while (step->count && p->prices[step->lines[step->count - 1]] <= step->amount) step->count--, b->pool_used--;
    } else {
        step->lines = pick_lines(b, selected, b->cheapest, b->cheapest_count, &step->count);
        if (step->kind == BUY_GET && !units_enough(p, step)) return 0;
        if (step->kind == CHEAPEST) worth = cheapest_worth(p, step);
    }
    if (step->kind == PERCENT || step->kind == CHEAPEST) step->cap = cap_of(step, effect[4], worth);
    return step->count > 0 && step->cap != 0;
}

/* The points or cashback of an effect; 0 when it gives nothing on the undiscounted basket. */
static inline int build_gain(Build *b, const Problem *p, int offer, int position, const int32_t *effect,
                             const Lines *selected, Gain *gain) {
    int what = effect[0], cashback = what == CASHBACK_PERCENT || what == CASHBACK_AMOUNT;
    *gain = (Gain){offer, position, cashback, 0, NULL, cashback ? THOUSAND : b->point_value, 0, 0, 1, 1, effect[4]};
    if (what == POINTS || what == CASHBACK_AMOUNT) gain->fixed = effect[3];
    if (what == CASHBACK_PERCENT) {
        gain->times = effect[2];
        gain->divisor = WHOLE_PERCENT;
    }
    if (what == MULTIPLIER) {
        gain->times = b->points * (effect[3] - THOUSAND);
        gain->each = b->points_amount;
        gain->divisor = THOUSAND;
    }
    if (what == POINTS_PER) {
        gain->times = effect[2];
        gain->each = effect[3];
        int count = 0;
        uint16_t *lines = b->pool + b->pool_used;
        for (int line = 0; line < p->lines; line++)
            if (selected->word[line >> 6] >> (line & 63) & 1) lines[count++] = (uint16_t)line;
        if (count < p->lines) {
            gain->lines = lines;
            gain->count = count;
            b->pool_used += count;
        }
    }
    return gain_amount(gain, gain_base(gain, p->amounts, p->lines)) > 0;
}

/* Figures stay so small that no sum of them leaves 64 bits. */
static inline int gain_small(const Problem *p, const Gain *gain) {
    i128 limit = (i128)1 << 50;
    i128 amount = gain_amount(gain, p->subtotal);
    return gain->worth >= 0 && gain->times >= 0 && gain->worth <= limit && gain->times <= limit &&
           amount <= limit && amount * gain->worth <= limit && (i128)gain->times * gain->worth <= limit;
}

static inline int figures_small(Problem *p) {
    i128 spared = 0;
    p->subtotal = 0;
    for (int line = 0; line < p->lines; line++) {
        if (p->amounts[line] < 0 || p->prices[line] < 0 || p->units[line] < 0) return 0;
        if (p->amounts[line] > (int64_t)1 << 40 || p->prices[line] > (int64_t)1 << 40) return 0;
        if (p->units[line] >= 1 << 24) return 0;
        if ((i128)p->prices[line] * p->units[line] > p->amounts[line]) return 0;
        p->subtotal += p->amounts[line];
        spared += (i128)(p->spared[line] < 0 ? -(i128)p->spared[line] : p->spared[line]) * p->units[line];
    }
    return p->subtotal < (int64_t)1 << 40 && spared < (i128)1 << 48;
}

static inline int build_offer(Build *b, Problem *p, int offer, int *loose) {
    const Program *program = &b->programs[offer];
    int position = 0;
    for (int at = 0; at < program->count; position++) {
        const int32_t *effect = program->words + at;
        Lines selected;
        at += HEAD + effect[8] + effect[9];
        if (effect[0] == NOTHING || (effect[0] > AMOUNT && !b->earns)) continue;
        select_lines(b, p, effect, &selected);
        if (effect[0] <= AMOUNT) {
            if (!build_step(b, p, offer, effect, &selected, &b->loose[*loose])) continue;
            ++*loose;
            p->valued |= bit_of(offer);
            continue;
        }
        Gain *gain = &p->gain[p->gains];
        if (!build_gain(b, p, offer, position, effect, &selected, gain)) continue;
        if (!gain_small(p, gain)) return TOO_LARGE;
        p->gains++;
        b->giving |= bit_of(offer);
        if (gain->worth) p->valued |= bit_of(offer);
    }
    return 0;
}

/* Fills in the steps, in the order of arithmetic, and the gains. */
static inline int build(Build *b, Problem *p) {
    int loose = 0;
    p->steps = p->gains = 0;
    p->valued = b->giving = 0;
    b->pool_used = 0;
    if (!figures_small(p)) return TOO_LARGE;
    index_tags(b, p);
    index_prices(b, p);
    for (int offer = 0; offer < p->offers; offer++)
        if (build_offer(b, p, offer, &loose)) return TOO_LARGE;
    for (int rank = UNITS; rank < RANKS; rank++)
        for (int i = 0; i < loose; i++)
            if (b->loose[i].rank == rank) p->step[p->steps++] = b->loose[i];
    return 0;
}

#endif
