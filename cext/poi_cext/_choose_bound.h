/* Bounds of what a partial combination can still become: never too low for the value, never too high for the cost.

   All undecided offers that simply stack are applied at once. Three kinds are counted apart: those that compete for
   units, those of a group, and those a money limit may keep out. Each adds at most what it would take off the lines as
   those applied leave them, of that the share that the percents after it keep, and a minor unit a rounding. */
#ifndef POI_CHOOSE_BOUND_H
#define POI_CHOOSE_BOUND_H

#include "_choose_facts.h"

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

/* The most that members of a group add beside those taken: of each size only members that admit so many. */
static inline int64_t group_most(const Problem *p, Bounds *b, Mask members, Mask taken, const int64_t *worth) {
    int count = 0, size = bits_in(taken), largest = 0, limit = MAX_OFFERS, i;
    int64_t found = 0;
    FOR_BITS(i, taken) limit = (int)least(limit, p->terms[i].group_max);
    FOR_BITS(i, members) {
        int at = count++;
        largest = (int)most(largest, p->terms[i].group_max);
        for (; at > 0 && worth[b->sorted[at - 1]] < worth[i]; at--) b->sorted[at] = b->sorted[at - 1];
        b->sorted[at] = i;
    }
    for (int places = 1; places <= count && size + places <= least(limit, largest); places++) {
        int64_t sum = 0;
        for (int at = 0, left = places; at < count && left; at++) {
            if (p->terms[b->sorted[at]].group_max < size + places) continue;
            sum += worth[b->sorted[at]];
            left--;
        }
        found = most(found, sum);
    }
    return found;
}

/* The sum over the undecided offers, of each group only as many as it admits. */
static inline int64_t sum_by_group(const Problem *p, Bounds *b, Mask mask, Mask apart, const int64_t *worth) {
    int64_t total = 0;
    while (apart) {
        int offer = lowest_bit(apart), group = p->terms[offer].group;
        Mask members = group == NONE ? bit_of(offer) : apart & b->group_masks[group];
        total += group == NONE ? worth[offer] : group_most(p, b, members, mask & b->group_masks[group], worth);
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

/* `evaluate`, remembered: a node and those below it often have the same offers in all of their combinations. */
static inline int remembered(const Problem *p, Bounds *b, Exact *e, Mask mask, Worth **worth) {
    unsigned slot = slot_of(mask, FRAMES);
    *worth = &b->worths[slot];
    if (b->worth_used[slot] && b->worth_masks[slot] == mask) return 0;
    b->worth_used[slot] = 0;
    if (evaluate(p, e, mask, 0, *worth)) return TOO_LARGE;
    b->worth_masks[slot] = mask;
    b->worth_used[slot] = 1;
    return 0;
}

/* Those of the offers whose units may change when undecided ones join: their rivals, and theirs. */
static inline Mask pushed(const Bounds *b, Mask mask, Mask undecided) {
    Mask reached = undecided, fresh = undecided;
    while (fresh) {
        int offer = lowest_bit(fresh);
        Mask grown = b->rivals[offer] & (mask | undecided) & ~reached;
        reached |= grown;
        fresh = (fresh & ~bit_of(offer)) | grown;
    }
    return reached & mask;
}

/* No combination that contains `mask` and otherwise only undecided offers costs less (thousandths). Who holds units
   that an undecided offer may take, itself or through others, may end up costing nothing. */
static inline int cost_bound(const Problem *p, Bounds *b, Exact *e, Mask mask, Mask undecided, int64_t *bound) {
    Worth *worth;
    int i;
    Mask waiting = undecided & ~mask, settled = mask & ~pushed(b, mask, waiting), open = waiting | (mask & ~settled);
    if (remembered(p, b, e, settled, &worth)) return TOO_LARGE;
    int64_t money = p->subtotal - worth->total - 2 * b->tie_slack;
    FOR_BITS(i, open) money -= most_spared(p, i);
    *bound = money * THOUSAND + worth->cost - worth->value;
    for (int g = 0; g < p->gains; g++)
        if (has(mask, p->gain[g].offer)) *bound += p->gain[g].worth * (int64_t)gain_amount(&p->gain[g], 0);
    return 0;
}

#endif
