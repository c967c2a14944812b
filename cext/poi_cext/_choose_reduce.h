/* What need not be searched: offers that another one always beats, and offers that never meet. Why both keep the
   optimum, ties included, is said where the plain twin does the same: poi_offers/reduce.py. */
#ifndef POI_CHOOSE_REDUCE_H
#define POI_CHOOSE_REDUCE_H

#include "_choose.h"

/* Nothing that could turn round who takes more: caps, scoped basket amounts, limits, gains on what is paid. */
static inline int nothing_turns(const Problem *p, Mask players) {
    int priced = 0, i;
    for (int line = 0; line < p->lines; line++) priced += p->amounts[line] != 0;
    FOR_BITS(i, players) if (p->terms[i].room != NONE) return 0;
    for (i = 0; i < p->gains; i++)
        if (has(players, p->gain[i].offer) && p->gain[i].times) return 0;
    for (i = 0; i < p->steps; i++) {
        const Step *step = &p->step[i];
        if (!has(players, step->offer)) continue;
        if (step->cap != NONE || (step->rank == BASKET_AMOUNT && step->count != priced)) return 0;
    }
    return 1;
}

static inline int covers(const Step *better, const Step *lesser) {
    for (int i = 0; i < lesser->count; i++) {
        int found = 0;
        for (int j = 0; j < better->count && !found; j++) found = better->lines[j] == lesser->lines[i];
        if (!found) return 0;
    }
    return 1;
}

static inline int beats(const Problem *p, const Step *better, const Step *lesser) {
    const Terms *mine = &p->terms[better->offer], *theirs = &p->terms[lesser->offer];
    return mine->group == theirs->group && most(mine->reward, 0) <= most(theirs->reward, 0) &&
           better->rank == lesser->rank && better->percent >= lesser->percent && better->amount >= lesser->amount &&
           covers(better, lesser);
}

/* The offers of the pool that no other one always beats. */
static inline Mask unbeaten(const Problem *p, Mask pool, Mask fixed) {
    const Step *own[MAX_OFFERS] = {NULL};
    Mask simple = 0, many = 0, beaten = 0;
    int i;
    FOR_BITS(i, pool) if (p->terms[i].group != NONE && p->terms[i].group_max == 1) simple |= bit_of(i);
    if (!simple || !nothing_turns(p, pool | fixed)) return pool;
    for (i = 0; i < p->gains; i++) simple &= ~bit_of(p->gain[i].offer);
    for (i = 0; i < p->steps; i++) {
        int offer = p->step[i].offer;
        if (own[offer] != NULL || p->step[i].rank == UNITS) many |= bit_of(offer);
        own[offer] = &p->step[i];
    }
    simple &= ~many;
    FOR_BITS(i, simple) {
        Mask before = simple & (bit_of(i) - 1);
        int better;
        FOR_BITS(better, before) if (own[i] && own[better] && beats(p, own[better], own[i])) beaten |= bit_of(i);
    }
    return pool & ~beaten;
}

/* The offers not yet handed out, and for each place where offers meet all that meet there. */
typedef struct {
    Mask left, fixed;
    int split, count;
    Mask meeting[MAX_LINES + MAX_OFFERS];
} Parts;

static inline int all_local(const Problem *p, Mask pool, Mask players) {
    int64_t price = 0;
    int i, priority = p->terms[lowest_bit(pool)].priority;
    FOR_BITS(i, pool) if (p->terms[i].priority != priority) return 0;
    for (i = 0; i < p->steps; i++)
        if (has(players, p->step[i].offer) && p->step[i].rank >= BASKET_PERCENT) return 0;
    for (i = 0; i < p->gains; i++)
        if (has(players, p->gain[i].offer) && p->gain[i].lines == NULL && p->gain[i].times) return 0;
    FOR_BITS(i, players) price += most(p->terms[i].reward, 0);
    return price <= p->points;
}

static inline void set_up_parts(const Problem *p, Parts *parts, Mask pool, Mask fixed) {
    Mask players = pool | fixed;
    parts->left = pool;
    parts->fixed = fixed;
    parts->split = bits_in(pool) > 1 && all_local(p, pool, players);
    if (!parts->split) return;
    parts->count = p->lines + p->offers;
    memset(parts->meeting, 0, sizeof(Mask) * (size_t)parts->count);
    for (int i = 0; i < p->steps; i++)
        for (int j = 0; j < p->step[i].count && has(players, p->step[i].offer); j++)
            parts->meeting[p->step[i].lines[j]] |= bit_of(p->step[i].offer);
    for (int i = 0; i < p->gains; i++)
        for (int j = 0; j < p->gain[i].count && p->gain[i].times && has(players, p->gain[i].offer); j++)
            parts->meeting[p->gain[i].lines[j]] |= bit_of(p->gain[i].offer);
    for (int i = 0; i < p->offers; i++)
        if (p->terms[i].group != NONE && has(players, i)) parts->meeting[p->lines + p->terms[i].group] |= bit_of(i);
}

/* The part of the first offer left; none when all are handed out. */
static inline Mask next_part(Parts *parts) {
    Mask part = parts->left & -parts->left, before = 0;
    if (!parts->split) part = parts->left;
    while (parts->split && part != before) {
        before = part;
        for (int i = 0; i < parts->count; i++)
            if (parts->meeting[i] & part) part |= parts->meeting[i];
    }
    part &= parts->left;
    parts->left &= ~part;
    return part;
}

#endif
