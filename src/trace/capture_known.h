/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a capture has told so far of the machine: its windows and VIO devices.
 */
#ifndef IOMMUSIM_TRACE_CAPTURE_KNOWN_H
#define IOMMUSIM_TRACE_CAPTURE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/capture.h"
#include "util/rangemap.h"

/* The numbering of QEMU's pseries machines. */
#define CAPTURE_LIOBN_PCI  UINT64_C(0x80000000)
#define CAPTURE_BUID_FIRST UINT64_C(0x800000020000000)

/* What is known of a LIOBN. */
struct known_window {
    uint64_t liobn;
    struct capture_geometry is;
    bool assumed;            /* what it held when the log began is unknown, */
    struct rangemap written; /* but for what was written since */
};

/* A VIO device that was seen, with a table or without. */
struct known_vio {
    uint64_t reg;
    uint32_t run; /* the last row of free_crq lines that named it */
};

/* Must not move: the windows point into it. */
struct capture_known {
    struct budget budget;
    struct known_window *windows;
    size_t n_windows;
    struct known_vio *vio;
    size_t n_vio;
};

void known_init(struct capture_known *k);
void known_fini(struct capture_known *k);

static inline bool
capture_is_pci(uint64_t liobn)
{
    return (liobn & CAPTURE_LIOBN_PCI) != 0;
}

/* LIOBN of window 0 of the bridge of a window. */
static inline uint64_t
capture_bridge_of(uint64_t liobn)
{
    return liobn & ~UINT64_C(0xff);
}

static inline uint64_t
capture_bridge_of_buid(uint64_t buid)
{
    return CAPTURE_LIOBN_PCI + ((buid - CAPTURE_BUID_FIRST) << 8);
}

/* NULL if it was never there. Valid until a window is set. */
struct known_window *known_window(struct capture_known *k, uint64_t liobn);

/* A window in that state, of which nothing else is known. */
struct known_window *known_set_window(struct capture_known *k, uint64_t liobn,
                                      enum capture_window state);

/* A bridge with its default window alone. */
void known_set_bridge(struct capture_known *k, uint64_t liobn);

/* A dynamic window, empty. */
void known_make_window(struct capture_known *k, uint64_t liobn, uint64_t base,
                       unsigned page_lg2, uint64_t entries);

/* The window goes; *op says so. */
void known_remove_window(struct capture_known *k, uint64_t liobn, struct capture_op *op);

/* CAPTURE_WINDOW_OFF if it was never there. */
struct capture_geometry known_geometry(struct capture_known *k, uint64_t liobn);

/* Tell the op which window its LIOBN names. */
void known_place(struct capture_known *k, struct capture_op *op);

/* Added if it is new. Valid until another is added. */
struct known_vio *known_vio_device(struct capture_known *k, uint64_t reg);
bool known_has_vio_tables(const struct capture_known *k);

#endif
