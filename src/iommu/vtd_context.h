/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a source id to the tables of its requests: root and context entries, in
 * scalable mode also the PASID directory and table, read as the hardware does.
 *
 * Order of the checks: root entry readable, present, reserved bits; context entry
 * likewise, then in legacy mode AW and TT; in scalable mode the request (device TLB
 * and PASID allowed), PASID directory entry and PASID entry likewise, and last what
 * the PASID entry asks for.
 *
 * Faults have the codes of the mode: legacy ones with legacy tables, 0x30 and above
 * with scalable ones.
 */
#ifndef IOMMUSIM_IOMMU_VTD_CONTEXT_H
#define IOMMUSIM_IOMMU_VTD_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd.h"

/* An entry as it stands in memory, and what is wrong with it or the way to it. */
struct vtd_entry {
    /*
     * A context entry: its first two words. A PASID entry: its first three, and in
     * FPD also that of its directory entry. Zero where the way does not lead to it.
     */
    uint64_t w[3];
    enum vtd_fault fault; /* VTD_FAULT_NONE: sound */
};

/* The context entry of sid. */
struct vtd_entry vtd_context_fetch(const struct vtd *v, uint16_t sid);

/* The PASID entry of `pasid`, below a sound scalable context entry. */
struct vtd_entry vtd_pasid_fetch(const struct vtd *v, const struct vtd_entry *context,
                                 uint32_t pasid);

/* How requests are translated. */
struct vtd_context {
    enum vtd_fault fault; /* VTD_FAULT_NONE: sound. Else only fpd counts */
    uint8_t kind;         /* enum vtd_pgtt; with legacy tables SECOND or PASS */
    bool fpd;
    bool privileged;      /* the request, for the first stage */
    bool write_protect;   /* first stage: read-only pages bind supervisors too */
    bool extended_access; /* first stage: EA is kept */
    uint8_t ss_levels, fs_levels;
    uint16_t did;
    uint32_t pasid;              /* scalable tables; else IOMMU_NO_PASID */
    uint64_t ss_table, fs_table; /* top tables; nested: fs_table is translated too */
};

/* The words of a context entry and what is wrong with it. */
static inline void
vtd_context_legacy(uint64_t lo, uint64_t hi, enum vtd_fault fault,
                   struct vtd_context *out)
{
    out->fault = fault;
    out->kind = vtd_ctx_tt(lo) == VTD_TT_PASS ? VTD_PGTT_PASS : VTD_PGTT_SECOND;
    out->fpd = (lo & VTD_CTX_FPD) != 0;
    out->privileged = out->write_protect = out->extended_access = false;
    out->ss_levels = (uint8_t)vtd_aw_levels(vtd_ctx_aw(hi));
    out->fs_levels = 0;
    out->did = vtd_ctx_did(hi);
    out->pasid = IOMMU_NO_PASID;
    out->ss_table = lo & VTD_CTX_PTR;
    out->fs_table = 0;
}

/* fpd: that of the context entry. */
struct vtd_context vtd_context_scalable(const struct vtd_entry *entry, uint32_t pasid,
                                        bool fpd);

/*
 * What the tables say now of requests of sid without PASID; nothing cached is used,
 * nothing is cached.
 */
struct vtd_context vtd_context_read(const struct vtd *v, uint16_t sid);

/* The PASID of requests without one; scalable context entry. */
uint32_t vtd_context_rid_pasid(const struct vtd *v, const struct vtd_entry *context);

/* Whether a scalable context entry takes this request; VTD_FAULT_NONE if so. */
enum vtd_fault vtd_context_admits(const struct vtd *v, const struct vtd_entry *context,
                                  const struct iommu_request *q);

static inline bool
vtd_context_translates(const struct vtd_context *c)
{
    return c->fault == VTD_FAULT_NONE && c->kind != VTD_PGTT_PASS;
}

static inline bool
vtd_context_passes(const struct vtd_context *c)
{
    return c->fault == VTD_FAULT_NONE && c->kind == VTD_PGTT_PASS;
}

/* A sound one that passes, read as if it did not: its second stage counts. */
static inline struct vtd_context
vtd_context_as_translating(const struct vtd_context *c)
{
    struct vtd_context t = *c;

    t.kind = VTD_PGTT_SECOND;
    return t;
}

static inline bool
vtd_context_has_first(const struct vtd_context *c)
{
    return c->kind == VTD_PGTT_FIRST || c->kind == VTD_PGTT_NESTED;
}

/* Sound, and of that domain. */
static inline bool
vtd_context_in(const struct vtd_context *c, uint16_t did)
{
    return c->fault == VTD_FAULT_NONE && c->did == did;
}

/* Bits of input address that the second stage of a sound context takes. */
static inline unsigned
vtd_context_width(const struct vtd *v, const struct vtd_context *c)
{
    unsigned width = vtd_ss_span_lg2(c->ss_levels) + 9;

    return width < v->cfg.aw_bits ? width : v->cfg.aw_bits;
}

#endif
