/* One class of percents, or of the basket, in amounts with a bound of their error: what comes out is exact, or it is
   TOO_LARGE and the long numbers have to tell. */
#ifndef POI_CHOOSE_FINE_CLASS_H
#define POI_CHOOSE_FINE_CLASS_H

static inline void fine_record(Exact *e, int member, int line, Fine cut) {
    e->fine_cut[e->cut_count] = cut;
    e->fine[line] = fine_less(e->fine[line], cut);
    add_cut(e, member, line);
}

static inline void fine_together(const Problem *p, Exact *e, int member, const Step *step, int64_t amount, int *bad) {
    Fine sum = fine_sum(e->fine, step->lines, step->count);
    if (sum.value == 0 && sum.error == 0) return;
    int all = !fine_above(sum, (long double)amount, bad);
    if (sum.error * 64 > sum.value) *bad = 1;
    for (int i = 0; i < step->count && !*bad; i++) {
        int line = step->lines[i];
        Fine cut = all ? e->fine[line] : step->count == 1 ? fine_of(amount) : fine_part(e->fine[line], amount, sum);
        fine_record(e, member, line, cut);
        if (all) e->fine[line] = fine_of(0);
    }
    tie(e, p, step->lines, step->count);
}

static inline int fine_cap_bites(const Exact *e, const Step *step, int *bad) {
    Fine sum = fine_sum(e->fine, step->lines, step->count);
    if (sum.error == 0) return (i128)sum.value * step->percent > (i128)step->cap * WHOLE_PERCENT;
    sum.value *= (long double)step->percent;
    sum.error *= (long double)step->percent;
    return fine_above(sum, (long double)step->cap * WHOLE_PERCENT, bad);
}

static inline void fine_lines(const Problem *p, Exact *e, int count, int *bad) {
    for (int line = 0; line < p->lines; line++) e->fine[line] = fine_of(e->left[line]);
    for (int i = 0; i < count && !*bad; i++) {
        const Step *step = &p->step[e->members[i]];
        if (step->kind == PERCENT && step->cap != NONE && fine_cap_bites(e, step, bad))
            fine_together(p, e, i, step, step->cap, bad);
        else if (step->kind == PERCENT)
            for (int j = 0; j < step->count; j++)
                fine_record(e, i, step->lines[j], fine_percent(e->fine[step->lines[j]], step->percent));
        else
            fine_together(p, e, i, step, step->amount, bad);
    }
}

/* --- the class's one rounding ------------------------------------------------------------------------------------ */

/* The places 0..count-1 of `order` by descending remainder, ties by the number there. */
static inline void fine_rank(int32_t *order, const Fine *rest, int count) {
    for (int i = 1; i < count; i++) {
        int32_t item = order[i];
        int at = i;
        for (; at > 0 && rest[order[at - 1]].value < rest[item].value; at--) order[at] = order[at - 1];
        order[at] = item;
    }
}

/* Lines that began alike and were cut by the same steps are alike to the last digit. */
static inline int lines_alike(const Exact *e, int a, int b) {
    int mine = e->first[a], theirs = e->first[b];
    if (e->left[a] != e->left[b] || e->fine[a].value != e->fine[b].value) return 0;
    for (; mine != NONE && theirs != NONE; mine = e->cuts[mine].next, theirs = e->cuts[theirs].next)
        if (e->cuts[mine].step != e->cuts[theirs].step) return 0;
    return mine == theirs;
}

/* Whether it is certain which are the first `chosen` of the ranked ones; of lines the alike ones go by their number. */
static inline int fine_told(const Exact *e, const Fine *rest, int count, int chosen, int of_lines) {
    long double error = 0;
    for (int i = 0; i < count; i++) error = rest[e->order[i]].error > error ? rest[e->order[i]].error : error;
    for (int i = chosen - 1; i >= 0; i--)
        for (int j = chosen; j < count; j++) {
            int one = e->order[i], other = e->order[j];
            if (rest[one].value - rest[other].value > 2 * error) break;
            if (error > 0 && !(of_lines && lines_alike(e, one, other))) return 0;
        }
    return 1;
}

static inline void fine_pool(const Problem *p, Exact *e, int pool, int *bad) {
    int count = 0;
    int64_t before = 0, floors = 0;
    Fine sum = {0, 0};
    long double error = 0;
    for (int line = 0; line < p->lines; line++) {
        if (e->pool[line] != pool) continue;
        Fine off = fine_less(fine_of(e->left[line]), e->fine[line]);
        int64_t floor_off = fine_floor(off, bad);
        e->fine_rest[line] = (Fine){off.value - (long double)floor_off, off.error};
        e->after[line] = e->left[line] - floor_off;
        sum.value += e->fine[line].value;
        sum.error += e->fine[line].error;
        error += sum.value * OFF_BY;
        before += e->left[line];
        floors += floor_off;
        e->order[count++] = line;
    }
    if (sum.error > 0) sum.error += error;
    int64_t missing = before - fine_round(sum, bad) - floors;
    if (*bad || missing <= 0) return;
    fine_rank(e->order, e->fine_rest, count);
    if (!fine_told(e, e->fine_rest, count, (int)least(missing, count), 1)) *bad = 1;
    for (int i = 0; i < count && i < missing; i++) e->after[e->order[i]]--;
}

/* A line that nothing else is rounded with, exactly: only percents cut it. */
static inline int64_t round_alone(const Problem *p, const Exact *e, int line, int *bad) {
    i128 num = e->left[line], den = 1;
    for (int at = e->first[line]; at != NONE && !*bad; at = e->cuts[at].next) {
        const Step *step = &p->step[e->members[e->cuts[at].step]];
        num *= step->share;
        den *= step->of;
        *bad = step->kind != PERCENT || num > WIDEST || den > WIDEST;
    }
    return *bad ? 0 : (int64_t)((2 * num + den) / (2 * den));
}

static inline int64_t fine_round_line(const Problem *p, const Exact *e, int line, int *bad) {
    int doubt = 0;
    if (e->first[line] == NONE) return e->left[line];
    int64_t after = fine_round(e->fine[line], &doubt);
    return doubt ? round_alone(p, e, line, bad) : after;
}

static inline void fine_round_lines(const Problem *p, Exact *e, int *bad) {
    uint64_t done[16] = {0};
    for (int line = 0; line < p->lines && !*bad; line++) {
        int pool = e->pool[line];
        if (pool == NONE) {
            e->after[line] = fine_round_line(p, e, line, bad);
        } else if (!(done[pool >> 6] >> (pool & 63) & 1)) {
            done[pool >> 6] |= (uint64_t)1 << (pool & 63);
            fine_pool(p, e, pool, bad);
        }
    }
}

static inline void fine_share_line(Exact *e, int first, int64_t taken, int *bad) {
    int count = 0, place = 0;
    for (int at = first; at != NONE; at = e->cuts[at].next) {
        Fine cut = e->fine_cut[at];
        int64_t whole = e->cuts[at].share = fine_floor(cut, bad);
        e->fine_rest[count] = (Fine){cut.value - (long double)whole, cut.error};
        taken -= whole;
        e->order[count] = count;
        count++;
    }
    if (taken <= 0 || *bad) return;
    fine_rank(e->order, e->fine_rest, count);
    if (!fine_told(e, e->fine_rest, count, (int)least(taken, count), 0)) *bad = 1;
    for (int i = 0; i < count && i < taken; i++) e->touched[e->order[i]] = 1;
    for (int at = first; at != NONE; at = e->cuts[at].next) e->cuts[at].share += e->touched[place++];
    for (int i = 0; i < count; i++) e->touched[i] = 0;
}

static inline void fine_share_out(const Problem *p, Exact *e, int *bad) {
    for (int line = 0; line < p->lines && !*bad; line++) {
        int first = e->first[line];
        if (first == NONE) continue;
        if (e->cuts[first].next == NONE)
            e->cuts[first].share = e->left[line] - e->after[line];
        else
            fine_share_line(e, first, e->left[line] - e->after[line], bad);
    }
}

static inline int run_class_fine(const Problem *p, Exact *e, int count, int shares) {
    int bad = 0, rank = p->step[e->members[0]].rank;
    if (rank == UNITS || rank == LINE_AMOUNT) return TOO_LARGE;
    e->cut_count = e->pools = 0;
    for (int line = 0; line < p->lines; line++) e->first[line] = e->pool[line] = NONE;
    fine_lines(p, e, count, &bad);
    if (bad) return TOO_LARGE;
    if (rank >= BASKET_PERCENT) {
        e->pools = 1;
        for (int line = 0; line < p->lines; line++) e->pool[line] = e->first[line] == NONE ? NONE : 0;
    }
    fine_round_lines(p, e, &bad);
    if (shares && !bad) fine_share_out(p, e, &bad);
    if (bad) return TOO_LARGE;
    if (shares) respect_caps(p, e, count);
    return 0;
}

#endif
