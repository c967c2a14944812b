/* Which clauses can hold at a place: those posted under its keys whose place parts are not false there.
 *
 * A place is exact (a store, say), or a cell of the grid in which an event's position may lie anywhere. */
#ifndef POI_GATHER_H
#define POI_GATHER_H

#include "_index.h"

typedef struct {
    uint32_t clause;
    int32_t next;  /* -1: the end */
} Node;

typedef struct {   /* clauses added since the index was built, posted under the same keys; newest first */
    const int32_t *words;
    const uint32_t *starts;
    const int64_t *orders;  /* by added owner */
    const uint64_t *keys;
    const int32_t *heads;
    const Node *nodes;
    int64_t clauses, owners, key_room, ball_levels, ring_levels;
    uint64_t valued[BLOOM_WORDS];  /* bits of the values by which clauses are found, modulo BLOOM_BITS */
} Overlay;

typedef struct {
    const Index *index;
    Overlay overlay;
    const uint64_t *dead;  /* bits by owner */
    int64_t dead_count, dead_room;
} View;

typedef struct {
    bool exact;
    bool has_cell;
    int64_t x, y;            /* of level 0 */
    double west, south;      /* its corner */
    double centre[3], radius; /* a ball around it */
    double spot[2];          /* its centre */
} Cell;

typedef struct {
    int64_t order;
    const int32_t *clause, *end;
    const int32_t *windows;
    bool perhaps, partial;   /* partial: where in the cell decides, so the place parts are judged with the rest */
} Candidate;

typedef struct {
    Candidate *items;
    int64_t count, room;
    bool full;  /* memory ran out */
} Candidates;

static inline bool is_dead(const View *view, int64_t owner) {
    return view->dead_count && owner < view->dead_room && view->dead[owner >> 6] >> (owner & 63) & 1;
}

static inline int64_t order_of(const View *view, int64_t owner) {
    return owner < view->index->meta.owners ? owner << 32 : view->overlay.orders[owner - view->index->meta.owners];
}

/* --- a cell ------------------------------------------------------------------------------------------------------ */

static inline void unit(double longitude, double latitude, double *point) {
    point[0] = cos(latitude * DEGREE) * cos(longitude * DEGREE);
    point[1] = cos(latitude * DEGREE) * sin(longitude * DEGREE);
    point[2] = sin(latitude * DEGREE);
}

static inline double chord(const double *one, const double *other) {
    double sum = 0;
    for (int i = 0; i < 3; i++) sum += (one[i] - other[i]) * (one[i] - other[i]);
    return sqrt(sum);
}

static inline void grid_position(double longitude, double latitude, int64_t *x, int64_t *y) {
    *x = (int64_t) floor((turned(longitude) + 180.0) / CELL);
    *y = (int64_t) floor((latitude + 90.0) / CELL);
}

/* The cell around an event's position; `exact` when its point and its spot are not in the same one. */
static inline Cell cell_around(const Facts *facts) {
    Cell cell = {.exact = false, .has_cell = facts->has_point || facts->has_spot};
    double longitude, latitude;
    int64_t x = 0, y = 0;
    if (facts->has_point) {
        spot_of(facts->point, &longitude, &latitude);
        grid_position(longitude, latitude, &cell.x, &cell.y);
    }
    if (facts->has_spot) {
        grid_position(facts->spot[0], facts->spot[1], &x, &y);
        cell.exact = facts->has_point && (x != cell.x || y != cell.y);
        cell.x = x;
        cell.y = y;
    }
    return cell;
}

/* Where the cell is and how wide, which only a new plan needs. */
static inline void shape_cell(Cell *cell) {
    double corner[3];
    cell->west = -180 + (double) cell->x * CELL;
    cell->south = -90 + (double) cell->y * CELL;
    cell->spot[0] = cell->west + CELL / 2;
    cell->spot[1] = cell->south + CELL / 2;
    unit(cell->spot[0], cell->spot[1], cell->centre);
    for (int i = 0; i < 4; i++) {
        unit(cell->west + (i & 1) * CELL, cell->south + (i >> 1) * CELL, corner);
        cell->radius = fmax(cell->radius, chord(cell->centre, corner));
    }
    cell->radius += 1e-8;
}

static inline int ball_in_cell(int32_t op, const int32_t *words, const Facts *facts, const Cell *cell) {
    double sphere[4];
    if (!facts->has_point) return NO;
    memcpy(sphere, words, sizeof sphere);
    double away = chord(sphere, cell->centre);
    if (away > sphere[3] + cell->radius) return op == NEAR ? NO : SURE;
    if (away + cell->radius < sphere[3]) return op == NEAR ? SURE : NO;
    return PERHAPS;
}

static inline bool edge_near_cell(const double *a, const double *b, const Cell *cell) {
    if (fmax(a[1], b[1]) < cell->south - PAD || fmin(a[1], b[1]) > cell->south + CELL + PAD) return false;
    for (int turn = -360; turn <= 360; turn += 360)
        if (fmax(a[0], b[0]) >= cell->west + turn - PAD && fmin(a[0], b[0]) <= cell->west + turn + CELL + PAD) return true;
    return false;
}

static inline int rings_in_cell(int32_t op, const int32_t *words, const Facts *facts, const Cell *cell) {
    const int32_t *points = words + 1 + words[0];
    double a[2], b[2];
    if (!facts->has_spot) return NO;
    for (int32_t r = 0; r < words[0]; r++) {
        memcpy(b, points, sizeof b);
        for (int32_t i = 1; i < words[1 + r]; i++) {
            memcpy(a, b, sizeof b);
            memcpy(b, points + 4 * (size_t) i, sizeof b);
            if (edge_near_cell(a, b, cell)) return PERHAPS;
        }
        points += 4 * (size_t) words[1 + r];
    }
    return rings_at(op, words, cell->spot);
}

static inline int judge_place(const int32_t *at, const int32_t *end, const Facts *facts, const Cell *cell, bool *partial) {
    int verdict = SURE;
    for (; at < end; at += 1 + head_count(at[0])) {
        int32_t op = head_op(at[0]);
        int part;
        if (cell && (op == NEAR || op == FAR)) part = ball_in_cell(op, at + 1, facts, cell);
        else if (cell && (op == INSIDE || op == OUTSIDE)) part = rings_in_cell(op, at + 1, facts, cell);
        else part = judge(at[0], at + 1, facts, NULL);
        if (part == NO) return NO;
        if (part == PERHAPS && cell) *partial = true;
        else if (part == PERHAPS) verdict = PERHAPS;
    }
    return verdict;
}

/* --- the clauses ------------------------------------------------------------------------------------------------- */

static inline void consider(
    const View *view, const Facts *facts, const Cell *cell, bool by_key, const int32_t *clause, const int32_t *end,
    const int32_t *windows, Candidates *found
) {
    const int32_t *live, *place = place_parts(clause, by_key, &live);
    bool partial = false;
    if (!in_days(clause, facts->numbers[DAY])) return;
    int verdict = judge_place(place, live, facts, cell, &partial);
    if (verdict == NO || is_dead(view, clause[0])) return;
    if (found->count == found->room) {
        int64_t room = found->room ? 2 * found->room : 512;
        Candidate *larger = realloc(found->items, (size_t) room * sizeof *larger);
        if (!larger) {
            found->full = true;
            return;
        }
        found->items = larger;
        found->room = room;
    }
    found->items[found->count++] =
        (Candidate) {order_of(view, clause[0]), clause, end, windows, verdict == PERHAPS, partial};
}

/* Questions read the heads while clauses are added: a node is whole before its head names it. */
static inline void set_head(int32_t *head, int32_t node) { __atomic_store_n(head, node, __ATOMIC_RELEASE); }

static inline int32_t overlay_head(const Overlay *overlay, uint64_t key) {
    if (!overlay->key_room) return -1;
    uint64_t mask = (uint64_t) overlay->key_room - 1, at = mixed(key) & mask;
    while (overlay->keys[at] != key) {
        if (overlay->keys[at] == UINT64_MAX) return -1;
        at = (at + 1) & mask;
    }
    return __atomic_load_n(overlay->heads + at, __ATOMIC_ACQUIRE);
}

/* The clauses under a key; when `since` is not negative, only the added ones from that number on. */
static inline void gather_key(
    const View *view, const Facts *facts, const Cell *cell, uint64_t key, int64_t since, Candidates *found
) {
    const Index *index = view->index;
    const Slot *slot = since >= 0 ? NULL : find_slot(index, key);
    int kind = (int) (key >> 56);
    bool by_key = kind == BY_STORE || kind == BY_REGION;
    const int32_t *end;
    for (uint32_t i = 0; slot && i < slot->count; i++) {
        const uint32_t *posting = index->postings + slot->start + i;
        if (i + 16 < slot->count) __builtin_prefetch(index->starts + posting[16]);
        if (i + 8 < slot->count) __builtin_prefetch(index->words + index->starts[posting[8]]);
        const int32_t *clause = clause_at(index, posting[0], &end);
        consider(view, facts, cell, by_key, clause, end, index->windows, found);
    }
    for (int32_t at = overlay_head(&view->overlay, key); at >= 0; at = view->overlay.nodes[at].next) {
        uint32_t clause = view->overlay.nodes[at].clause;
        if ((int64_t) clause < since) break;
        if (clause >= view->overlay.clauses) continue;
        consider(view, facts, cell, by_key, view->overlay.words + view->overlay.starts[clause],
                 view->overlay.words + view->overlay.starts[clause + 1], NULL, found);
    }
}

static inline void gather_cells(
    const View *view, const Facts *facts, const Cell *cell, int kind, int64_t levels, int64_t x, int64_t y, int64_t since,
    Candidates *found
) {
    for (int level = 0; level < LEVELS; level++)
        if (levels >> level & 1) gather_key(view, facts, cell, cell_key(kind, level, x >> level, y >> level), since, found);
}

static inline void gather_set(
    const View *view, const Facts *facts, const Cell *cell, int family, int kind, int64_t since, Candidates *found
) {
    if (!facts->known[family]) return;
    for (int32_t i = facts->starts[family]; i < facts->starts[family + 1]; i++)
        gather_key(view, facts, cell, make_key(kind, (uint32_t) facts->values[i]), since, found);
}

static inline bool goes_before(const Candidate *one, const Candidate *other) {
    return one->order != other->order ? one->order < other->order : one->clause < other->clause;
}

static inline void merge_runs(Candidate *from, int64_t left, int64_t middle, int64_t right, Candidate *to) {
    int64_t a = left, b = middle;
    for (int64_t i = left; i < right; i++)
        to[i] = b >= right || (a < middle && !goes_before(from + b, from + a)) ? from[a++] : from[b++];
}

/* In order, each clause once. Posting lists come in order, so few runs are merged. */
static inline bool sort_candidates(Candidates *found) {
    int64_t n = found->count, kept = 0;
    Candidate *from = found->items, *to = malloc((size_t) (n + 1) * sizeof *to), *spare = to;
    int64_t *run = malloc((size_t) (n + 2) * sizeof *run), runs = 0;
    if (!to || !run) {
        free(to);
        free(run);
        return false;
    }
    for (int64_t i = 0; i < n; i++)
        if (!i || goes_before(from + i, from + i - 1)) run[runs++] = i;
    run[runs] = n;
    while (runs > 1) {
        int64_t merged = 0;
        for (int64_t r = 0; r < runs; r += 2) {
            int64_t middle = run[r + 1], right = r + 2 <= runs ? run[r + 2] : n;
            if (r + 1 == runs) middle = right = n;
            merge_runs(from, run[r], middle, right, to);
            run[merged++] = run[r];
        }
        run[merged] = n;
        runs = merged;
        Candidate *swap = from;
        from = to;
        to = swap;
    }
    for (int64_t i = 0; i < n; i++)
        if (!i || from[i].clause != from[i - 1].clause) found->items[kept++] = from[i];
    found->count = kept;
    free(spare);
    free(run);
    return true;
}

/* All clauses that can hold at the event's place and day, in order. Those found by their values come only when asked. */
static inline bool gather(
    const View *view, const Facts *facts, const Cell *cell, int64_t since, bool valued, Candidates *found
) {
    double longitude, latitude;
    int64_t x, y;
    gather_key(view, facts, cell, make_key(BY_NOTHING, 0), since, found);
    if (valued) gather_key(view, facts, cell, make_key(BY_ANY_VALUE, 0), since, found);
    gather_set(view, facts, cell, STORE, BY_STORE, since, found);
    gather_set(view, facts, cell, REGION, BY_REGION, since, found);
    if (facts->has_point) {
        spot_of(facts->point, &longitude, &latitude);
        grid_position(longitude, latitude, &x, &y);
        gather_cells(view, facts, cell, BY_BALL_CELL, view->index->meta.ball_levels | view->overlay.ball_levels, x, y, since, found);
    }
    if (facts->has_spot) {
        grid_position(facts->spot[0], facts->spot[1], &x, &y);
        gather_cells(view, facts, cell, BY_RING_CELL, view->index->meta.ring_levels | view->overlay.ring_levels, x, y, since, found);
    }
    return !found->full && sort_candidates(found);
}

#endif
