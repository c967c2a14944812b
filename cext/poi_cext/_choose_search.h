/* The exact choice: depth first over the offers, with, then without; a branch that cannot win is left. When the search
   meets its bound in nodes, the specified greedy answer. */
#ifndef POI_CHOOSE_SEARCH_H
#define POI_CHOOSE_SEARCH_H

#include "_choose_bound.h"
#include "_choose_reduce.h"

#define NO_PRIORITY ((int64_t)1 << 30) /* ends a list of priorities: of two with a common start the shorter wins */

/* A partial combination: where in the order to go on, offers set aside, and its bound when that is known (else NONE). */
typedef struct {
    int at;
    Mask mask, idle, later;
    int64_t bound;
} Node;

typedef struct {
    const Problem *p;
    Exact exact;
    Bounds bounds;
    Parts parts;
    Node *stack;
    int64_t nodes, all_nodes; /* of this search; of all of them */
    Mask best, forced, ruled;  /* ruled: offers that a group or a price in points may keep out */
    Mask *suffix;              /* by place in the order, the offers from there on */
    Worth best_worth;
    int found, any_limit;
} Search;

static inline void lay_out_search(Search *s, const Problem *p, Arena *arena) {
    s->p = p;
    lay_out_exact(&s->exact, p, arena);
    lay_out_bounds(&s->bounds, p, s->exact.most_runs, arena);
    s->stack = TAKE(arena, Node, 2 * p->offers + 2);
    s->suffix = TAKE(arena, Mask, p->offers + 1);
}

static inline void set_up_search(Search *s) {
    const Problem *p = s->p;
    Exact *e = &s->exact;
    for (int i = 0; i < p->lines + p->steps; i++) e->touched[i] = 0;
    lay_out_runs(e, p);
    for (int g = 0; g < p->offers; g++) s->bounds.group_masks[g] = 0;
    for (int i = 0; i < p->offers; i++)
        if (p->terms[i].group != NONE) s->bounds.group_masks[p->terms[i].group] |= bit_of(i);
    s->all_nodes = 0;
    s->any_limit = 0;
    for (int i = 0; i < p->offers; i++) s->any_limit |= p->terms[i].room != NONE;
}

/* --- legality ----------------------------------------------------------------------------------------------------- */

static inline int addable(const Search *s, Mask mask, int offer) {
    const Terms *terms = &s->p->terms[offer];
    int i;
    if (mask && ((mask & s->p->exclusive) || has(s->p->exclusive, offer))) return 0;
    if (terms->group != NONE) {
        Mask members = mask & s->bounds.group_masks[terms->group];
        int places = terms->group_max;
        FOR_BITS(i, members) places = (int)least(places, s->p->terms[i].group_max);
        if (bits_in(members) >= places) return 0;
    }
    if (terms->reward != NONE) {
        int64_t price = terms->reward;
        FOR_BITS(i, mask) price += most(0, s->p->terms[i].reward);
        if (price > s->p->points) return 0;
    }
    return 1;
}

/* The combination's worth, and whether no offer gives more than its money limit leaves. */
static inline int judged(Search *s, Mask mask, Worth *worth, int *within) {
    int i, limits = 0;
    FOR_BITS(i, mask) limits |= s->p->terms[i].room != NONE;
    if (evaluate(s->p, &s->exact, mask, limits, worth)) return TOO_LARGE;
    *within = 1;
    FOR_BITS(i, mask)
    if (s->p->terms[i].room != NONE && claimed(s->p, &s->exact, i) > s->p->terms[i].room) *within = 0;
    return 0;
}

/* --- ties ---------------------------------------------------------------------------------------------------------- */

/* Priorities in descending order, compared one by one. */
static inline int compare_priorities(const Problem *p, Mask a, Mask b) {
    for (;; a &= a - 1, b &= b - 1) {
        int64_t mine = a ? p->terms[lowest_bit(a)].priority : NO_PRIORITY;
        int64_t theirs = b ? p->terms[lowest_bit(b)].priority : NO_PRIORITY;
        if (mine != theirs) return mine > theirs ? 1 : -1;
        if (!a) return 0;
    }
}

static inline Mask by_id(const Problem *p, Mask mask) {
    Mask ids = 0;
    int i;
    FOR_BITS(i, mask) ids |= bit_of(p->terms[i].id_rank);
    return ids;
}

static inline int wins_tie(const Problem *p, Mask mask, Mask against) {
    int order = compare_priorities(p, mask, against);
    if (order) return order > 0;
    Mask mine = by_id(p, mask), differ = mine ^ by_id(p, against);
    return (mine & differ & -differ) != 0;
}

/* Those of some offers whose priority is above the lowest of the mask's. */
static inline Mask above_lowest(const Problem *p, Mask mask, Mask some) {
    int lowest_priority = p->terms[highest_bit(mask)].priority, i;
    Mask above = 0;
    FOR_BITS(i, some) if (p->terms[i].priority > lowest_priority) above |= bit_of(i);
    return above;
}

static inline int may_win_tie(const Problem *p, Mask mask, Mask undecided, Mask against) {
    if (!mask) return 1;
    Mask above = above_lowest(p, mask, undecided);
    if (!above) return wins_tie(p, mask, against);
    return compare_priorities(p, mask | above, against) >= 0;
}

/* --- the search ------------------------------------------------------------------------------------------------------ */

static inline int maximal(Search *s, Mask mask, int *is) {
    Mask others = s->p->valued & ~mask;
    Worth worth;
    int i, within;
    *is = 0;
    FOR_BITS(i, others) {
        if (!addable(s, mask, i)) continue;
        if (judged(s, mask | bit_of(i), &worth, &within)) return TOO_LARGE;
        if (within) return 0;
    }
    *is = 1;
    return 0;
}

/* Takes a decided combination when it is the best so far. */
static inline int settle(Search *s, Mask mask) {
    int within, is = 1, by_cost = s->p->policy == MARGIN_BEST;
    Worth worth;
    if (judged(s, mask, &worth, &within)) return TOO_LARGE;
    if (!within) return 0;
    if (s->found) {
        int64_t more = by_cost ? s->best_worth.cost - worth.cost : worth.value - s->best_worth.value;
        if (more < 0 || (more == 0 && !wins_tie(s->p, mask, s->best))) return 0;
    }
    if (by_cost && maximal(s, mask, &is)) return TOO_LARGE;
    if (!is) return 0;
    s->found = 1;
    s->best = mask;
    s->best_worth = worth;
    return 0;
}

/* 0 when an offer was left out whose group keeps a place for it: such a combination is not maximal. */
static inline int can_be_filled(const Search *s, Mask mask, Mask undecided) {
    const Terms *terms = s->p->terms;
    Mask waiting = mask | undecided, out = s->any_limit ? 0 : s->bounds.pool & ~waiting;
    int i, j;
    FOR_BITS(i, out) {
        if (terms[i].group == NONE || terms[i].reward != NONE) continue;
        Mask members = waiting & s->bounds.group_masks[terms[i].group];
        int places = terms[i].group_max;
        FOR_BITS(j, members) places = (int)least(places, terms[j].group_max);
        if (bits_in(members) < places) return 0;
    }
    return 1;
}

static inline int hopeful(Search *s, Mask mask, Mask waiting, Mask idles, int64_t bound, int *is) {
    const Problem *p = s->p;
    Mask undecided = waiting | idles;
    *is = p->policy != MARGIN_BEST || can_be_filled(s, mask, undecided);
    if (!s->found || !*is) return 0;
    if (p->policy == MARGIN_BEST) {
        if (cost_bound(p, &s->bounds, &s->exact, mask | (undecided & s->forced), undecided, &bound)) return TOO_LARGE;
        *is = bound <= s->best_worth.cost;
        return 0;
    }
    if (bound == NONE && value_bound(p, &s->bounds, &s->exact, mask, waiting, &bound)) return TOO_LARGE;
    *is = bound > s->best_worth.value ||
          (bound == s->best_worth.value && may_win_tie(p, mask, undecided, s->best));
    return 0;
}

static inline int free_to_join(const Problem *p, int offer) {
    return p->terms[offer].group == NONE && p->terms[offer].reward == NONE;
}

static inline Mask with_idle(const Search *s, Mask mask, Mask idles) {
    if (s->p->policy == MARGIN_BEST) return mask | idles;
    return mask ? mask | above_lowest(s->p, mask, idles) : mask;
}

static inline int settle_last(Search *s, Mask mask) {
    int is = 1, bad = s->p->policy == MARGIN_BEST ? 0 : hopeful(s, mask, 0, 0, NONE, &is);
    return bad || !is ? bad : settle(s, mask);
}

/* The offers of the order from a place on that may still join. */
static inline Mask ahead_of(const Search *s, int at, Mask mask) {
    Mask ahead = mask & s->p->exclusive ? 0 : s->suffix[at], ruled = ahead & s->ruled;
    int i;
    FOR_BITS(i, ruled) if (!addable(s, mask, i)) ahead &= ~bit_of(i);
    return ahead;
}

static inline int find_bound(Search *s, Node *node) {
    Mask waiting = ahead_of(s, node->at, node->mask) | node->later;
    return value_bound(s->p, &s->bounds, &s->exact, node->mask, waiting, &node->bound);
}

/* With the offer, and without it: what promises more goes first where that is in doubt. */
static inline int branch(Search *s, Node node, int offer, int *depth) {
    int by_cost = s->p->policy == MARGIN_BEST, doubtful = !by_cost && has(s->bounds.apart, offer);
    Node with = node;
    with.mask |= bit_of(offer);
    node.bound = with.bound = NONE;
    if (doubtful && (find_bound(s, &with) || find_bound(s, &node))) return TOO_LARGE;
    int without_first = node.bound > with.bound;
    if (without_first) s->stack[(*depth)++] = with;
    if (!by_cost || s->any_limit || !free_to_join(s->p, offer)) s->stack[(*depth)++] = node;
    if (!without_first) s->stack[(*depth)++] = with;
    return 0;
}

static inline int step_search(Search *s, Node node, int *depth) {
    Bounds *b = &s->bounds;
    int is, bad, offer, by_cost = s->p->policy == MARGIN_BEST;
    if (++s->nodes > s->p->node_bound) return BOUND_HIT;
    Mask ahead = ahead_of(s, node.at, node.mask), waiting = ahead | node.later;
    if (!waiting) return settle_last(s, with_idle(s, node.mask, node.idle));
    if (ahead) {
        while (!has(ahead, b->order[node.at])) node.at++;
        offer = b->order[node.at++];
        /* with limits and for the least cost it may come before those who hold the units, and change what they take */
        int idles = !(by_cost && s->any_limit) && idle(s->p, b, &s->exact, node.mask, offer);
        if (idles || (!by_cost && unrivalled(b, offer, waiting))) {
            *(idles ? &node.idle : &node.later) |= bit_of(offer);
            s->stack[(*depth)++] = node;
            return 0;
        }
    } else {
        offer = lowest_bit(waiting);
        node.later &= ~bit_of(offer);
    }
    if ((bad = hopeful(s, node.mask, waiting, node.idle, node.bound, &is)) || !is) return bad;
    return branch(s, node, offer, depth);
}

/* `spent`: the nodes of this choice so far. */
static inline int search(Search *s, Mask pool, Mask fixed, int64_t spent) {
    int i, bad = 0, depth = 0;
    Mask rest = pool & ~s->p->exclusive;
    set_bounds(s->p, &s->bounds, &s->exact, rest, fixed);
    s->nodes = spent;
    s->found = 0;
    s->forced = 0;
    FOR_BITS(i, rest) if (!s->any_limit && free_to_join(s->p, i)) s->forced |= bit_of(i);
    s->ruled = 0;
    FOR_BITS(i, rest) if (!free_to_join(s->p, i)) s->ruled |= bit_of(i);
    s->suffix[s->bounds.order_count] = 0;
    for (int at = s->bounds.order_count - 1; at >= 0; at--)
        s->suffix[at] = s->suffix[at + 1] | bit_of(s->bounds.order[at]);
    s->stack[depth++] = (Node){0, fixed, 0, 0, NONE};
    while (depth > 0 && !bad) bad = step_search(s, s->stack[--depth], &depth);
    s->all_nodes += s->nodes - spent;
    if (!bad && !s->found) {
        s->best = fixed;
        s->found = s->p->policy != MARGIN_BEST;
        if (s->found) bad = evaluate(s->p, &s->exact, fixed, 0, &s->best_worth);
    }
    return bad;
}

/* The best of a pool beside the fixed ones, the exclusive ones each alone. */
static inline int best_of(Search *s, Mask pool, Mask fixed, Mask *chosen) {
    Mask alone = fixed ? 0 : pool & s->p->exclusive, best = fixed, part;
    int i, bad = 0, parts = 0;
    set_up_parts(s->p, &s->parts, unbeaten(s->p, pool & ~s->p->exclusive, fixed), fixed);
    for (int64_t spent = 0; !bad && ((part = next_part(&s->parts)) || !parts); parts++) {
        bad = search(s, part, fixed, spent);
        best |= s->best;
        spent = s->nodes;
    }
    if (bad) return bad;
    s->best = best;
    if (parts > 1 && evaluate(s->p, &s->exact, best, 0, &s->best_worth)) return TOO_LARGE;
    FOR_BITS(i, alone) {
        if (bad) return bad;
        if (addable(s, 0, i)) bad = settle(s, bit_of(i));
    }
    *chosen = s->best;
    return bad;
}

/* --- greedy ------------------------------------------------------------------------------------------------------------ */

/* The offers of a pool by what each is worth (or costs) alone, the best first. */
static inline int rank_alone(Search *s, Mask pool, int by_cost, int *count) {
    Bounds *b = &s->bounds;
    int i;
    *count = 0;
    FOR_BITS(i, pool) {
        Worth worth;
        if (evaluate(s->p, &s->exact, bit_of(i), 0, &worth)) return TOO_LARGE;
        b->alone[i] = by_cost ? -worth.cost : worth.value;
        int at = (*count)++;
        for (; at > 0 && b->alone[b->order[at - 1]] < b->alone[i]; at--) b->order[at] = b->order[at - 1];
        b->order[at] = i;
    }
    return 0;
}

static inline int greedy(Search *s, Mask pool, Mask fixed, Mask *chosen) {
    int count, within, by_cost = s->p->policy == MARGIN_BEST;
    Worth before, after;
    *chosen = fixed;
    if (rank_alone(s, pool, by_cost, &count)) return TOO_LARGE;
    if (evaluate(s->p, &s->exact, fixed, 0, &before)) return TOO_LARGE;
    for (int at = 0; at < count; at++) {
        int offer = s->bounds.order[at];
        if (!addable(s, *chosen, offer)) continue;
        if (judged(s, *chosen | bit_of(offer), &after, &within)) return TOO_LARGE;
        if (!within || (!by_cost && after.value <= before.value)) continue;
        *chosen |= bit_of(offer);
        before = after;
    }
    return 0;
}

/* --- the answer -------------------------------------------------------------------------------------------------------- */

typedef int (*Pick)(Search *, Mask, Mask, Mask *);

/* Class by class, the highest priority first; what a class chose stays. */
static inline int by_priority(Search *s, Pick pick, Mask *chosen) {
    Mask left = s->p->valued;
    int i, bad = 0;
    *chosen = 0;
    while (left && !bad) {
        int priority = s->p->terms[lowest_bit(left)].priority;
        Mask pool = 0;
        FOR_BITS(i, left) if (s->p->terms[i].priority == priority) pool |= bit_of(i);
        bad = pick(s, pool, *chosen, chosen);
        left &= ~pool;
    }
    return bad;
}

static inline int margin_best(Search *s, Mask *chosen) {
    Mask alone = s->p->valued & s->p->exclusive;
    int i, bad = search(s, s->p->valued, 0, 0);
    FOR_BITS(i, alone) {
        if (bad) return bad;
        if (addable(s, 0, i)) bad = settle(s, bit_of(i));
    }
    *chosen = s->best;
    return bad;
}

/* 0 and the chosen offers; BOUND_HIT and the greedy answer; or TOO_LARGE. */
static inline int choose(Search *s, Mask *chosen) {
    int policy = s->p->policy, bad = 0;
    *chosen = 0;
    if (!s->p->valued) return 0;
    if (policy == PRIORITY)
        bad = by_priority(s, best_of, chosen);
    else if (policy == MARGIN_BEST)
        bad = margin_best(s, chosen);
    else
        bad = best_of(s, s->p->valued, 0, chosen);
    if (bad != BOUND_HIT) return bad;
    bad = policy == PRIORITY ? by_priority(s, greedy, chosen) : greedy(s, s->p->valued, 0, chosen);
    return bad ? bad : BOUND_HIT;
}

#endif
