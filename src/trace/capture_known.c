/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See capture_known.h. */
#include "trace/capture_known.h"

#include <stdlib.h>

#include "util/alloc.h"

void
known_init(struct capture_known *k)
{
    *k = (struct capture_known){ .budget = { .limit = UINT64_MAX } };
}

void
known_fini(struct capture_known *k)
{
    for (size_t i = 0; i < k->n_windows; i++) {
        rangemap_fini(&k->windows[i].written);
    }
    free(k->windows);
    free(k->vio);
}

uint64_t
capture_buid(uint64_t liobn)
{
    return CAPTURE_BUID_FIRST + ((liobn - CAPTURE_LIOBN_PCI) >> 8);
}

struct known_window *
known_window(struct capture_known *k, uint64_t liobn)
{
    for (size_t i = 0; i < k->n_windows; i++) {
        if (k->windows[i].liobn == liobn) {
            return &k->windows[i];
        }
    }
    return NULL;
}

struct known_window *
known_set_window(struct capture_known *k, uint64_t liobn, enum capture_window state)
{
    struct known_window *w = known_window(k, liobn);

    if (w == NULL) {
        k->windows = xrealloc(k->windows, k->n_windows + 1, sizeof(*k->windows));
        w = &k->windows[k->n_windows++];
        w->liobn = liobn;
        rangemap_init(&w->written, RANGEMAP_LINEAR, &k->budget);
    }
    w->is = (struct capture_geometry){ .state = state, .page_lg2 = PAGE_LG2 };
    w->assumed = false;
    rangemap_clear(&w->written);
    return w;
}

void
known_set_bridge(struct capture_known *k, uint64_t liobn)
{
    for (size_t i = 0; i < k->n_windows; i++) {
        if (capture_bridge_of(k->windows[i].liobn) == liobn) {
            k->windows[i].is.state = CAPTURE_WINDOW_OFF;
        }
    }
    known_set_window(k, liobn, CAPTURE_WINDOW_DEFAULT);
}

void
known_place(struct capture_known *k, struct capture_op *op)
{
    const struct known_window *w = known_window(k, op->liobn);

    op->page_lg2 = PAGE_LG2;
    if (w != NULL) {
        op->window = w->is.state;
        op->base = w->is.base;
        op->entries = w->is.entries;
        op->page_lg2 = w->is.page_lg2;
    }
}

struct known_vio *
known_vio_device(struct capture_known *k, uint64_t reg)
{
    for (size_t i = 0; i < k->n_vio; i++) {
        if (k->vio[i].reg == reg) {
            return &k->vio[i];
        }
    }
    k->vio = xrealloc(k->vio, k->n_vio + 1, sizeof(*k->vio));
    k->vio[k->n_vio] = (struct known_vio){ .reg = reg };
    return &k->vio[k->n_vio++];
}

bool
known_has_vio_tables(const struct capture_known *k)
{
    for (size_t i = 0; i < k->n_windows; i++) {
        if (!capture_is_pci(k->windows[i].liobn)) {
            return true;
        }
    }
    return false;
}

void
known_make_window(struct capture_known *k, uint64_t liobn, uint64_t base,
                  unsigned page_lg2, uint64_t entries)
{
    struct known_window *w = known_set_window(k, liobn, CAPTURE_WINDOW_DYNAMIC);

    w->is.base = base;
    w->is.page_lg2 = page_lg2;
    w->is.entries = entries;
}

struct capture_geometry
known_geometry(struct capture_known *k, uint64_t liobn)
{
    const struct known_window *w = known_window(k, liobn);

    return w != NULL ? w->is : (struct capture_geometry){ .state = CAPTURE_WINDOW_OFF };
}

void
known_remove_window(struct capture_known *k, uint64_t liobn, struct capture_op *op)
{
    op->kind = CAPTURE_WINDOW_REMOVE;
    op->liobn = liobn;
    known_place(k, op);
    known_set_window(k, liobn, CAPTURE_WINDOW_OFF);
    op->none_left = known_geometry(k, liobn ^ 1).state == CAPTURE_WINDOW_OFF;
}
