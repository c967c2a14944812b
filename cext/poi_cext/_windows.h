/* Weekly windows: spans of minutes of the week. Those of the index lie once in a pool, with the hours they touch. */
#ifndef POI_WINDOWS_H
#define POI_WINDOWS_H

#include "_index.h"

typedef struct {
    int32_t *pool;
    int64_t used, room;
    uint32_t *slots;     /* offset + 1 by hash */
    int64_t mask, count;
} Windows;

static inline bool proper_window(const int32_t *spans, int32_t count) {
    int32_t before = -1;
    for (int32_t i = 0; i < count; i += 2) {
        if (spans[i] <= before || spans[i + 1] < spans[i] || spans[i + 1] >= 7 * DAY_MINUTES) return false;
        before = spans[i + 1];
    }
    return true;
}

/* The hours of a weekday that the spans touch, and those they fill. */
static inline void window_hours(const int32_t *spans, int32_t count, int32_t weekday, uint32_t *touched, uint32_t *filled) {
    *touched = *filled = 0;
    for (int32_t i = 0; i < count; i += 2) {
        int32_t first = spans[i] - weekday * DAY_MINUTES, last = spans[i + 1] - weekday * DAY_MINUTES;
        if (last < 0 || first >= DAY_MINUTES) continue;
        first = first < 0 ? 0 : first;
        last = last >= DAY_MINUTES ? DAY_MINUTES - 1 : last;
        for (int32_t hour = first / 60; hour <= last / 60; hour++) {
            *touched |= 1u << hour;
            if (first <= hour * 60 && last >= hour * 60 + 59) *filled |= 1u << hour;
        }
    }
}

static inline bool windows_grow(Windows *windows) {
    int64_t room = windows->mask ? 2 * (windows->mask + 1) : 1024;
    uint32_t *larger = calloc((size_t) room, sizeof *larger);
    if (!larger) return false;
    for (int64_t i = 0; windows->slots && i <= windows->mask; i++) {
        if (!windows->slots[i]) continue;
        const int32_t *entry = windows->pool + windows->slots[i] - 1;
        uint64_t hash = 1469598103934665603ULL;
        for (int32_t k = 0; k < entry[0]; k++) hash = (hash ^ (uint32_t) entry[15 + k]) * 1099511628211ULL;
        uint64_t at = mixed(hash) & (uint64_t) (room - 1);
        while (larger[at]) at = (at + 1) & (uint64_t) (room - 1);
        larger[at] = windows->slots[i];
    }
    free(windows->slots);
    windows->slots = larger;
    windows->mask = room - 1;
    return true;
}

/* Where in the pool the window is; -1 when memory ran out. */
static inline int64_t window_at(Windows *windows, const int32_t *spans, int32_t count) {
    if (2 * windows->count >= windows->mask && !windows_grow(windows)) return -1;
    uint64_t hash = 1469598103934665603ULL;
    for (int32_t k = 0; k < count; k++) hash = (hash ^ (uint32_t) spans[k]) * 1099511628211ULL;
    uint64_t at = mixed(hash) & (uint64_t) windows->mask;
    for (; windows->slots[at]; at = (at + 1) & (uint64_t) windows->mask) {
        const int32_t *entry = windows->pool + windows->slots[at] - 1;
        if (entry[0] == count && !memcmp(entry + 15, spans, (size_t) count * sizeof *spans)) return windows->slots[at] - 1;
    }
    if (windows->used + 15 + count > windows->room) {
        int64_t room = 2 * windows->room + 4096 + count;
        int32_t *larger = realloc(windows->pool, (size_t) room * sizeof *larger);
        if (!larger) return -1;
        windows->pool = larger;
        windows->room = room;
    }
    int32_t *entry = windows->pool + windows->used;
    entry[0] = count;
    for (int32_t weekday = 0; weekday < 7; weekday++)
        window_hours(spans, count, weekday, (uint32_t *) entry + 1 + weekday, (uint32_t *) entry + 8 + weekday);
    memcpy(entry + 15, spans, (size_t) count * sizeof *spans);
    windows->slots[at] = (uint32_t) windows->used + 1;
    windows->used += 15 + count;
    windows->count++;
    return windows->used - 15 - count;
}

/* Put the clause's windows into the pool; gives its new length, -1 when memory ran out. */
static inline int64_t share_windows(int32_t *clause, int64_t length, Windows *windows) {
    const int32_t *live, *end = clause + length;
    place_parts(clause, false, &live);
    int32_t *to = clause + (live - clause);
    for (const int32_t *at = live; at < end;) {
        int32_t head = at[0], count = head_count(head);
        if (head_op(head) == UNION && head_subject(head) == MINUTE && count && proper_window(at + 1, count)) {
            int64_t where = window_at(windows, at + 1, count);
            if (where < 0 || where > HIGHEST) return -1;
            to[0] = part_head(WINDOW, MINUTE, 1);
            to[1] = (int32_t) where;
            to += 2;
        } else {
            memmove(to, at, (size_t) (1 + count) * sizeof *to);
            to += 1 + count;
        }
        at += 1 + count;
    }
    return to - clause;
}

#endif
