/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One TCE table: the entries of a DMA window, and the notifier region through which
 * changes of them are announced. Terms: an entry is live if it maps something;
 * a window with no entries is switched off.
 *
 * Entries are raw 64-bit words in a private memory, little-endian, entry i at 8·i,
 * where the checker watches them. The memory stays the same until a migration.
 * Source: reference on PAPR TCE, sections 3, 6 and 7.
 */
#ifndef IOMMUSIM_IOMMU_PAPR_TABLE_H
#define IOMMUSIM_IOMMU_PAPR_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "mem/mem.h"
#include "notify/notify.h"
#include "util/rangemap.h"

/* Windows of this many entries and more do not exist. */
#define PAPR_ENTRIES_MAX (UINT64_C(1) << 32)

/*
 * One replay or call may look at this many entries; more take a second and longer, in
 * which the machine stands still.
 */
#define PAPR_WORK_BUDGET (UINT64_C(1) << 24)

/* How the tables of a platform behave. */
struct papr_manners {
    bool lone_map;   /* one event for every write, by the new value alone */
    bool replay_all; /* replay looks at every entry and asks for nobody's range */
    enum papr_acceleration acceleration;
};

struct papr_table {
    uint64_t liobn;
    uint64_t base;               /* bus address of entry 0 */
    uint64_t entries;            /* 0: switched off, and then base and page_lg2 are 0 */
    unsigned page_lg2;           /* IOMMU page size */
    bool in_kernel;              /* the host kernel serves its hypercalls */
    bool is_default;             /* it is the bridge's default window */
    struct notify_region region; /* while switched on */
    uint64_t region_base;        /* bus address where devices meet it; as a rule base */

    /* The bridge's own. */
    bool was_default; /* it was the default window once */
    bool leftover;    /* an empty region hangs where the next one is to be */
    bool is_leaving;  /* devices see it no more, for good or for the moment */
    bool is_new;      /* it is being created: a replay would find nothing */

    /* Private. */
    struct papr_manners manners;
    struct env *env;
    const char *name;
    struct mem *tces;
    uint64_t live;           /* entries that map something */
    struct rangemap touched; /* the pages of `tces` that may hold something but zeros */
    uint64_t touched_last;   /* one of them, or UINT64_MAX */
};

/* A table that is switched off. `name` is borrowed, for the region. */
void papr_table_init(struct papr_table *t, uint64_t liobn, const char *name,
                     struct env *env, const struct papr_manners *manners);
void papr_table_fini(struct papr_table *t);

/*
 * Switch an empty window on: base is a multiple of the page size, and
 * 0 < entries < PAPR_ENTRIES_MAX.
 */
void papr_table_enable(struct papr_table *t, uint64_t base, unsigned page_lg2,
                       uint64_t entries);
/* Switch it off. It is empty and nobody is registered any more. */
void papr_table_disable(struct papr_table *t);

/*
 * Other geometry, as many entries, of a window that is switched on and empty; devices
 * go on seeing it where it was, as large as it was.
 */
void papr_table_reinterpret(struct papr_table *t, uint64_t base, unsigned page_lg2);

/* The last bus address at which devices see a window that is switched on. */
static inline uint64_t
papr_table_last(const struct papr_table *t)
{
    return t->region_base + t->region.last;
}

/* The entry that a device's address meets; false if it is not the window's. */
static inline bool
papr_table_met_at(const struct papr_table *t, uint64_t addr, uint64_t *index)
{
    uint64_t offset = addr - t->region_base;

    *index = offset >> t->page_lg2;
    return t->entries != 0 && offset <= t->region.last && *index < t->entries;
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

/*
 * The host's kernel stores an entry: nobody is told, but it keeps those linked in step.
 */
void papr_table_set_in_kernel(struct papr_table *t, uint64_t index, uint64_t tce);

/* Store an entry and announce it, before this returns. */
void papr_table_put(struct papr_table *t, uint64_t index, uint64_t tce);
/* The same of n entries, one after the other. */
void papr_table_put_list(struct papr_table *t, uint64_t index, const uint64_t *tces,
                         uint64_t n);

/*
 * Put (with `tell` off: set in the kernel) the same entry `count` times from `index` on,
 * ascending, all inside the window. Where clearing what is clear is told to nobody it
 * costs nothing; past the budget the observer hears of it, and it is told to nobody.
 */
void papr_table_fill(struct papr_table *t, uint64_t index, uint64_t count, uint64_t tce,
                     bool tell);

/*
 * Announce an UNMAP of each live entry that devices meet somewhere in [first, last],
 * ascending; the entries stay.
 */
void papr_table_revoke(struct papr_table *t, uint64_t first, uint64_t last,
                       enum notify_cause cause);

/* Every entry becomes 0; nothing is announced. */
void papr_table_clear(struct papr_table *t);

/*
 * Leave the table empty, with a new memory. The caller gets the old one and frees it
 * when the observer has heard of the switch.
 */
struct mem *papr_table_take_entries(struct papr_table *t);
/* The entries of such a memory into an empty table that is as large; tells nobody. */
void papr_table_load(struct papr_table *t, const struct mem *tces);

#endif
