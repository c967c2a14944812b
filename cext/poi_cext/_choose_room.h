/* What a search for the best combination keeps: facts about the offers, and the sets looked at before. */
#ifndef POI_CHOOSE_ROOM_H
#define POI_CHOOSE_ROOM_H

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
    int64_t *reach, *beside, *alone, *units, *each, *group_worth;
    int32_t *reach_count, *sorted;
    Mask unit_masks[KEPT_UNITS], held_masks[KEPT_UNITS], *group_masks;
    Mask simple, *rivals, *line_takers; /* simple: contested, but nothing else keeps them out; by offer; by line */
    Mask worth_masks[FRAMES];           /* combinations priced exactly */
    Worth worths[FRAMES];
    int worth_used[FRAMES];
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
    b->sorted = TAKE(arena, int32_t, p->offers);
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

#endif
