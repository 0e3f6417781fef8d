/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One TCE table: the entries of a DMA window, and the notifier region through which
 * changes of them are announced. Terms: an entry is live if it maps something;
 * a window with no entries is switched off.
 *
 * Entries are raw 64-bit words in a private memory, little-endian, entry i at 8·i,
 * where the checker watches them. The memory stays the same for the table's life.
 * Source: reference on PAPR TCE, sections 3, 6 and 7.
 */
#ifndef IOMMUSIM_IOMMU_PAPR_TABLE_H
#define IOMMUSIM_IOMMU_PAPR_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/mem.h"
#include "notify/notify.h"
#include "util/rangemap.h"

/* Windows of this many entries and more do not exist. */
#define PAPR_ENTRIES_MAX (UINT64_C(1) << 32)

struct papr_table {
    uint64_t liobn;
    uint64_t base;               /* bus address of entry 0 */
    uint64_t entries;            /* 0: switched off, and then base and page_lg2 are 0 */
    unsigned page_lg2;           /* IOMMU page size */
    bool lone_map;               /* one event for every write, by the new value alone */
    struct notify_region region; /* while switched on */

    /* Private. */
    struct env *env;
    const char *name;
    struct mem *tces;
    uint64_t live;           /* entries that map something */
    struct rangemap touched; /* the pages of `tces` that may hold something but zeros */
    uint64_t touched_last;   /* one of them, or UINT64_MAX */
};

/* A table that is switched off. `name` is borrowed, for the region. */
void papr_table_init(struct papr_table *t, uint64_t liobn, const char *name,
                     struct env *env, bool lone_map);
void papr_table_fini(struct papr_table *t);

/*
 * Switch an empty window on: base is a multiple of the page size, and
 * 0 < entries < PAPR_ENTRIES_MAX.
 */
void papr_table_enable(struct papr_table *t, uint64_t base, unsigned page_lg2,
                       uint64_t entries);
/* Switch it off. It is empty and nobody is registered any more. */
void papr_table_disable(struct papr_table *t);

/* The last bus address of a window that is switched on. */
static inline uint64_t
papr_table_last(const struct papr_table *t)
{
    return t->base + t->region.last;
}

/*
 * The entry of a bus address in *index; false if it lies outside the window. As
 * the hypervisor computes it, without a test for addresses below the base.
 */
static inline bool
papr_table_index(const struct papr_table *t, uint64_t ioba, uint64_t *index)
{
    *index = (align_down(ioba, t->page_lg2) - t->base) >> t->page_lg2;
    return *index < t->entries;
}

uint64_t papr_table_get(const struct papr_table *t, uint64_t index);

/* Store an entry and announce it, before this returns. */
void papr_table_put(struct papr_table *t, uint64_t index, uint64_t tce);

/*
 * Put the same entry `count` times from `index` on, ascending, all inside the
 * window. Where clearing what is clear is not announced it costs nothing.
 */
void papr_table_fill(struct papr_table *t, uint64_t index, uint64_t count, uint64_t tce);

/* The first live entry at or after *index; its cost follows the live entries. */
bool papr_table_next_live(struct papr_table *t, uint64_t *index);

/* Announce an UNMAP of each live entry, ascending; the entries stay. */
void papr_table_revoke(struct papr_table *t, enum notify_cause cause);

/* Every entry becomes 0; nothing is announced. */
void papr_table_clear(struct papr_table *t);

#endif
