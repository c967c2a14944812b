/* One class of arithmetic over the number type NUM: included once for each, so it has no guard. */

/* Brings a line to the common denominator: wide numbers factor by factor, which saves dividing them. */
static inline void FN(level)(Exact *e, int line, NUM whole, int *bad) {
#if WIDE
    for (; e->level[line] < e->levels && !*bad; e->level[line]++)
        e->FN(num)[line] = N(mul)(e->FN(num)[line], e->factors[e->level[line]], bad);
    e->FN(den)[line] = whole;
#else
    if (N(cmp)(e->FN(den)[line], whole)) {
        e->FN(num)[line] = N(mul)(e->FN(num)[line], N(divided)(whole, e->FN(den)[line]), bad);
        e->FN(den)[line] = whole;
    }
#endif
}

/* The common denominator grows by a factor. */
static inline void FN(grow)(Exact *e, NUM *whole, NUM of, int *bad) {
    *whole = N(mul)(*whole, of, bad);
#if WIDE
    e->factors[e->levels++] = of;
#endif
}

static inline void FN(record)(Exact *e, int step, int line, NUM cut, NUM den) {
    e->FN(cut_num)[e->cut_count] = cut;
    e->FN(cut_den)[e->cut_count] = den;
    e->cut_level[e->cut_count] = WIDE ? e->level[line] : 0;
    add_cut(e, step, line);
}

/* Takes `share / of` off a line; the common denominator is to grow by `of`. */
static inline void FN(cut_line)(Exact *e, int member, int line, NUM share, NUM of, NUM whole, int *bad) {
    if (WIDE) FN(level)(e, line, whole, bad);
    NUM cut = N(mul)(e->FN(num)[line], share, bad);
    e->FN(num)[line] = N(sub)(N(mul)(e->FN(num)[line], of, bad), cut);
    e->FN(den)[line] = N(mul)(e->FN(den)[line], of, bad);
    e->level[line] += WIDE;
    FN(record)(e, member, line, cut, e->FN(den)[line]);
}

static inline void FN(cut_share)(Exact *e, int member, const Step *step, NUM *whole, int *bad) {
    int64_t common = (int64_t)n64_gcd((uint64_t)step->percent, WHOLE_PERCENT);
    NUM share = N(of)(step->percent / common), of = N(of)(WHOLE_PERCENT / common);
    for (int i = 0; i < step->count && !*bad; i++) FN(cut_line)(e, member, step->lines[i], share, of, *whole, bad);
    FN(grow)(e, whole, of, bad);
}

static inline NUM FN(in_scope)(Exact *e, const Step *step, NUM whole, int *bad) {
    NUM sum = N(of)(0);
    for (int i = 0; i < step->count; i++) {
        FN(level)(e, step->lines[i], whole, bad);
        sum = N(add)(sum, e->FN(num)[step->lines[i]], bad);
    }
    return sum;
}

/* Takes an amount off the lines together, in proportion to what is left of each. */
static inline void FN(cut_together)(
    const Problem *p, Exact *e, int member, const Step *step, int64_t amount, NUM *whole, int *bad) {
    NUM sum = FN(in_scope)(e, step, *whole, bad), rest;
    if (*bad || N(zero)(sum)) return;
    NUM share = N(of)(1), of = share;
    int64_t minor = N(quotient)(sum, *whole, &rest);
    if (N(zero)(rest)) { /* a whole amount, as after a cut of the same lines: short numbers */
        int64_t target = least(amount, minor), common = (int64_t)n64_gcd((uint64_t)target, (uint64_t)minor);
        share = N(of)(target / common);
        of = N(of)(minor / common);
    } else if (minor >= amount) {
        NUM target = N(mul)(N(of)(amount), *whole, bad);
        NUM common = N(gcd)(target, sum);
        share = N(divided)(target, common);
        of = N(divided)(sum, common);
    }
    for (int i = 0; i < step->count && !*bad; i++) FN(cut_line)(e, member, step->lines[i], share, of, *whole, bad);
    FN(grow)(e, whole, of, bad);
    tie(e, p, step->lines, step->count);
}

static inline int FN(cap_bites)(Exact *e, const Step *step, NUM whole, int *bad) {
    NUM taken = N(mul)(FN(in_scope)(e, step, whole, bad), N(of)(step->percent), bad);
    NUM cap = N(mul)(N(mul)(N(of)(step->cap), whole, bad), N(of)(WHOLE_PERCENT), bad);
    return N(cmp)(taken, cap) > 0;
}

static inline void FN(cut_each)(Exact *e, int member, const Step *step, int *bad) {
    for (int i = 0; i < step->count; i++) {
        int line = step->lines[i];
        NUM cut = N(mul)(N(of)(step->amount), e->FN(den)[line], bad);
        if (N(cmp)(cut, e->FN(num)[line]) > 0) cut = e->FN(num)[line];
        e->FN(num)[line] = N(sub)(e->FN(num)[line], cut);
        FN(record)(e, member, line, cut, e->FN(den)[line]);
    }
}

static inline NUM FN(run_lines)(const Problem *p, Exact *e, int count, int *bad) {
    NUM whole = N(of)(1);
    e->levels = 0;
    for (int line = 0; line < p->lines; line++) {
        e->FN(num)[line] = N(of)(e->left[line]);
        e->FN(den)[line] = whole;
        e->level[line] = 0;
    }
    for (int i = 0; i < count && !*bad; i++) {
        const Step *step = &p->step[e->members[i]];
        if (step->kind == PERCENT && step->cap != NONE && FN(cap_bites)(e, step, whole, bad))
            FN(cut_together)(p, e, i, step, step->cap, &whole, bad);
        else if (step->kind == PERCENT)
            FN(cut_share)(e, i, step, &whole, bad);
        else if (step->rank < BASKET_PERCENT)
            FN(cut_each)(e, i, step, bad);
        else
            FN(cut_together)(p, e, i, step, step->amount, &whole, bad);
    }
    return whole;
}

/* --- units: a line's units are runs of equal current price ------------------------------------------------------ */

static inline NUM FN(unit_off)(const Step *step, NUM price, NUM whole, int *bad) {
    NUM amount, zero = N(of)(0);
    int64_t common;
    switch (step->kind) {
        case FIXED:
            amount = N(mul)(N(of)(step->amount), whole, bad);
            return N(cmp)(price, amount) > 0 ? N(sub)(price, amount) : zero;
        case UNIT:
            amount = N(mul)(N(of)(step->amount), whole, bad);
            return N(cmp)(price, amount) < 0 ? price : amount;
        case FREE:
            return price;
        default:
            common = (int64_t)n64_gcd((uint64_t)step->percent, WHOLE_PERCENT);
            price = N(divided)(price, N(of)(WHOLE_PERCENT / common));
            return N(mul)(price, N(of)(step->percent / common), bad);
    }
}

/* What the step takes off the units of a span. */
static inline NUM FN(span_off)(Exact *e, const Step *step, const Span *span, NUM whole, int *bad) {
    int at = 0, start = e->run_start[span->line];
    NUM sum = N(of)(0);
    for (int i = start; i < start + e->run_count[span->line]; at += (int)e->run_units[i++]) {
        int64_t inside = least(at + e->run_units[i], span->end) - most(at, span->start);
        if (inside > 0)
            sum = N(add)(sum, N(mul)(N(of)(inside), FN(unit_off)(step, e->FN(price)[i], whole, bad), bad), bad);
    }
    return sum;
}

static inline void FN(push_run)(Exact *e, int *count, int64_t units, NUM price) {
    if (units <= 0) return;
    e->swap_units[*count] = units;
    e->FN(swap)[(*count)++] = price;
}

/* Lowers the units of a span by `keep / of` of what the step takes; every price of the line grows by `of`. */
static inline void FN(lower_span)(
    Exact *e, const Step *step, const Span *span, NUM whole, NUM keep, NUM of, int *bad) {
    int at = 0, count = 0, start = e->run_start[span->line];
    for (int i = start; i < start + e->run_count[span->line]; i++) {
        int64_t units = e->run_units[i], ahead = most(span->start - at, 0);
        int64_t inside = least(at + units, span->end) - most(at, span->start);
        NUM price = N(mul)(e->FN(price)[i], of, bad);
        if (inside <= 0) {
            FN(push_run)(e, &count, units, price);
        } else {
            NUM off = N(mul)(FN(unit_off)(step, e->FN(price)[i], whole, bad), keep, bad);
            FN(push_run)(e, &count, ahead, price);
            FN(push_run)(e, &count, inside, N(sub)(price, off));
            FN(push_run)(e, &count, units - ahead - inside, price);
        }
        at += (int)units;
    }
    for (int i = 0; i < count; i++) {
        e->run_units[start + i] = e->swap_units[i];
        e->FN(price)[start + i] = e->FN(swap)[i];
    }
    e->run_count[span->line] = count;
}

/* The prices of all lines but those of the spans, and in wide numbers all cuts so far, over the grown denominator. */
static inline void FN(scale_others)(const Problem *p, Exact *e, int spans, NUM of, NUM grown, int *bad) {
    for (int i = 0; i < spans; i++) e->touched[e->spans[i].line] = 1;
    for (int line = 0; line < p->lines; line++)
        for (int i = 0; !e->touched[line] && i < e->run_count[line]; i++)
            e->FN(price)[e->run_start[line] + i] = N(mul)(e->FN(price)[e->run_start[line] + i], of, bad);
    for (int i = 0; i < spans; i++) e->touched[e->spans[i].line] = 0;
    for (int i = 0; WIDE && i < e->cut_count; i++) {
        e->FN(cut_num)[i] = N(mul)(e->FN(cut_num)[i], of, bad);
        e->FN(cut_den)[i] = grown;
    }
}

/* Whether the cap bites; then `keep / of` is the share of the money off that it leaves. */
static inline int FN(unit_cap)(Exact *e, const Step *step, int spans, NUM whole, NUM *keep, NUM *of, int *bad) {
    NUM total = N(of)(0);
    if (step->cap == NONE) return 0;
    for (int i = 0; i < spans; i++) total = N(add)(total, FN(span_off)(e, step, &e->spans[i], whole, bad), bad);
    NUM cap = N(mul)(N(of)(step->cap), whole, bad);
    if (*bad || N(cmp)(total, cap) <= 0) return 0;
    NUM common = N(gcd)(cap, total);
    *keep = N(divided)(cap, common);
    *of = N(divided)(total, common);
    return 1;
}

/* Lowers the units of the spans by the step, at most by its cap. */
static inline void FN(cut_units)(
    const Problem *p, Exact *e, int member, const Step *step, int spans, NUM *whole, int *bad) {
    NUM keep = N(of)(1), of = N(of)(1);
    uint16_t tied[MAX_LINES];
    int capped = FN(unit_cap)(e, step, spans, *whole, &keep, &of, bad);
    NUM grown = N(mul)(*whole, of, bad);
    if (*bad) return;
    if (capped) FN(scale_others)(p, e, spans, of, grown, bad);
    for (int i = 0; i < spans; i++) {
        const Span *span = &e->spans[i];
        NUM off = N(mul)(FN(span_off)(e, step, span, *whole, bad), keep, bad);
        FN(lower_span)(e, step, span, *whole, keep, of, bad);
        FN(record)(e, member, span->line, off, grown);
        tied[i] = (uint16_t)span->line;
    }
    *whole = grown;
    if (capped) tie(e, p, tied, spans);
}

static inline NUM FN(run_units)(const Problem *p, Exact *e, int count, int *bad) {
    NUM whole = N(of)(1);
    for (int i = 0; i < count; i++) {
        int64_t percent = p->step[e->members[i]].percent;
        if (percent) whole = N(mul)(whole, N(of)(WHOLE_PERCENT / (int64_t)n64_gcd((uint64_t)percent, WHOLE_PERCENT)), bad);
    }
    e->levels = 0;
    memset(e->level, 0, sizeof(int32_t) * (size_t)p->lines);
    memset(e->served, 0, sizeof(int32_t) * (size_t)p->lines);
    memset(e->run_count, 0, sizeof(int32_t) * (size_t)p->lines);
    for (int i = 0; i < count && !*bad; i++) {
        const Step *step = &p->step[e->members[i]];
        int spans = spans_of(p, step, e->served, e->none, e->spans), priced = 0;
        for (int j = 0; j < spans; j++)
            if (!e->spans[j].paid) {
                Span span = e->spans[j];
                e->spans[priced++] = span;
                if (e->run_count[span.line]) continue;
                e->run_count[span.line] = 1;
                e->run_units[e->run_start[span.line]] = p->units[span.line];
                e->FN(price)[e->run_start[span.line]] = N(mul)(N(of)(p->prices[span.line]), whole, bad);
            }
        FN(cut_units)(p, e, i, step, priced, &whole, bad);
        if (step->kind == FREE || (step->kind == BUY_GET && step->percent == WHOLE_PERCENT))
            for (int j = 0; j < priced; j++) e->freed[e->spans[j].line] += e->spans[j].end - e->spans[j].start;
    }
    for (int line = 0; line < p->lines && !*bad; line++) {
        e->FN(num)[line] = N(of)(e->left[line]);
        e->FN(den)[line] = N(of)(1);
        if (!e->run_count[line]) continue;
        int64_t rest = p->amounts[line] - p->units[line] * p->prices[line];
        NUM sum = N(mul)(N(of)(rest), whole, bad);
        for (int i = e->run_start[line]; i < e->run_start[line] + e->run_count[line]; i++)
            sum = N(add)(sum, N(mul)(N(of)(e->run_units[i]), e->FN(price)[i], bad), bad);
        e->FN(num)[line] = sum;
        e->FN(den)[line] = whole;
    }
    return whole;
}

/* What unit effects leave of each line, from below: rounded down where a cap may tie lines together. */
static inline int FN(lowest_units)(const Problem *p, Exact *e, int count, const uint8_t *tied, int64_t *left) {
    int bad = 0;
    e->cut_count = e->pools = 0;
    for (int line = 0; line < p->lines; line++) e->first[line] = e->pool[line] = NONE;
    NUM rest, whole = FN(run_units)(p, e, count, &bad);
    NUM twice = N(mul)(whole, N(of)(2), &bad);
    for (int line = 0; line < p->lines && !bad; line++) {
        NUM num = e->FN(num)[line];
        if (!e->run_count[line])
            left[line] = e->left[line];
        else if (tied[line])
            left[line] = N(quotient)(num, whole, &rest);
        else {
            num = N(add)(N(mul)(num, N(of)(2), &bad), whole, &bad);
            if (!bad) left[line] = N(quotient)(num, twice, &rest);
        }
    }
    return bad ? TOO_LARGE : 0;
}

/* --- the class's one rounding ------------------------------------------------------------------------------------ */

/* The places 0..count-1 of `order` by descending remainder, ties by the number there. */
static inline void FN(rank)(int32_t *order, const NUM *rest, int count) {
    for (int i = 1; i < count; i++) {
        int32_t item = order[i];
        int at = i;
        for (; at > 0 && N(cmp)(rest[order[at - 1]], rest[item]) < 0; at--) order[at] = order[at - 1];
        order[at] = item;
    }
}

static inline void FN(round_pool)(const Problem *p, Exact *e, int pool, NUM whole, int *bad) {
    NUM sum = N(of)(0), rest, twice;
    int count = 0;
    int64_t before = 0, floors = 0;
    for (int line = 0; line < p->lines; line++) {
        if (e->pool[line] != pool) continue;
        FN(level)(e, line, whole, bad);
        NUM off = N(sub)(N(mul)(N(of)(e->left[line]), whole, bad), e->FN(num)[line]);
        if (*bad) return;
        int64_t floor_off = N(quotient)(off, whole, &e->FN(rest)[line]);
        e->after[line] = e->left[line] - floor_off;
        sum = N(add)(sum, e->FN(num)[line], bad);
        before += e->left[line];
        floors += floor_off;
        e->order[count++] = line;
    }
    twice = N(mul)(whole, N(of)(2), bad);
    sum = N(add)(N(mul)(sum, N(of)(2), bad), whole, bad);
    if (*bad) return;
    int64_t missing = before - N(quotient)(sum, twice, &rest) - floors;
    if (missing > 0) FN(rank)(e->order, e->FN(rest), count);
    for (int i = 0; i < count && i < missing; i++) e->after[e->order[i]]--;
}

static inline void FN(round_lines)(const Problem *p, Exact *e, NUM whole, int *bad) {
    uint64_t done[16] = {0};
    NUM rest;
    for (int line = 0; line < p->lines && !*bad; line++) {
        int pool = e->pool[line];
        if (pool == NONE) {
            if (e->first[line] == NONE) {
                e->after[line] = e->left[line];
                continue;
            }
            NUM den = e->FN(den)[line];
            NUM twice = N(add)(N(mul)(e->FN(num)[line], N(of)(2), bad), den, bad);
            den = N(mul)(den, N(of)(2), bad);
            if (!*bad) e->after[line] = N(quotient)(twice, den, &rest);
        } else if (!(done[pool >> 6] >> (pool & 63) & 1)) {
            done[pool >> 6] |= (uint64_t)1 << (pool & 63);
            FN(round_pool)(p, e, pool, whole, bad);
        }
    }
}

/* Whole minor units off by step and line, by largest remainder, ties by the order of application. */
static inline void FN(share_out)(const Problem *p, Exact *e, int *bad) {
    for (int line = 0; line < p->lines && !*bad; line++) {
        int64_t taken = e->left[line] - e->after[line];
        int count = 0, first = e->first[line];
        if (first == NONE) continue;
        if (e->cuts[first].next == NONE) {
            e->cuts[first].share = taken;
            continue;
        }
        NUM den = e->FN(den)[line];
        for (int at = first; at != NONE && !*bad; at = e->cuts[at].next) {
            NUM cut = e->FN(cut_num)[at];
#if WIDE
            for (int i = e->cut_level[at]; i < e->level[line]; i++) cut = N(mul)(cut, e->factors[i], bad);
#else
            if (N(cmp)(e->FN(cut_den)[at], den)) cut = N(mul)(cut, N(divided)(den, e->FN(cut_den)[at]), bad);
#endif
            e->cuts[at].share = N(quotient)(cut, den, &e->FN(rest)[count]);
            taken -= e->cuts[at].share;
            e->order[count] = count;
            count++;
        }
        if (taken <= 0 || *bad) continue;
        FN(rank)(e->order, e->FN(rest), count);
        for (int i = 0; i < count && i < taken; i++) e->touched[e->order[i]] = 1;
        int place = 0;
        for (int at = first; at != NONE; at = e->cuts[at].next) e->cuts[at].share += e->touched[place++];
        for (int i = 0; i < count; i++) e->touched[i] = 0;
    }
}

static inline int FN(run_class)(const Problem *p, Exact *e, int count, int shares) {
    int bad = 0, rank = p->step[e->members[0]].rank;
    e->cut_count = e->pools = 0;
    for (int line = 0; line < p->lines; line++) e->first[line] = e->pool[line] = NONE;
    if (rank == UNITS) memset(e->freed, 0, sizeof(int32_t) * (size_t)p->lines);
    NUM whole = rank == UNITS ? FN(run_units)(p, e, count, &bad) : FN(run_lines)(p, e, count, &bad);
    if (bad) return TOO_LARGE;
    if (rank >= BASKET_PERCENT) {
        e->pools = 1;
        for (int line = 0; line < p->lines; line++) e->pool[line] = e->first[line] == NONE ? NONE : 0;
    }
    FN(round_lines)(p, e, whole, &bad);
    if (shares && !bad) FN(share_out)(p, e, &bad);
    if (bad) return TOO_LARGE;
    if (shares) respect_caps(p, e, count);
    return 0;
}
