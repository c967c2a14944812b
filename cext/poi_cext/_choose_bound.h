/* Bounds of what a partial combination can still become: never too low for the value, never too high for the cost.

   All undecided offers that simply stack are applied at once. Three kinds are counted apart: those that compete for
   units, those of a group, and those a money limit may keep out. Each adds at most what it would take off the lines as
   those applied leave them, of that the share that the percents after it keep, and a minor unit a rounding. */
#ifndef POI_CHOOSE_BOUND_H
#define POI_CHOOSE_BOUND_H

#include "_choose_lines.h"
#include "_choose_lowest.h"

enum { FRAMES = 64, KEPT_UNITS = 32 };

/* A set applied together: its bound, and what others can add to it. */
typedef struct {
    Mask mask, known; /* known: the offers whose worth is there */
    int used, with_keeps;
    int64_t value, total;
    int64_t *starts, *ends;         /* by rank and line; by bundle */
    int32_t *keeps, *most_keeps;    /* by rank and line; by step in play */
    int64_t *worth;                 /* by offer */
} Frame;

typedef struct {
    Mask pool, players, contested, apart, unit_offers, serving_offers;
    int play_count, order_count, even;
    int32_t *play, *own, *own_start; /* steps in play, in order; by offer: places in play */
    int32_t *order;
    int64_t *most, *gain, *slack;    /* by offer */
    int64_t *offs;                   /* by place in play and line of the step; see offs_start */
    int32_t *offs_start;
    uint8_t *rounds[2];
    UnitLines unit_lines;
    LinePercents percents;
    Bundles bundles;
    Lines *step_lines;               /* by place in play, of serving steps */
    int64_t *left, *used;            /* by line; by place in play, units a serving step uses up */
    int64_t all_slack, tie_slack;
    Frame *frames;
    Part *parts;
    int32_t *members, *numbers, *carried;
    int64_t *reach, *beside, *alone, *units, *each, *sorted, *group_worth;
    int32_t *reach_count;
    Mask unit_masks[KEPT_UNITS], held_masks[KEPT_UNITS], *group_masks;
    Mask simple, *rivals, *line_takers; /* simple: contested, but nothing else keeps them out; by offer; by line */
    int unit_used[KEPT_UNITS], held_used[KEPT_UNITS];
    int64_t *unit_left;
    int32_t *held_free;
} Bounds;

static inline void lay_out_bounds(Bounds *b, const Problem *p, int most_runs, Arena *arena) {
    int cuts = 0, gain_lines = 0, lines = p->lines, steps = p->steps;
    for (int i = 0; i < steps; i++) cuts += p->step[i].count;
    for (int i = 0; i < p->gains; i++) gain_lines += p->gain[i].count;
    b->play = TAKE(arena, int32_t, steps);
    b->own = TAKE(arena, int32_t, steps);
    b->own_start = TAKE(arena, int32_t, p->offers + 1);
    b->order = TAKE(arena, int32_t, p->offers);
    b->most = TAKE(arena, int64_t, p->offers);
    b->gain = TAKE(arena, int64_t, p->offers);
    b->slack = TAKE(arena, int64_t, p->offers);
    b->offs = TAKE(arena, int64_t, cuts);
    b->offs_start = TAKE(arena, int32_t, steps);
    lay_out_unit_lines(&b->unit_lines, p, most_runs, arena);
    LinePercents *lp = &b->percents;
    lp->steps = TAKE(arena, int32_t, cuts);
    lp->starts = TAKE(arena, int32_t, lines + 1);
    lp->offers = TAKE(arena, Mask, lines);
    lp->kept = TAKE(arena, KeptLine, KEPT_LINE * lines);
    lp->tied_lines = TAKE(arena, int32_t, lines);
    lp->places = TAKE(arena, int32_t, lines);
    lp->tied_now = TAKE(arena, int64_t, lines);
    lp->tied_before = TAKE(arena, int64_t, KEPT_TIED * lines);
    lp->tied_left = TAKE(arena, int64_t, KEPT_TIED * lines);
    lp->tied = TAKE(arena, uint8_t, lines);
    b->bundles.of = TAKE(arena, int32_t, lines);
    b->bundles.size = TAKE(arena, int32_t, lines);
    b->bundles.lists = TAKE(arena, int32_t, cuts + gain_lines);
    b->bundles.step_start = TAKE(arena, int32_t, steps + 1);
    b->bundles.gain_start = TAKE(arena, int32_t, p->gains + 1);
    b->step_lines = TAKE(arena, Lines, steps);
    b->left = TAKE(arena, int64_t, lines);
    b->used = TAKE(arena, int64_t, steps);
    b->rounds[0] = TAKE(arena, uint8_t, lines);
    b->rounds[1] = TAKE(arena, uint8_t, lines);
    b->parts = TAKE(arena, Part, lines);
    b->members = TAKE(arena, int32_t, steps);
    b->numbers = TAKE(arena, int32_t, lines);
    b->carried = TAKE(arena, int32_t, lines);
    b->reach = TAKE(arena, int64_t, lines);
    b->reach_count = TAKE(arena, int32_t, lines);
    b->beside = TAKE(arena, int64_t, p->offers);
    b->alone = TAKE(arena, int64_t, p->offers);
    b->units = TAKE(arena, int64_t, p->offers);
    b->each = TAKE(arena, int64_t, p->offers);
    b->sorted = TAKE(arena, int64_t, p->offers);
    b->group_worth = TAKE(arena, int64_t, p->offers);
    b->group_masks = TAKE(arena, Mask, p->offers);
    b->rivals = TAKE(arena, Mask, p->offers);
    b->line_takers = TAKE(arena, Mask, lines);
    b->unit_left = TAKE(arena, int64_t, KEPT_UNITS * lines);
    b->held_free = TAKE(arena, int32_t, KEPT_UNITS * lines);
    b->frames = TAKE(arena, Frame, FRAMES);
    for (int i = 0; i < FRAMES; i++) {
        Frame frame = {0};
        frame.starts = TAKE(arena, int64_t, RANKS * lines);
        frame.ends = TAKE(arena, int64_t, lines);
        frame.keeps = TAKE(arena, int32_t, RANKS * lines);
        frame.most_keeps = TAKE(arena, int32_t, steps);
        frame.worth = TAKE(arena, int64_t, p->offers);
        if (arena->base) b->frames[i] = frame;
    }
}

static inline unsigned slot_of(Mask mask, unsigned slots) {
    uint64_t mixed = ((uint64_t)mask ^ (uint64_t)(mask >> 64) * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return (unsigned)(mixed >> 40) % slots;
}

static inline int bitable(const Step *step) { return step->cap != NONE; }

static inline int64_t unit_most(const Step *step, int64_t price) {
    switch (step->kind) {
        case FIXED: return price - step->amount;
        case UNIT: return least(price, step->amount);
        case FREE: return price;
        default: return ceil_div((i128)price * step->percent, WHOLE_PERCENT);
    }
}

/* How many of the free units the step lowers at most, and how many it uses up. */
static inline int64_t claim(const Step *step, int64_t free_units, int64_t *used) {
    int64_t bought, got;
    if (step->kind != BUY_GET) return *used = step->units == NONE ? free_units : least(free_units, step->units);
    deal(free_units, step->buy, step->get, step->units, &bought, &got);
    *used = bought + got;
    return got;
}

/* --- what is known of the offers before any is decided ---------------------------------------------------------- */

/* The offers that share units with another one, and with which. */
static inline void find_contested(const Problem *p, Bounds *b) {
    memset(b->line_takers, 0, sizeof(Mask) * (size_t)p->lines);
    memset(b->rivals, 0, sizeof(Mask) * (size_t)p->offers);
    b->contested = b->serving_offers = b->unit_offers = 0;
    for (int i = 0; i < b->play_count; i++) {
        const Step *step = &p->step[b->play[i]];
        if (step->rank == UNITS) b->unit_offers |= bit_of(step->offer);
        if (!serves(step)) continue;
        b->serving_offers |= bit_of(step->offer);
        for (int j = 0; j < step->count; j++) b->line_takers[step->lines[j]] |= bit_of(step->offer);
    }
    for (int i = 0; i < b->play_count; i++) {
        const Step *step = &p->step[b->play[i]];
        for (int j = 0; j < step->count && serves(step); j++)
            b->rivals[step->offer] |= b->line_takers[step->lines[j]] & ~bit_of(step->offer);
        if (b->rivals[step->offer]) b->contested |= bit_of(step->offer);
    }
}

/* By line, the most the offer's unit effects take off undiscounted units that it need not compete for. */
static inline void find_offs(const Problem *p, Bounds *b, Exact *e, int offer) {
    memset(e->served, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int o = b->own_start[offer]; o < b->own_start[offer + 1]; o++) {
        int at = b->own[o];
        const Step *step = &p->step[b->play[at]];
        if (step->rank != UNITS || (has(b->contested, offer) && serves(step))) continue;
        int64_t *offs = b->offs + b->offs_start[at];
        int spans = spans_of(p, step, e->served, e->none, e->spans);
        for (int j = 0; j < step->count; j++) offs[j] = 0;
        for (int s = 0; s < spans; s++)
            for (int j = 0; j < step->count && !e->spans[s].paid; j++)
                if (step->lines[j] == e->spans[s].line)
                    offs[j] += unit_most(step, p->prices[step->lines[j]]) * (e->spans[s].end - e->spans[s].start);
    }
}

static inline int64_t most_contested(const Problem *p, Bounds *b, const Step *step) {
    int64_t units = 0, used, amount = 0;
    for (int j = 0; j < step->count; j++) {
        units += p->units[step->lines[j]];
        b->reach_count[j] = 0;
    }
    int64_t wanted = claim(step, units, &used);
    for (int round = 0; round < step->count && wanted > 0; round++) {
        int best = NONE;
        for (int j = 0; j < step->count; j++)
            if (!b->reach_count[j] && (best == NONE || p->prices[step->lines[j]] > p->prices[step->lines[best]])) best = j;
        b->reach_count[best] = 1;
        int64_t count = least(wanted, p->units[step->lines[best]]);
        amount += count * unit_most(step, p->prices[step->lines[best]]);
        wanted -= count;
    }
    return amount;
}

/* The most the step takes off the undiscounted basket, minor units. */
static inline int64_t step_most(const Problem *p, Bounds *b, int at) {
    const Step *step = &p->step[b->play[at]];
    int64_t sum = 0;
    if (step->rank == UNITS && serves(step) && has(b->contested, step->offer)) {
        sum = most_contested(p, b, step);
    } else if (step->rank == UNITS) {
        for (int j = 0; j < step->count; j++) sum += b->offs[b->offs_start[at] + j];
    } else if (step->kind == PERCENT) {
        for (int j = 0; j < step->count; j++) sum += p->amounts[step->lines[j]];
        sum = ceil_div((i128)sum * step->percent, WHOLE_PERCENT);
    } else if (step->rank == BASKET_AMOUNT) {
        sum = step->amount;
    } else {
        for (int j = 0; j < step->count; j++) sum += least(step->amount, p->amounts[step->lines[j]]);
    }
    return step->cap == NONE ? sum : least(sum, step->cap);
}

static inline void find_worth(const Problem *p, Bounds *b, Exact *e, int offer) {
    int64_t sum = 0, lines = 0, room = p->terms[offer].room;
    find_offs(p, b, e, offer);
    for (int o = b->own_start[offer]; o < b->own_start[offer + 1]; o++) {
        sum += step_most(p, b, b->own[o]);
        lines += p->step[b->play[b->own[o]]].count;
    }
    sum = least(sum, p->subtotal);
    b->most[offer] = room == NONE ? sum : least(sum, room + 2 * lines + 1);
    b->gain[offer] = 0;
    for (int i = 0; i < p->gains; i++)
        if (p->gain[i].offer == offer)
            b->gain[offer] += p->gain[i].worth *
                              (int64_t)gain_amount(&p->gain[i], gain_base(&p->gain[i], p->amounts, p->lines));
}

static inline int64_t worth_of(const Bounds *b, int offer) { return b->most[offer] * THOUSAND + b->gain[offer]; }

/* A money limit may keep the offer out. */
static inline int limited(const Problem *p, const Bounds *b, int offer) {
    int64_t room = p->terms[offer].room;
    return room != NONE && b->most[offer] + b->gain[offer] / THOUSAND > room;
}

static inline void find_roundings(const Problem *p, Bounds *b) {
    int scoped = 0, percent = 0, priced = 0;
    memset(b->percents.tied, 0, (size_t)p->lines);
    memset(b->rounds[0], 0, (size_t)p->lines);
    memset(b->rounds[1], 0, (size_t)p->lines);
    b->all_slack = b->tie_slack = 0;
    for (int line = 0; line < p->lines; line++) priced += p->amounts[line] != 0;
    for (int i = 0; i < b->play_count; i++) {
        const Step *step = &p->step[b->play[i]];
        int rounds = step->rank <= LINE_PERCENT && step->percent && (step->percent != WHOLE_PERCENT || bitable(step));
        for (int j = 0; j < step->count; j++) {
            if (rounds) b->rounds[step->rank][step->lines[j]] = 1;
            if (step->rank < BASKET_PERCENT && bitable(step) && step->count > 1) b->percents.tied[step->lines[j]] = 1;
        }
        if (bitable(step)) b->tie_slack += step->count;
        scoped |= step->rank == BASKET_AMOUNT && step->count < priced;
        percent |= step->rank == BASKET_PERCENT;
    }
    if (scoped && percent) b->tie_slack += p->lines;
    for (int line = 0; line < p->lines; line++) {
        b->tie_slack += b->percents.tied[line];
        b->all_slack += (b->rounds[0][line] + b->rounds[1][line]) * THOUSAND;
    }
}

/* How many roundings the offer can touch, caps carrying differences from line to line; thousandths. */
static inline int64_t find_slack(const Problem *p, Bounds *b, int offer) {
    int64_t slack = 0;
    for (int rank = UNITS; rank <= LINE_PERCENT; rank++) {
        memset(b->carried, 0, sizeof(int32_t) * (size_t)p->lines);
        for (int o = b->own_start[offer]; o < b->own_start[offer + 1]; o++) {
            const Step *step = &p->step[b->play[b->own[o]]];
            for (int j = 0; j < step->count && step->rank <= rank; j++) b->carried[step->lines[j]] = 1;
        }
        for (int i = 0; i < b->play_count; i++) {
            const Step *step = &p->step[b->play[i]];
            int touched = 0;
            if (!bitable(step) || step->rank >= BASKET_PERCENT) continue;
            for (int j = 0; j < step->count; j++) touched |= b->carried[step->lines[j]];
            for (int j = 0; j < step->count && touched; j++) b->carried[step->lines[j]] = 1;
        }
        for (int line = 0; line < p->lines; line++) slack += b->carried[line] & b->rounds[rank][line];
    }
    return slack * THOUSAND;
}

static inline void find_line_percents(const Problem *p, Bounds *b) {
    LinePercents *lp = &b->percents;
    int at = 0;
    lp->tied_offers = 0;
    lp->tied_count = 0;
    memset(lp->offers, 0, sizeof(Mask) * (size_t)p->lines);
    memset(b->carried, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < b->play_count; i++) {
            const Step *step = &p->step[b->play[i]];
            for (int j = 0; j < step->count && step->rank == LINE_PERCENT; j++) {
                int line = step->lines[j];
                if (pass) {
                    lp->steps[lp->starts[line] + b->carried[line]++] = b->play[i];
                    continue;
                }
                lp->offers[line] |= bit_of(step->offer);
                b->carried[line]++;
            }
        }
        for (int line = 0; line < p->lines && !pass; line++) {
            lp->starts[line] = at;
            at += b->carried[line];
            b->carried[line] = 0;
        }
        lp->starts[p->lines] = at;
    }
    for (int line = 0; line < p->lines; line++) {
        for (int i = 0; i < KEPT_LINE; i++) lp->kept[line * KEPT_LINE + i].before = NONE;
        if (!lp->tied[line]) continue;
        lp->tied_lines[lp->tied_count++] = line;
        lp->tied_offers |= lp->offers[line];
    }
    for (int i = 0; i < KEPT_TIED; i++) lp->tied_used[i] = 0;
}

/* Parts the bundles by which lines are in a scope. */
static inline void part_bundles(const Problem *p, Bounds *b, const uint16_t *lines, int count) {
    Bundles *bundles = &b->bundles;
    int old = bundles->count;
    memset(b->carried, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int i = 0; i < count; i++) b->carried[lines[i]] = 1;
    for (int i = 0; i < old; i++) b->numbers[i] = b->reach_count[i] = NONE;
    bundles->count = 0;
    for (int line = 0; line < p->lines; line++) {
        int32_t *number = (b->carried[line] ? b->numbers : b->reach_count) + bundles->of[line];
        if (*number == NONE) *number = bundles->count++;
        bundles->of[line] = *number;
    }
}

static inline int list_bundles(const Problem *p, Bounds *b, const uint16_t *lines, int count, int at) {
    Bundles *bundles = &b->bundles;
    memset(b->carried, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int i = 0; i < count; i++) b->carried[bundles->of[lines[i]]] = 1;
    for (int bundle = 0; bundle < bundles->count; bundle++)
        if (b->carried[bundle]) bundles->lists[at++] = bundle;
    return at;
}

static inline int sees_bundles(const Problem *p, const Bounds *b, int step) {
    return p->step[step].rank >= BASKET_PERCENT && has(b->players, p->step[step].offer);
}

static inline int counts_bundles(const Problem *p, const Bounds *b, int gain) {
    return p->gain[gain].lines != NULL && has(b->players, p->gain[gain].offer);
}

static inline void find_bundles(const Problem *p, Bounds *b) {
    Bundles *bundles = &b->bundles;
    int at = 0;
    bundles->count = p->lines > 0;
    memset(bundles->of, 0, sizeof(int32_t) * (size_t)p->lines);
    memset(bundles->size, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int i = 0; i < p->steps; i++)
        if (sees_bundles(p, b, i)) part_bundles(p, b, p->step[i].lines, p->step[i].count);
    for (int i = 0; i < p->gains; i++)
        if (counts_bundles(p, b, i)) part_bundles(p, b, p->gain[i].lines, p->gain[i].count);
    for (int line = 0; line < p->lines; line++) bundles->size[bundles->of[line]]++;
    for (int i = 0; i < p->steps; i++) {
        bundles->step_start[i] = at;
        if (sees_bundles(p, b, i)) at = list_bundles(p, b, p->step[i].lines, p->step[i].count, at);
    }
    bundles->step_start[p->steps] = at;
    for (int i = 0; i < p->gains; i++) {
        bundles->gain_start[i] = at;
        if (counts_bundles(p, b, i)) at = list_bundles(p, b, p->gain[i].lines, p->gain[i].count, at);
    }
    bundles->gain_start[p->gains] = at;
}

typedef struct {
    int64_t turn, group_worth, group, worth, offer;
} Turn;

static inline int turn_before(const Turn *a, const Turn *b) {
    if (a->turn != b->turn) return a->turn < b->turn;
    if (a->group_worth != b->group_worth) return a->group_worth > b->group_worth;
    if (a->group != b->group) return a->group < b->group;
    if (a->worth != b->worth) return a->worth > b->worth;
    return a->offer < b->offer;
}

/* Units first (their assignment goes by priority), then groups, then limits, then all that simply stack. For the least
   cost groups come first, the cheapest of each before the others. */
static inline Turn turn_of(const Problem *p, const Bounds *b, int offer) {
    int group = p->terms[offer].group;
    if (p->policy == MARGIN_BEST) return (Turn){group == NONE, 0, most(group, 0), -worth_of(b, offer), offer};
    if (has(b->contested, offer)) return (Turn){0, 0, 0, 0, offer};
    if (group != NONE) return (Turn){1, b->group_worth[group], group, worth_of(b, offer), offer};
    return (Turn){limited(p, b, offer) ? 2 : 3, 0, 0, worth_of(b, offer), offer};
}

static inline void find_order(const Problem *p, Bounds *b) {
    int i;
    b->order_count = 0;
    FOR_BITS(i, b->pool) {
        Turn turn = turn_of(p, b, i);
        int at = b->order_count++;
        for (; at > 0; at--) {
            Turn other = turn_of(p, b, b->order[at - 1]);
            if (!turn_before(&turn, &other)) break;
            b->order[at] = b->order[at - 1];
        }
        b->order[at] = i;
    }
}

/* Growth with each minor unit paid, in thousandths over 2**SHARE_BITS. */
static inline int grow_evenly(const Problem *p, const Bounds *b) {
    i128 slope = 0;
    for (int i = 0; i < p->gains; i++) {
        const Gain *gain = &p->gain[i];
        i128 each = (i128)gain->each * gain->divisor;
        if (has(b->players, gain->offer)) slope += (((i128)gain->times * gain->worth << SHARE_BITS) + each - 1) / each;
    }
    return slope <= (i128)THOUSAND << SHARE_BITS;
}

static inline void set_bounds(const Problem *p, Bounds *b, Exact *e, Mask pool, Mask fixed) {
    int i, count = 0;
    b->pool = pool;
    b->players = pool | fixed;
    b->play_count = 0;
    int32_t offs = 0;
    for (int s = 0; s < p->steps; s++)
        if (has(b->players, p->step[s].offer)) {
            b->offs_start[b->play_count] = offs;
            offs += p->step[s].count;
            b->play[b->play_count++] = s;
        }
    for (int offer = 0; offer < p->offers; offer++) {
        b->own_start[offer] = count;
        for (int at = 0; at < b->play_count && has(pool, offer); at++)
            if (p->step[b->play[at]].offer == offer) b->own[count++] = at;
    }
    b->own_start[p->offers] = count;
    find_contested(p, b);
    find_roundings(p, b);
    forget_unit_lines(&b->unit_lines, p);
    find_line_percents(p, b);
    find_bundles(p, b);
    for (int at = 0; at < b->play_count; at++) {
        const Step *step = &p->step[b->play[at]];
        memset(&b->step_lines[at], 0, sizeof(Lines));
        for (int j = 0; j < step->count; j++)
            b->step_lines[at].word[step->lines[j] >> 6] |= (uint64_t)1 << (step->lines[j] & 63);
    }
    b->even = grow_evenly(p, b);
    b->apart = 0;
    for (int g = 0; g < p->offers; g++) b->group_worth[g] = 0;
    b->simple = 0;
    FOR_BITS(i, pool) {
        int group = p->terms[i].group;
        find_worth(p, b, e, i);
        if (has(b->contested, i) || group != NONE || limited(p, b, i)) {
            b->apart |= bit_of(i);
            b->slack[i] = find_slack(p, b, i);
        }
        if (has(b->contested, i) && group == NONE && p->terms[i].reward == NONE && !limited(p, b, i))
            b->simple |= bit_of(i);
        if (group != NONE) b->group_worth[group] = most(b->group_worth[group], worth_of(b, i));
    }
    find_order(p, b);
    for (int f = 0; f < FRAMES; f++) b->frames[f].used = 0;
    for (int k = 0; k < KEPT_UNITS; k++) b->unit_used[k] = b->held_used[k] = 0;
}

/* --- a set applied together ------------------------------------------------------------------------------------- */

static inline int64_t gain_bound(const Problem *p, const Bounds *b, const Gain *gain, const Frame *frame) {
    int64_t bound = gain->worth * (int64_t)gain_amount(gain, gain_base(gain, p->amounts, p->lines));
    int64_t paid = frame->total;
    if (!b->even) return bound;
    if (gain->lines != NULL) {
        const Bundles *bundles = &b->bundles;
        int which = (int)(gain - p->gain);
        for (int i = bundles->gain_start[which]; i < bundles->gain_start[which + 1]; i++)
            paid += frame->ends[bundles->lists[i]];
        for (int at = 0; at < bundles->count; at++) paid -= frame->ends[at];
    }
    return least(bound, gain_most(gain, paid));
}

/* What the unit effects of the set leave of each line, from below. */
static inline int after_units(const Problem *p, Bounds *b, Exact *e, Mask mask, int64_t *left) {
    Mask units = mask & b->unit_offers;
    size_t bytes = sizeof(int64_t) * (size_t)p->lines;
    if (!units) {
        memcpy(left, p->amounts, bytes);
        return 0;
    }
    unsigned slot = slot_of(units, KEPT_UNITS);
    int64_t *kept_left = b->unit_left + slot * (unsigned)p->lines;
    if (!b->unit_used[slot] || b->unit_masks[slot] != units) {
        int count = 0;
        for (int i = 0; i < b->play_count && p->step[b->play[i]].rank == UNITS; i++)
            if (has(units, p->step[b->play[i]].offer)) e->members[count++] = b->play[i];
        memcpy(e->left, p->amounts, bytes);
        if (lowest_units_by_line(p, e, &b->unit_lines, count, b->percents.tied, kept_left)) return TOO_LARGE;
        b->unit_used[slot] = 1;
        b->unit_masks[slot] = units;
    }
    memcpy(left, kept_left, bytes);
    return 0;
}

static inline int frame_of(const Problem *p, Bounds *b, Exact *e, Mask mask, Frame **found) {
    Frame *frame = *found = &b->frames[slot_of(mask, FRAMES)];
    if (frame->used && frame->mask == mask) return 0;
    int count = 0;
    frame->used = 0;
    if (after_units(p, b, e, mask, b->left)) return TOO_LARGE;
    for (int i = 0; i < b->play_count; i++) {
        const Step *step = &p->step[b->play[i]];
        if (step->rank != UNITS && has(mask, step->offer)) b->members[count++] = b->play[i];
    }
    frame->total = lowest(p, &b->percents, &b->bundles, mask, b->members, count, b->parts, b->left, frame->starts,
                          frame->ends);
    frame->value = (p->subtotal - frame->total) * THOUSAND;
    for (int i = 0; i < p->gains; i++)
        if (has(mask, p->gain[i].offer)) frame->value += gain_bound(p, b, &p->gain[i], frame);
    frame->used = 1;
    frame->mask = mask;
    frame->known = 0;
    frame->with_keeps = 0;
    return 0;
}

/* From the last step to the first: how much of a difference on each line can still be seen at the end. A cap that
   cuts several lines can carry it from one of them to another. */
static inline void find_keeps(const Problem *p, const Bounds *b, Frame *frame) {
    int lines = p->lines, rank = BASKET_AMOUNT;
    int32_t *now = frame->keeps + rank * lines;
    frame->with_keeps = 1;
    for (int line = 0; line < lines; line++) now[line] = (int32_t)ONE;
    for (int at = b->play_count - 1; at >= 0; at--) {
        const Step *step = &p->step[b->play[at]];
        int applied = has(frame->mask, step->offer);
        for (; rank > step->rank; rank--) memcpy(now - lines, now, sizeof(int32_t) * (size_t)lines), now -= lines;
        if (bitable(step)) {
            int32_t top = 0;
            for (int j = 0; j < step->count; j++) top = now[step->lines[j]] > top ? now[step->lines[j]] : top;
            frame->most_keeps[at] = top;
            for (int j = 0; j < step->count; j++) now[step->lines[j]] = top;
        } else if (applied && step->kind == PERCENT) {
            for (int j = 0; j < step->count; j++) {
                int32_t *keep = &now[step->lines[j]];
                *keep = (int32_t)(((int64_t)*keep * (WHOLE_PERCENT - step->percent) + WHOLE_PERCENT - 1) / WHOLE_PERCENT);
            }
        }
    }
    for (; rank > UNITS; rank--) memcpy(now - lines, now, sizeof(int32_t) * (size_t)lines), now -= lines;
}

/* --- what one more offer adds ------------------------------------------------------------------------------------ */

static inline int64_t off_beside(const Problem *p, const Bounds *b, const Frame *frame, int at) {
    const Step *step = &p->step[b->play[at]];
    const int32_t *keeps = frame->keeps + step->rank * p->lines;
    const int64_t *left = frame->starts + step->rank * p->lines;
    int64_t sum = 0;
    if (step->rank == BASKET_AMOUNT) return step->amount * THOUSAND;
    if (step->rank == LINE_AMOUNT) {
        for (int j = 0; j < step->count; j++)
            sum += kept(least(step->amount, left[step->lines[j]]), keeps[step->lines[j]]);
        return sum;
    }
    if (step->rank == UNITS) {
        for (int j = 0; j < step->count; j++) sum += kept(b->offs[b->offs_start[at] + j], keeps[step->lines[j]]);
    } else {
        i128 inside = 0, share = ((step->percent << SHARE_BITS) + WHOLE_PERCENT - 1) / WHOLE_PERCENT;
        for (int j = 0; j < step->count; j++) inside += (i128)left[step->lines[j]] * keeps[step->lines[j]];
        sum = (int64_t)((inside * THOUSAND * share + ((i128)1 << 2 * SHARE_BITS) - 1) >> 2 * SHARE_BITS);
    }
    return step->cap == NONE ? sum : least(sum, kept(step->cap, frame->most_keeps[at]));
}

/* The most the offer adds to the set (thousandths); money off units that are competed for is left to the contest. */
static inline int64_t worth_beside(const Problem *p, const Bounds *b, Frame *frame, int offer) {
    if (has(frame->known, offer)) return frame->worth[offer];
    int64_t money = 0, gain = 0;
    for (int o = b->own_start[offer]; o < b->own_start[offer + 1]; o++)
        if (!(has(b->contested, offer) && serves(&p->step[b->play[b->own[o]]])))
            money += off_beside(p, b, frame, b->own[o]);
    for (int i = 0; i < p->gains; i++)
        if (p->gain[i].offer == offer) gain += gain_bound(p, b, &p->gain[i], frame);
    frame->known |= bit_of(offer);
    return frame->worth[offer] = least(money, b->most[offer] * THOUSAND) + gain;
}

/* --- the contest for units --------------------------------------------------------------------------------------- */

static inline int32_t *free_units(const Problem *p, Bounds *b, Exact *e, Mask mask) {
    Mask held = mask & b->serving_offers;
    unsigned slot = slot_of(held, KEPT_UNITS);
    int32_t *left = b->held_free + slot * (unsigned)p->lines;
    if (b->held_used[slot] && b->held_masks[slot] == held) return left;
    memset(e->served, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int i = 0; i < b->play_count; i++) {
        const Step *step = &p->step[b->play[i]];
        if (serves(step) && has(held, step->offer)) spans_of(p, step, e->served, e->none, e->spans);
    }
    for (int line = 0; line < p->lines; line++) left[line] = p->units[line] - e->served[line];
    b->held_used[slot] = 1;
    b->held_masks[slot] = held;
    return left;
}

static inline int64_t free_of(const Step *step, const int32_t *left) {
    int64_t units = 0;
    for (int j = 0; j < step->count; j++) units += left[step->lines[j]];
    return units;
}

/* What the step takes off the `wanted` best of its first `among` free units. */
static inline int64_t dearest(const Problem *p, Bounds *b, const Step *step, int64_t wanted, int64_t among,
                              const int32_t *left, const int32_t *keeps) {
    int count = 0;
    int64_t sum = 0;
    for (int j = 0; j < step->count && among > 0; j++) {
        int line = step->lines[j], at = count;
        int64_t off = kept(unit_most(step, p->prices[line]), keeps[line]), units = least(left[line], among);
        among -= units;
        if (units <= 0) continue;
        for (count++; at > 0 && b->reach[at - 1] < off; at--) {
            b->reach[at] = b->reach[at - 1];
            b->reach_count[at] = b->reach_count[at - 1];
        }
        b->reach[at] = off;
        b->reach_count[at] = (int32_t)units;
    }
    for (int i = 0; i < count && wanted > 0; i++) {
        int64_t units = least(wanted, b->reach_count[i]);
        sum += b->reach[i] * units;
        wanted -= units;
    }
    return sum;
}

/* How many units the undecided steps before this one may take where it works. */
static inline int64_t pushed_by(const Problem *p, const Bounds *b, int at, Mask undecided, const int32_t *left) {
    const Step *step = &p->step[b->play[at]];
    int64_t pushed = 0;
    for (int i = 0; i < at; i++) {
        const Step *other = &p->step[b->play[i]];
        int64_t shared = 0;
        if (!serves(other) || !has(undecided, other->offer)) continue;
        for (int j = 0; j < step->count; j++) {
            int line = step->lines[j];
            if (b->step_lines[i].word[line >> 6] >> (line & 63) & 1) shared += left[line];
        }
        pushed += least(b->used[i], shared);
    }
    return pushed;
}

/* The most money off (thousandths) by undecided offer, in `units`, and by all of them together. */
static inline int64_t contest(const Problem *p, Bounds *b, Exact *e, Mask mask, Mask undecided, const int32_t *keeps) {
    const int32_t *left = free_units(p, b, e, mask);
    int64_t together = 0;
    Lines lines = {{0}};
    for (int at = 0; at < b->play_count && p->step[b->play[at]].rank == UNITS; at++) {
        const Step *step = &p->step[b->play[at]];
        if (!serves(step) || !has(undecided, step->offer)) continue;
        int64_t wanted = claim(step, free_of(step, left), &b->used[at]);
        int64_t pushed = pushed_by(p, b, at, undecided, left);
        b->units[step->offer] += dearest(p, b, step, wanted, pushed + wanted, left, keeps);
        for (int w = 0; w < LINE_WORDS; w++) lines.word[w] |= b->step_lines[at].word[w];
    }
    for (int line = 0; line < p->lines; line++)
        if (lines.word[line >> 6] >> (line & 63) & 1) together += kept(p->prices[line] * left[line], keeps[line]);
    return together;
}

/* Works on units alone, none are left for it, and no rule minds it. */
static inline int idle(const Problem *p, Bounds *b, Exact *e, Mask mask, int offer) {
    const Terms *terms = &p->terms[offer];
    int64_t used;
    if (!has(b->contested, offer) || terms->group != NONE || terms->reward != NONE || b->gain[offer]) return 0;
    for (int o = b->own_start[offer]; o < b->own_start[offer + 1]; o++)
        if (!serves(&p->step[b->play[b->own[o]]])) return 0;
    if (limited(p, b, offer)) return 0;
    const int32_t *left = free_units(p, b, e, mask);
    for (int o = b->own_start[offer]; o < b->own_start[offer + 1]; o++) {
        const Step *step = &p->step[b->play[b->own[o]]];
        if (claim(step, free_of(step, left), &used)) return 0;
    }
    return 1;
}

/* --- the bounds ---------------------------------------------------------------------------------------------------- */

/* The sum over the undecided offers, of each group only as many as it admits. */
static inline int64_t sum_by_group(const Problem *p, Bounds *b, Mask mask, Mask apart, const int64_t *worth) {
    int64_t total = 0;
    int i;
    while (apart) {
        int offer = lowest_bit(apart), group = p->terms[offer].group;
        if (group == NONE) {
            total += worth[offer];
            apart &= apart - 1;
            continue;
        }
        Mask members = apart & b->group_masks[group];
        int count = 0, places = 0;
        FOR_BITS(i, members) {
            int at = count++;
            places = (int)most(places, p->terms[i].group_max);
            for (; at > 0 && b->sorted[at - 1] < worth[i]; at--) b->sorted[at] = b->sorted[at - 1];
            b->sorted[at] = worth[i];
        }
        places -= bits_in(mask & b->group_masks[group]);
        for (int at = 0; at < count && at < places; at++) total += b->sorted[at];
        apart &= ~members;
    }
    return total;
}

/* The offer's units are its own by now, and nothing else keeps it out: it simply stacks. */
static inline int unrivalled(const Bounds *b, int offer, Mask undecided) {
    return has(b->simple, offer) && !(b->rivals[offer] & undecided);
}

/* No combination that contains `mask` and otherwise only undecided offers is worth more (thousandths). */
static inline int value_bound(const Problem *p, Bounds *b, Exact *e, Mask mask, Mask undecided, int64_t *bound) {
    Mask apart = undecided & b->apart, simple = apart & b->simple;
    Frame *frame;
    int i;
    FOR_BITS(i, simple) if (unrivalled(b, i, undecided)) apart &= ~bit_of(i);
    if (frame_of(p, b, e, mask | (undecided & ~apart), &frame)) return TOO_LARGE;
    *bound = frame->value;
    if (!apart) return 0;
    if (!frame->with_keeps) find_keeps(p, b, frame);
    FOR_BITS(i, apart) {
        b->beside[i] = worth_beside(p, b, frame, i);
        b->units[i] = 0;
    }
    int64_t together = contest(p, b, e, mask, apart & b->contested, frame->keeps);
    FOR_BITS(i, apart) {
        b->alone[i] = least(b->beside[i] + b->units[i], worth_of(b, i));
        b->each[i] = b->alone[i] + b->slack[i];
    }
    int64_t sum = sum_by_group(p, b, mask, apart, b->each);
    sum = least(sum, sum_by_group(p, b, mask, apart, b->alone) + b->all_slack);
    sum = least(sum, sum_by_group(p, b, mask, apart, b->beside) + together + b->all_slack);
    *bound += sum + 2 * THOUSAND;
    return 0;
}

static inline int64_t most_spared(const Problem *p, int offer) {
    int64_t sum = 0;
    for (int i = 0; i < p->steps; i++) {
        const Step *step = &p->step[i];
        if (step->offer != offer || (step->kind != FREE && step->kind != BUY_GET)) continue;
        for (int j = 0; j < step->count; j++)
            sum += most(0, -p->spared[step->lines[j]]) * p->units[step->lines[j]];
    }
    return sum;
}

/* No combination that contains `mask` and otherwise only undecided offers costs less (thousandths). */
static inline int cost_bound(const Problem *p, const Bounds *b, Exact *e, Mask mask, Mask undecided, int64_t *bound) {
    Worth worth;
    int i;
    if (evaluate(p, e, mask, 0, &worth)) return TOO_LARGE;
    int64_t money = p->subtotal - worth.total - 2 * b->tie_slack;
    for (int line = 0; line < p->lines; line++) money += e->freed[line] * p->spared[line];
    FOR_BITS(i, undecided) money -= most_spared(p, i);
    *bound = money * THOUSAND;
    for (int g = 0; g < p->gains; g++)
        if (has(mask, p->gain[g].offer)) *bound += p->gain[g].worth * (int64_t)gain_amount(&p->gain[g], 0);
    return 0;
}

#endif
