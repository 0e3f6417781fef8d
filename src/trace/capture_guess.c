/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See capture_guess.h. */
#include "trace/capture_guess.h"

#include "trace/capture_reader.h"

#define FAR_BASE (UINT64_C(1) << 59) /* of windows beside the default one */
#define NEAR_END (UINT64_C(1) << 32) /* what begins at 0 is used from its start on */

/* The page sizes that are usually offered, largest first. */
static const unsigned sizes_lg2[] = { 24, 21, 16, 12 };
enum { N_SIZES = sizeof(sizes_lg2) / sizeof(sizes_lg2[0]) };

struct clues {
    bool any;
    uint64_t bits;         /* of all addresses and pages, together */
    uint64_t first;        /* the lowest address */
    uint64_t end[N_SIZES]; /* one past the highest, were the page so large */
    uint64_t reach;    /* one past the highest byte that a device used, in the window */
    unsigned page_lg2; /* as translations told; 0: none did */
};

/* n entries from `first` on, or (below: they are its last) up to `end`. */
static void
note_entries(struct clues *k, uint64_t address, uint64_t n, bool below, uint64_t tce)
{
    k->bits |= address | ((tce & PERM_RW) != 0 ? tce & ~(uint64_t)(PAGE_BYTES - 1) : 0);
    for (unsigned i = 0; i < N_SIZES; i++) {
        const uint64_t end = below ? address : address + (n << sizes_lg2[i]);
        k->end[i] = end > k->end[i] ? end : k->end[i];
    }
    const uint64_t lowest = below ? address - 1 : address;

    k->first = !k->any || lowest < k->first ? lowest : k->first;
    k->any = true;
}

static void
note_translation(struct clues *k, const struct capture_line *l)
{
    if ((l->n[3] & PERM_RW) == 0 || l->n[4] == UINT64_MAX) {
        return;
    }
    if (k->page_lg2 == 0) { /* the last line of a log may be cut in its mask */
        k->page_lg2 = (unsigned)__builtin_ctzll(~l->n[4] & ~(uint64_t)(PAGE_BYTES - 1));
    }
    k->reach = (l->n[1] | l->n[4]) + 1 > k->reach ? (l->n[1] | l->n[4]) + 1 : k->reach;
}

/* False: the window goes here. */
static bool
note_line(struct clues *k, const struct capture_line *l, uint64_t liobn)
{
    switch (l->event) {
    case CAPTURE_EV_PUT:
        if (l->n[0] == liobn && l->n[3] == 0) {
            note_entries(k, l->n[1], 1, false, l->n[2]);
        }
        return true;
    case CAPTURE_EV_GET:
        if (l->n[0] == liobn && l->n[2] == 0) {
            note_entries(k, l->n[1], 1, false, l->n[3]);
        }
        return true;
    case CAPTURE_EV_STUFF:
        if (l->n[0] == liobn && l->n[4] == 0 && l->n[3] > 0) {
            note_entries(k, l->n[1], l->n[3], true, l->n[2]);
        }
        return true;
    case CAPTURE_EV_INDIRECT:
        if (l->n[0] == liobn && l->n[5] == 0) {
            note_entries(k, l->n[1], l->n[3] + 1, false, l->n[4]);
        }
        return true;
    case CAPTURE_EV_XLATE:
        if (l->n[0] == liobn) {
            note_translation(k, l);
        }
        return true;
    case CAPTURE_EV_NEW_TABLE:
        return l->n[0] >> 8 != liobn >> 8;
    case CAPTURE_EV_CREATE:
        return l->n[5] != liobn;
    case CAPTURE_EV_REMOVE:
        return l->n[0] != liobn;
    case CAPTURE_EV_RESET:
    case CAPTURE_EV_POST_LOAD:
        return false;
    case CAPTURE_EV_QUERY:
    case CAPTURE_EV_REG_CRQ:
    case CAPTURE_EV_FREE_CRQ:
    case CAPTURE_EV_START:
    case CAPTURE_EV_STOP:
        break;
    }
    return true;
}

static unsigned
page_of(const struct clues *k)
{
    if (k->page_lg2 != 0) {
        return k->page_lg2;
    }
    for (unsigned i = 0; k->bits != 0 && i < N_SIZES; i++) {
        if (align_down(k->bits, sizes_lg2[i]) == k->bits) {
            return sizes_lg2[i];
        }
    }
    return k->bits != 0 ? PAGE_LG2 : 16;
}

static uint64_t
end_of(const struct clues *k, unsigned page_lg2)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < N_SIZES; i++) {
        if (sizes_lg2[i] >= page_lg2) { /* the smallest that is no less */
            end = k->end[i];
        }
    }
    return end;
}

struct capture_geometry
capture_guess_window(const char *path, uint32_t line, uint64_t liobn)
{
    struct capture_geometry g = { .state = CAPTURE_WINDOW_DYNAMIC };
    struct clues k = { .any = false };
    struct capture_reader r;
    struct capture_line l;

    if (capture_reader_init(&r, path, NULL)) {
        while (capture_reader_take(&r, &l) &&
               (l.line < line || note_line(&k, &l, liobn))) {
        }
        capture_reader_fini(&r);
    }
    g.page_lg2 = page_of(&k);
    if (!k.any) {
        g.base = FAR_BASE;
    } else if (k.first >= NEAR_END) {
        g.base = UINT64_C(1) << (63 - __builtin_clzll(k.first));
    }
    const uint64_t end = end_of(&k, g.page_lg2);
    uint64_t size = end > g.base ? end - g.base : 0;

    size = size > k.reach ? size : k.reach;
    g.entries = 1;
    while (g.entries << g.page_lg2 < size && g.entries < UINT64_C(1)
                                                             << (62 - g.page_lg2)) {
        g.entries *= 2;
    }
    return g;
}
