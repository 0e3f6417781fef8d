/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scalable tables on the bench of support_vtd.h, written as a guest writes them.
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_VTD_SM_H
#define IOMMUSIM_TESTS_SUPPORT_VTD_SM_H

#include "iommu/vtd_sm_fmt.h"
#include "support_vtd.h"

#define FS_RW (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define FS_R  (VTD_FS_P | VTD_FS_US)

/* Scalable mode with everything: first stage, PASIDs, device TLBs, caching mode. */
struct iommu_vtd_config sm_config(void);
/* The unit after power-on with an empty scalable root table; queue and translation on. */
void sm_boot(struct bench *b, const struct iommu_vtd_config *c, const char *profile);
void sm_up(struct bench *b);

/*
 * The context entry of sid, PASIDs allowed, PDTS 7, RID_PASID 0, with `v0` besides;
 * returns its address. Its PASID directory is a new page, zero.
 */
uint64_t sm_context(struct bench *b, uint16_t sid, uint64_t v0);
/* The address of the entry of `pasid` below the context entry at `context`. */
uint64_t sm_slot(struct bench *b, uint64_t context, uint32_t pasid);
void sm_pasid(struct bench *b, uint64_t context, uint32_t pasid, uint64_t v0, uint64_t v1,
              uint64_t v2);
/* The usual entries: empty tables of 4 levels, whose address they return. */
uint64_t sm_second(struct bench *b, uint64_t context, uint32_t pasid, uint16_t did);
uint64_t sm_first(struct bench *b, uint64_t context, uint32_t pasid, uint16_t did);
/* Both: the second stage maps the lower 16 MiB 1:1, the first stage lies there. */
struct sm_nested {
    uint64_t first, second;
} sm_nested(struct bench *b, uint64_t context, uint32_t pasid, uint16_t did);

/* A leaf of a 4-level first-stage table; tables on the way have all permissions. */
void sm_map(struct bench *b, uint64_t table, uint64_t iova, unsigned level,
            uint64_t entry);
uint64_t sm_fs_slot(struct bench *b, uint64_t table, unsigned levels, uint64_t iova,
                    unsigned level);

void sm_put(struct bench *b, uint64_t addr, uint64_t value);
uint64_t sm_get(struct bench *b, uint64_t addr);

/* Drop everything that is cached. */
void sm_flush(struct bench *b);

/* The result of a request; the reason of the fault that it recorded, else 0. */
enum xlate_result sm_ask(struct bench *b, const struct iommu_request *q,
                         struct xlate *out, unsigned *reason);
/* The reason recorded for a request without (or with) PASID; 0: it was answered. */
unsigned sm_reason(struct bench *b, uint16_t sid, uint32_t pasid, uint64_t iova,
                   enum perm access);
bool sm_gets(struct bench *b, uint16_t sid, uint32_t pasid, uint64_t iova,
             enum perm access, uint64_t gpa);

#endif
