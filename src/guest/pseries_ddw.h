/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct windows, as Linux makes them for devices that reach 64-bit addresses: one
 * dynamic window of its bridge with all of RAM mapped once, after which such a device
 * makes no calls any more. Others of the bridge go on using the default window.
 *
 * attach with type direct asks for one: query, create with the largest page that is
 * offered and divides RAM, window of the next power of two, then lists of up to 512
 * entries. detach clears it by H_STUFF_TCE over all of it and removes it. A second
 * device of the bridge shares what is there.
 * Source: Linux arch/powerpc/platforms/pseries/iommu.c, enable_ddw.
 */
#ifndef IOMMUSIM_GUEST_PSERIES_DDW_H
#define IOMMUSIM_GUEST_PSERIES_DDW_H

#include <stdbool.h>
#include <stdint.h>

struct guest;
struct op;
struct phase;

/* What the driver made of one bridge. */
struct pseries_direct {
    bool live;
    uint64_t liobn, base, size; /* bus addresses, bytes */
    unsigned page_lg2;
};

/* First phase of attach and detach on PAPR. */
struct phase pseries_attach(struct op *op);

/* The bridge was reset: its window is gone. */
void pseries_forget(struct guest *g, uint32_t iommu);

#endif
