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

/*
 * From the calls that were served and the translations, from that line on until the
 * window goes: the largest of the usual page sizes that all addresses and pages are
 * multiples of, unless a translation tells it; the smallest power of two as size; the
 * base that firmware gives a window beside the default one, or 0. A window that nothing
 * is told of has one page of 64 KiB.
 */
static struct capture_geometry
guess_window(const char *path, uint32_t line, uint64_t liobn)
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

/* ---- what must have happened ---- */

/* Each makes an op, and true, if something must have happened before. */

static bool
assume_table(struct capture_known *k, uint64_t liobn, struct capture_op *op)
{
    const bool pci = capture_is_pci(liobn);
    const uint64_t table = pci ? capture_bridge_of(liobn) : liobn;

    if (known_window(k, table) != NULL || liobn >> 32 != 0 ||
        (pci && (liobn & 0xfe) != 0)) {
        return false;
    }
    known_set_window(k, table, CAPTURE_WINDOW_DEFAULT)->assumed = true;
    op->kind = pci ? CAPTURE_BRIDGE : CAPTURE_VIO;
    op->liobn = table;
    if (!pci) {
        known_vio_device(k, liobn);
    }
    return true;
}

static bool
assume_reset(struct capture_known *k, uint64_t bridge, struct capture_op *op)
{
    op->kind = CAPTURE_WINDOW_RESET;
    op->liobn = bridge;
    known_set_bridge(k, bridge);
    known_window(k, bridge)->assumed = true;
    return true;
}

/* With the default window that comes back by it. */
static bool
assume_removed(struct capture_known *k, uint64_t liobn, struct capture_op *op)
{
    known_remove_window(k, liobn, op);
    if (op->none_left && (liobn & 1) != 0) {
        op->restored = true;
        known_set_bridge(k, capture_bridge_of(liobn));
    }
    return true;
}

/*
 * What stands in the way of a window: there are two tables, the only window of a bridge
 * begins at 0, and one beside another higher up.
 */
static bool
assume_room(struct capture_known *k, uint64_t liobn, uint64_t base, struct capture_op *op)
{
    const uint64_t other = liobn ^ 1;

    if (known_geometry(k, liobn).state != CAPTURE_WINDOW_OFF) {
        return assume_removed(k, liobn, op);
    }
    if (base == 0 && known_geometry(k, other).state != CAPTURE_WINDOW_OFF) {
        return assume_removed(k, other, op);
    }
    if (base != 0 && (liobn & 1) != 0 &&
        known_geometry(k, other).state == CAPTURE_WINDOW_OFF) {
        return assume_reset(k, other, op);
    }
    return false;
}

/* A window that is used, and not there as far as the log tells. */
static bool
assume_window(struct capture_known *k, const char *path, const struct capture_line *l,
              uint64_t liobn, struct capture_op *op)
{
    if (assume_table(k, liobn, op)) {
        return true;
    }
    if (!capture_is_pci(liobn) || known_window(k, capture_bridge_of(liobn)) == NULL ||
        known_geometry(k, liobn).state != CAPTURE_WINDOW_OFF) {
        return false;
    }
    if (liobn == capture_bridge_of(liobn)) {
        return assume_reset(k, liobn, op);
    }
    const struct capture_geometry g = guess_window(path, l->line, liobn);

    if (!assume_room(k, liobn, g.base, op)) {
        known_make_window(k, liobn, g.base, g.page_lg2, g.entries);
        known_window(k, liobn)->assumed = true;
        op->kind = CAPTURE_WINDOW_CREATE;
        op->liobn = liobn;
        known_place(k, op);
    }
    return true;
}

/* One entry that is refused although its window should have it. */
static bool
assume_gone(struct capture_known *k, uint64_t liobn, uint64_t ioba, struct capture_op *op)
{
    const struct capture_geometry g = known_geometry(k, liobn);

    return g.state == CAPTURE_WINDOW_DYNAMIC && ioba >= g.base &&
           (ioba - g.base) >> g.page_lg2 < g.entries && assume_removed(k, liobn, op);
}

static bool
assume_for_call(struct capture_known *k, const char *path, const struct capture_line *l,
                int64_t ret, struct capture_op *op)
{
    const bool single = l->event == CAPTURE_EV_PUT || l->event == CAPTURE_EV_GET;

    if (ret == 0) {
        return assume_window(k, path, l, l->n[0], op);
    }
    return single && assume_gone(k, l->n[0], l->n[1], op);
}

bool
capture_assume(struct capture_known *k, const char *path, const struct capture_line *l,
               struct capture_op *op)
{
    switch (l->event) {
    case CAPTURE_EV_PUT:
        return assume_for_call(k, path, l, (int64_t)l->n[3], op);
    case CAPTURE_EV_GET:
        return assume_for_call(k, path, l, (int64_t)l->n[2], op);
    case CAPTURE_EV_STUFF:
        return assume_for_call(k, path, l, (int64_t)l->n[4], op);
    case CAPTURE_EV_INDIRECT:
        return assume_for_call(k, path, l, (int64_t)l->n[5], op);
    case CAPTURE_EV_XLATE:
        return (l->n[3] & PERM_RW) != 0 && assume_window(k, path, l, l->n[0], op);
    case CAPTURE_EV_REMOVE:
        return capture_is_pci(l->n[0]) && assume_window(k, path, l, l->n[0], op);
    case CAPTURE_EV_QUERY:
    case CAPTURE_EV_RESET:
        return assume_table(k, capture_bridge_of_buid(l->n[0]), op);
    case CAPTURE_EV_CREATE:
        return capture_is_pci(l->n[5]) &&
               (assume_table(k, l->n[5], op) || assume_room(k, l->n[5], l->n[4], op));
    case CAPTURE_EV_NEW_TABLE:
    case CAPTURE_EV_POST_LOAD:
    case CAPTURE_EV_REG_CRQ:
    case CAPTURE_EV_FREE_CRQ:
    case CAPTURE_EV_START:
    case CAPTURE_EV_STOP:
        break;
    }
    return false;
}
