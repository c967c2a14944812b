/* A new index of what lives in a view: the clauses of the old one and the added ones, owners numbered anew in order. */
#ifndef POI_MERGE_H
#define POI_MERGE_H

#include "_build.h"
#include "_gather.h"

typedef struct {
    int64_t order;
    int64_t owner;
} Ordered;

static int by_order(const void *one, const void *other) {
    int64_t a = ((const Ordered *) one)->order, b = ((const Ordered *) other)->order;
    return (a > b) - (a < b);
}

/* The living owners in order, `old` with room for all; gives how many. */
static inline int64_t living_owners(const View *view, Ordered *added, int64_t *old) {
    int64_t owners = view->index->meta.owners, living = 0, count = 0, next = 0;
    for (int64_t i = 0; i < view->overlay.owners; i++)
        if (!is_dead(view, owners + i)) added[living++] = (Ordered) {view->overlay.orders[i], owners + i};
    qsort(added, (size_t) living, sizeof *added, by_order);
    for (int64_t owner = 0; owner <= owners; owner++) {
        while (next < living && (owner == owners || added[next].order < owner << 32)) old[count++] = added[next++].owner;
        if (owner < owners && !is_dead(view, owner)) old[count++] = owner;
    }
    return count;
}

static inline const int32_t *any_clause(const View *view, int64_t i, const int32_t **end, const int32_t **windows) {
    int64_t base = view->index->meta.clauses;
    *windows = i < base ? view->index->windows : NULL;
    if (i < base) return clause_at(view->index, (uint32_t) i, end);
    *end = view->overlay.words + view->overlay.starts[i - base + 1];
    return view->overlay.words + view->overlay.starts[i - base];
}

static inline int64_t outer_length(const int32_t *clause, const int32_t *end, const int32_t *windows) {
    int64_t length = (uint32_t) clause[1] != ANY_DAY ? 5 : 0;
    for (const int32_t *at = clause + HEADER; at < end; at += 1 + head_count(at[0]))
        length += 3 + (head_op(at[0]) == WINDOW ? windows[at[1]] : head_count(at[0]));
    return length;
}

/* Build the merged index; `old` gets its owners' former numbers. */
static inline int merge_view(const View *view, int64_t *old, Built *to) {
    int64_t owners = view->index->meta.owners + view->overlay.owners;
    int64_t clauses = view->index->meta.clauses + view->overlay.clauses, kept = 0, words = 0;
    Ordered *added = malloc((size_t) (view->overlay.owners + 1) * sizeof *added);
    int32_t *new_of = malloc((size_t) (owners + 1) * sizeof *new_of);
    int64_t *at = calloc((size_t) owners + 2, sizeof *at);
    int32_t *owner_of = NULL, *programs = NULL;
    int64_t *starts = NULL, *which = NULL;
    const int32_t *end, *windows;
    int outcome = NO_MEMORY;
    memset(to, 0, sizeof *to);
    if (!added || !new_of || !at) goto end;
    memset(new_of, 0xff, (size_t) (owners + 1) * sizeof *new_of);
    int64_t living = living_owners(view, added, old);
    for (int64_t n = 0; n < living; n++) new_of[old[n]] = (int32_t) n;
    for (int64_t i = 0; i < clauses; i++) {
        const int32_t *clause = any_clause(view, i, &end, &windows);
        if (new_of[clause[0]] < 0) continue;
        at[new_of[clause[0]] + 1]++;
        words += outer_length(clause, end, windows);
        kept++;
    }
    for (int64_t n = 0; n < living; n++) at[n + 1] += at[n];
    owner_of = malloc((size_t) (kept + 1) * sizeof *owner_of);
    starts = malloc((size_t) (kept + 1) * sizeof *starts);
    which = malloc((size_t) (kept + 1) * sizeof *which);
    programs = malloc((size_t) (words + 1) * sizeof *programs);
    if (!owner_of || !starts || !which || !programs) goto end;
    for (int64_t i = 0; i < clauses; i++) {
        const int32_t *clause = any_clause(view, i, &end, &windows);
        if (new_of[clause[0]] >= 0) which[at[new_of[clause[0]]]++] = i;
    }
    words = 0;
    for (int64_t k = 0; k < kept; k++) {
        const int32_t *clause = any_clause(view, which[k], &end, &windows);
        owner_of[k] = new_of[clause[0]];
        starts[k] = words;
        words += outer_program(clause, end, windows, programs + words);
    }
    starts[kept] = words;
    Offered offered = {view->index->meta.columns, view->index->meta.families, living, kept, owner_of, starts, programs};
    outcome = index_build(&offered, to);
end:
    free(added);
    free(new_of);
    free(at);
    free(owner_of);
    free(starts);
    free(which);
    free(programs);
    return outcome;
}

#endif
