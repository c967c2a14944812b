/* What is known of the offers before any is decided: who competes for units, what each is worth at most, which lines
   are rounded together or seen alike, and in which order to decide. */
#ifndef POI_CHOOSE_FACTS_H
#define POI_CHOOSE_FACTS_H

#include "_choose_room.h"

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
    for (int f = 0; f < FRAMES; f++) b->frames[f].used = b->worth_used[f] = 0;
    for (int k = 0; k < KEPT_UNITS; k++) b->unit_used[k] = b->held_used[k] = 0;
}

#endif
