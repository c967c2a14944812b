/* The grid: where on the earth a clause's shape can lie, as keys of a few cells. WGS 84 degrees.
 *
 * Level k has cells of 0.01 * 2^k degrees. A shape is posted at the level where it spans at most SPAN + 1 cells a side. */
#ifndef POI_GRID_H
#define POI_GRID_H

#include "_program.h"

enum { LEVELS = 14, SPAN = 3, MAX_CELLS = (SPAN + 1) * (SPAN + 1), COARSE = 7, COARSE_COLUMNS = 282, COARSE_CELLS = 141 * 282 };
#define CELL 0.01
#define PAD 1e-6
#define TOWN 0.1  /* square degrees in which the places of a coarse cell are taken to lie */
#define DEGREE 0.017453292519943295

typedef struct {
    double west, east, south, north;  /* west in -180..180, east may lie beyond 180 */
} Box;

static inline double cell_size(int level) { return CELL * (double) (1 << level); }
static inline int64_t grid_columns(int level) { return (int64_t) ceil(360.0 / cell_size(level)); }

static inline double turned(double longitude) {
    double x = fmod(longitude + 180.0, 360.0);
    return (x < 0 ? x + 360.0 : x) - 180.0;
}

static inline uint64_t cell_key(int kind, int level, int64_t x, int64_t y) {
    return (uint64_t) kind << 56 | (uint64_t) level << 48 | (uint64_t) (y & 0xffffff) << 24 | (uint64_t) (x & 0xffffff);
}

static inline void spot_of(const double *point, double *longitude, double *latitude) {
    *longitude = atan2(point[1], point[0]) / DEGREE;
    *latitude = atan2(point[2], sqrt(point[0] * point[0] + point[1] * point[1])) / DEGREE;
}

/* The box around a ball on the unit sphere; false when it is the whole earth or nothing sensible. */
static inline bool ball_box(const int32_t *words, Box *box) {
    double sphere[4], longitude, latitude;
    memcpy(sphere, words, sizeof sphere);
    if (!(sphere[3] >= 0) || sphere[3] >= 1.9) return false;
    double length = sqrt(sphere[0] * sphere[0] + sphere[1] * sphere[1] + sphere[2] * sphere[2]);
    if (!(length > 0.999 && length < 1.001)) return false;
    spot_of(sphere, &longitude, &latitude);
    double angle = 2 * asin(sphere[3] / 2), degrees = angle / DEGREE + PAD;
    box->south = latitude - degrees;
    box->north = latitude + degrees;
    if (box->south <= -90 || box->north >= 90) {
        box->west = -180;
        box->east = 180;
    } else {
        double ratio = sin(angle + PAD * DEGREE) / cos(latitude * DEGREE);
        double wide = ratio >= 1 ? 180 : asin(ratio) / DEGREE + PAD;
        box->west = turned(longitude - wide);
        box->east = wide >= 180 ? box->west + 360 : box->west + 2 * wide;
    }
    return true;
}

/* The box around the first of some rings. */
static inline bool ring_box(const int32_t *words, Box *box) {
    const int32_t *points = words + 1 + words[0];
    double corner[2], west = INFINITY, east = -INFINITY, south = INFINITY, north = -INFINITY;
    for (int32_t i = 0; i < words[1]; i++) {
        memcpy(corner, points + 4 * (size_t) i, sizeof corner);
        west = corner[0] < west ? corner[0] : west;
        east = corner[0] > east ? corner[0] : east;
        south = corner[1] < south ? corner[1] : south;
        north = corner[1] > north ? corner[1] : north;
    }
    if (!(fabs(west) < 1e4 && fabs(east) < 1e4 && fabs(south) < 1e4 && fabs(north) < 1e4)) return false;
    box->west = turned(west - PAD);
    box->east = box->west + (east - west) + 2 * PAD;
    box->south = south - PAD;
    box->north = north + PAD;
    return true;
}

/* How often, of all shapes, one lies in the coarse cell of the box: what an event's chance to be there is taken for. */
static inline int64_t coarse_cell(const Box *box) {
    double y = (box->south + box->north) / 2 + 90, x = turned((box->west + box->east) / 2) + 180;
    int64_t column = (int64_t) (x / cell_size(COARSE)), row = (int64_t) (y / cell_size(COARSE));
    row = row < 0 ? 0 : row > 140 ? 140 : row;
    column = column < 0 ? 0 : column >= COARSE_COLUMNS ? COARSE_COLUMNS - 1 : column;
    return row * COARSE_COLUMNS + column;
}

static inline double area_odds(const Box *box, const uint32_t *areas, int64_t shapes) {
    double area = (box->east - box->west) * (box->north - box->south);
    double coarse = cell_size(COARSE) * cell_size(COARSE);
    if (!shapes || area > coarse) return area < 1000 ? 0.5 : 0.99;
    double share = (double) areas[coarse_cell(box)] / (double) shapes;
    return share * fmin(1, 0.02 + area / TOWN);
}

/* The keys of the cells that the box touches, at the level that fits; 0 when it is too large for any. */
static inline int32_t box_cells(const Box *box, int kind, uint64_t *keys) {
    for (int level = 0; level < LEVELS; level++) {
        double size = cell_size(level);
        int64_t south = (int64_t) floor((box->south + 90) / size), north = (int64_t) floor((box->north + 90) / size);
        double west = turned(box->west) + 180, east = west + (box->east - box->west);
        int64_t columns = grid_columns(level), first = (int64_t) floor(west / size), last;
        if (east - west >= 360) {
            first = 0;
            last = columns - 1;
        } else if (east >= 360) {
            last = columns + (int64_t) floor((east - 360) / size);
        } else {
            last = (int64_t) floor(east / size);
        }
        if (north - south > SPAN || last - first > SPAN) continue;
        int32_t count = 0;
        for (int64_t y = south; y <= north; y++)
            for (int64_t x = first; x <= last; x++) keys[count++] = cell_key(kind, level, x % columns, y);
        return count;
    }
    return 0;
}

#endif
