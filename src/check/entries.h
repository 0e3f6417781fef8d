/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What leads a VT-d request to its tables: root, context, PASID directory and PASID
 * entry, read from guest memory in either mode. Part of the checker's own walkers.
 */
#ifndef IOMMUSIM_CHECK_ENTRIES_H
#define IOMMUSIM_CHECK_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "check/walk.h"
#include "iommu/iommu.h"
#include "iommu/vtd_sm_fmt.h"
#include "mem/mem.h"

/* Where an entry is, guest-physical. No bytes: the way does not lead to it. */
struct entry_place {
    uint64_t at;
    unsigned bytes;
};

enum { ENTRY_ROOT, ENTRY_CONTEXT, ENTRY_DIRECTORY, ENTRY_PASID, ENTRY_KINDS };

enum entries_state { ENTRIES_BLOCKED, ENTRIES_IDENTITY, ENTRIES_TRANSLATED };

/* The entries of a request as they read, and what follows from them. */
struct entries {
    enum entries_state state;
    bool scalable; /* the root table is of scalable mode */
    bool ats;      /* translation requests are answered */
    bool led;      /* did and pasid stand in a present entry, sound or not */
    uint16_t did;
    uint32_t pasid; /* scalable: whose entry was looked at, that of RID_PASID included */
    /* TRANSLATED: top tables, guest-physical; levels 0: no such stage */
    uint64_t first, second;
    unsigned first_levels, second_levels;
    bool supervisor; /* the requests count as privileged */
    bool eafe;       /* extended accessed bits are kept */
    /* Zero where the way does not lead to it. */
    struct entry_place places[ENTRY_KINDS];
    struct vtd_pair root;
    struct vtd_pair context;
    struct vtd_sm_context sm_context;
    uint64_t directory;
    struct vtd_pasid_entry pasid_entry;
};

/* Those of requests of `sid` with `pasid`, or with IOMMU_NO_PASID. */
void entries_read(const struct mem *mem, const struct iommu_roots *roots, uint16_t sid,
                  uint32_t pasid, struct entries *out);

/* The tables that `e`, which is TRANSLATED, leads through. */
void entries_stages(const struct mem *mem, const struct iommu_roots *roots,
                    const struct entries *e, struct walk_stages *out);

/* VTD_NEED_ bits that the change from `was` to `now` asks for, entry by entry. */
unsigned entries_required(const struct entries *was, const struct entries *now,
                          uint16_t sid, bool caching_mode);

#endif
