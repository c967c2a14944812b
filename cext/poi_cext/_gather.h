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

enum { BATCH = 128, KEYS = 64, WORDS_A_LINE = 16, LINES_AHEAD = 8 };

typedef struct {   /* what is looked for, and what waits until its memory has come */
    const View *view;
    const Facts *facts;
    const Cell *cell;   /* NULL: the event's own place */
    int64_t since;      /* when not negative, only clauses added from that number on */
    Candidates *found;
    uint64_t keys[KEYS];
    uint32_t posted[BATCH];
    bool by_key[BATCH];
    int32_t key_count, posted_count;
} Search;

static inline bool day_allows(const int32_t *live, const int32_t *end, const Facts *facts, const int32_t *windows) {
    for (const int32_t *at = live; at < end; at += 1 + head_count(at[0]))
        if (op_of_the_day(head_op(at[0]), head_subject(at[0])) && judge(at[0], at + 1, facts, windows) == NO) return false;
    return true;
}

static inline bool make_room(Candidates *found) {
    if (found->count < found->room) return true;
    int64_t room = found->room ? 2 * found->room : 512;
    Candidate *larger = realloc(found->items, (size_t) room * sizeof *larger);
    if (!larger) {
        found->full = true;
        return false;
    }
    found->items = larger;
    found->room = room;
    return true;
}

/* Keep the clause unless the place or the day rules it out; its first and last day were looked at. */
static inline void consider(
    const Search *search, bool by_key, const int32_t *clause, const int32_t *end, const int32_t *windows
) {
    const int32_t *live, *place = place_parts(clause, by_key, &live);
    Candidates *found = search->found;
    bool partial = false;
    int verdict = judge_place(place, live, search->facts, search->cell, &partial);
    if (verdict == NO || !day_allows(live, end, search->facts, windows) || is_dead(search->view, clause[0])) return;
    if (!make_room(found)) return;
    int64_t order = order_of(search->view, clause[0]);
    found->items[found->count++] = (Candidate) {order, clause, end, windows, verdict == PERHAPS, partial};
}

/* Clauses lie far apart: ask memory for all of a batch at once, for their heads first and for the rest of those whose
 * days include this one. */
static inline void read_posted(Search *search) {
    const Index *index = search->view->index;
    const int32_t *clauses[BATCH], *ends[BATCH];
    int32_t kept = 0, count = search->posted_count;
    for (int32_t i = 0; i < count; i++) {
        clauses[i] = clause_at(index, search->posted[i], ends + i);
        __builtin_prefetch(clauses[i]);
    }
    for (int32_t i = 0; i < count; i++) {
        if (!in_days(clauses[i], search->facts->numbers[DAY])) continue;
        clauses[kept] = clauses[i];
        ends[kept] = ends[i];
        search->by_key[kept] = search->by_key[i];
        for (int32_t line = 1; line < LINES_AHEAD && ends[i] - clauses[i] > line * WORDS_A_LINE; line++)
            __builtin_prefetch(clauses[i] + line * WORDS_A_LINE);
        kept++;
    }
    for (int32_t i = 0; i < kept; i++) consider(search, search->by_key[i], clauses[i], ends[i], index->windows);
    search->posted_count = 0;
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

static inline bool is_by_key(uint64_t key) { return key >> 56 == BY_STORE || key >> 56 == BY_REGION; }

static inline void read_added(const Search *search, uint64_t key) {
    const Overlay *overlay = &search->view->overlay;
    for (int32_t at = overlay_head(overlay, key); at >= 0; at = overlay->nodes[at].next) {
        uint32_t number = overlay->nodes[at].clause;
        if ((int64_t) number < search->since) break;
        if (number >= overlay->clauses) continue;
        const int32_t *clause = overlay->words + overlay->starts[number];
        if (!in_days(clause, search->facts->numbers[DAY])) continue;
        consider(search, is_by_key(key), clause, overlay->words + overlay->starts[number + 1], NULL);
    }
}

/* The clauses under the keys that wait. */
static inline void read_keys(Search *search) {
    const Index *index = search->view->index;
    const Slot *slots[KEYS];
    for (int32_t k = 0; k < search->key_count; k++) {
        slots[k] = search->since >= 0 ? NULL : find_slot(index, search->keys[k]);
        if (slots[k]) __builtin_prefetch(index->postings + slots[k]->start);
    }
    for (int32_t k = 0; k < search->key_count; k++) {
        for (uint32_t i = 0; slots[k] && i < slots[k]->count; i++) {
            uint32_t clause = index->postings[slots[k]->start + i];
            __builtin_prefetch(index->starts + clause);
            search->by_key[search->posted_count] = is_by_key(search->keys[k]);
            search->posted[search->posted_count++] = clause;
            if (search->posted_count == BATCH) read_posted(search);
        }
        if (search->view->overlay.clauses) read_added(search, search->keys[k]);
    }
    search->key_count = 0;
}

static inline void look_up(Search *search, uint64_t key) {
    const Index *index = search->view->index;
    if (search->since < 0 && index->meta.slots) __builtin_prefetch(index->slots + first_slot(key, index->meta.slots));
    search->keys[search->key_count++] = key;
    if (search->key_count == KEYS) read_keys(search);
}

static inline void look_up_cells(Search *search, int kind, int64_t levels, double longitude, double latitude) {
    int64_t x, y;
    grid_position(longitude, latitude, &x, &y);
    for (int level = 0; level < LEVELS; level++)
        if (levels >> level & 1) look_up(search, cell_key(kind, level, x >> level, y >> level));
}

static inline void look_up_set(Search *search, int family, int kind) {
    const Facts *facts = search->facts;
    if (!facts->known[family]) return;
    for (int32_t i = facts->starts[family]; i < facts->starts[family + 1]; i++)
        look_up(search, make_key(kind, (uint32_t) facts->values[i]));
}

/* --- in order ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t order;
    const int32_t *clause;
    int64_t at;
} Rank;

static inline bool goes_before(const Rank *one, const Rank *other) {
    return (one->order < other->order) | ((one->order == other->order) & (one->clause < other->clause));
}

/* Without a branch on who goes first, which nobody could foresee. */
static inline void merge_runs(const Rank *from, int64_t left, int64_t middle, int64_t right, Rank *to) {
    int64_t a = left, b = middle, i = left;
    while (a < middle && b < right) {
        bool second = goes_before(from + b, from + a);
        to[i++] = from[second ? b : a];
        b += second;
        a += !second;
    }
    memcpy(to + i, from + (a < middle ? a : b), (size_t) (right - i) * sizeof *to);
}

/* Sort, with room for as many in `spare`; posting lists come in order, so few runs are merged. Gives where they are. */
static inline Rank *sort_ranks(Rank *from, Rank *spare, int64_t *run, int64_t n) {
    int64_t runs = 0;
    for (int64_t i = 0; i < n; i++)
        if (!i || goes_before(from + i, from + i - 1)) run[runs++] = i;
    run[runs] = n;
    while (runs > 1) {
        int64_t merged = 0;
        for (int64_t r = 0; r < runs; r += 2) {
            int64_t middle = run[r + 1], right = r + 2 <= runs ? run[r + 2] : n;
            merge_runs(from, run[r], middle, right, spare);
            run[merged++] = run[r];
        }
        run[merged] = n;
        runs = merged;
        Rank *swap = from;
        from = spare;
        spare = swap;
    }
    return from;
}

/* In order, each clause once. */
static inline bool sort_candidates(Candidates *found) {
    int64_t n = found->count, kept = 0;
    Candidate *sorted = malloc((size_t) (n + 1) * sizeof *sorted);
    Rank *ranks = malloc((size_t) (2 * n + 1) * sizeof *ranks);
    int64_t *run = malloc((size_t) (n + 2) * sizeof *run);
    if (sorted && ranks && run) {
        for (int64_t i = 0; i < n; i++) ranks[i] = (Rank) {found->items[i].order, found->items[i].clause, i};
        const Rank *rank = sort_ranks(ranks, ranks + n, run, n);
        for (int64_t i = 0; i < n; i++)
            if (!i || rank[i].clause != rank[i - 1].clause) sorted[kept++] = found->items[rank[i].at];
        free(found->items);
        *found = (Candidates) {sorted, kept, n + 1, false};
        sorted = NULL;
    } else {
        found->full = true;
    }
    free(sorted);
    free(ranks);
    free(run);
    return !found->full;
}

/* All clauses that can hold at the event's place and day, in order. Those found by their values come only when asked. */
static inline bool gather(
    const View *view, const Facts *facts, const Cell *cell, int64_t since, bool valued, Candidates *found
) {
    Search search;
    double longitude, latitude;
    search.view = view;
    search.facts = facts;
    search.cell = cell;
    search.since = since;
    search.found = found;
    search.key_count = search.posted_count = 0;
    look_up(&search, make_key(BY_NOTHING, 0));
    if (valued) look_up(&search, make_key(BY_ANY_VALUE, 0));
    look_up_set(&search, STORE, BY_STORE);
    look_up_set(&search, REGION, BY_REGION);
    if (facts->has_point) {
        spot_of(facts->point, &longitude, &latitude);
        look_up_cells(&search, BY_BALL_CELL, view->index->meta.ball_levels | view->overlay.ball_levels, longitude, latitude);
    }
    if (facts->has_spot)
        look_up_cells(&search, BY_RING_CELL, view->index->meta.ring_levels | view->overlay.ring_levels, facts->spot[0], facts->spot[1]);
    read_keys(&search);
    read_posted(&search);
    return !found->full && sort_candidates(found);
}

#endif
