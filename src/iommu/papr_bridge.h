/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the PAPR model share: the bridge (or the one table of a VIO
 * adapter). papr.c is its face to the machine, papr_windows.c switches windows on and
 * off and shows them to devices, papr_rtas.c answers the firmware calls by which
 * guests have that done.
 */
#ifndef IOMMUSIM_IOMMU_PAPR_BRIDGE_H
#define IOMMUSIM_IOMMU_PAPR_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/papr_fmt.h"
#include "iommu/papr_hcall.h"
#include "iommu/papr_table.h"

/* Deviations of windows and of the calls that manage them; see util/quirks.def. */
struct papr_window_quirks {
    bool silent_teardown; /* windows that go or are emptied announce nothing */
    bool sticky_default;
    bool no_default_restore;
    bool no_rebuild; /* a loaded bypass is not shown to devices */
    bool oversized_kept;
    bool shift_modulo;
    bool migrate_by_count;
    bool msi_shadowed;
};

struct papr {
    struct iommu iommu;
    struct space space;
    struct papr_table table[PAPR_WINDOWS_MAX];
    unsigned n_tables; /* known to hypercalls */
    const struct papr_rules *rules;
    struct papr_window_quirks quirk;
    bool absent; /* unplugged: no call names it */
    bool vio;    /* one table that is never switched off */
    bool bypass; /* VIO: devices see RAM 1:1, the table is hidden */
    uint64_t buid;
    /* What firmware offers. */
    bool ddw;
    uint64_t page_sizes;
    unsigned max_windows; /* <= n_tables */
    uint64_t dynamic_base;
    /* The default window; no entries: there is none. */
    uint64_t default_base, default_entries;
    unsigned default_page_lg2;
    uint64_t faults;
};

static inline bool
papr_is_on(const struct papr_table *t)
{
    return t->entries != 0;
}

/* The table of that number, or NULL. */
struct papr_table *papr_table_of(struct papr *p, uint64_t liobn);
unsigned papr_windows_on(const struct papr *p);

/* Whether devices meet the interrupt page, and no window, at that address. */
bool papr_meets_interrupts(const struct papr *p, uint64_t bus_address);

/* Whether a window can look like that at all. */
bool papr_geometry_is_possible(uint64_t base, unsigned page_lg2, uint64_t entries);

/*
 * These switch windows as their names say, with their trace lines, and leave it to the
 * caller to tell the observer, once, when all is done: papr_tell_switched. `on` is
 * false if the monitor of this profile died of it.
 */
bool papr_window_on(struct papr *p, struct papr_table *t, uint64_t base,
                    unsigned page_lg2, uint64_t entries);
void papr_window_off(struct papr *p, struct papr_table *t, enum notify_cause cause);
/* Empty a window that stays where it is. */
void papr_window_empty(struct papr *p, struct papr_table *t, enum notify_cause cause);
void papr_tell_switched(struct papr *p);

/* The default window alone is there, empty; tells. */
void papr_restore_default(struct papr *p, enum notify_cause cause);
/* VIO: RAM 1:1 instead of the table, or back; tells if that is a change. */
void papr_set_bypass(struct papr *p, bool on);
/* Power on: the default window is there. Nobody listens. */
void papr_power_on(struct papr *p);
/* Saved, built anew, loaded. Nobody listens. */
void papr_migrate(struct papr *p);

/* Answer r if it is for p alone. */
bool papr_rtas(struct papr *p, struct rtas *r);

#endif
