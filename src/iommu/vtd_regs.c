/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_regs.h. */
#include "iommu/vtd_regs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "iommu/vtd_caches.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_inval.h"
#include "iommu/vtd_notify.h"
#include "iommu/vtd_queue.h"
#include "iommu/vtd_request.h"

/* ---- the map ---- */

/* On what the existence of a register depends. */
enum needs { NEEDS_NOTHING, NEEDS_QUEUE, NEEDS_REMAPPING };

/* One for each 4 bytes; a 64-bit register stands in the first of its two. */
struct reg {
    const char *name;
    unsigned bytes;
    uint64_t rw;     /* software writes */
    uint64_t w1c;    /* cleared by writing 1; survive a reset */
    uint64_t hidden; /* read as 0 */
    enum needs needs;
};

enum { ONE_RECORD_END = VTD_FRCD + VTD_FRCD_BYTES };

/* Of the fault records the first stands for all. */
static const struct reg regs[ONE_RECORD_END / 4] = {
    [VTD_VER / 4] = { "VER", 4, .rw = 0 },
    [VTD_CAP / 4] = { "CAP", 8, .rw = 0 },
    [VTD_ECAP / 4] = { "ECAP", 8, .rw = 0 },
    [VTD_GCMD / 4] = { "GCMD", 4, .rw = 0 },
    [VTD_GSTS / 4] = { "GSTS", 4, .rw = 0 },
    [VTD_RTADDR / 4] = { "RTADDR", 8, .rw = VTD_BITS(63, 10) },
    [VTD_CCMD / 4] = { "CCMD", 8, .rw = VTD_BITS(63, 61) | VTD_BITS(33, 0),
                       .hidden = VTD_BITS(33, 16) },
    [VTD_FSTS / 4] = { "FSTS", 4,
                       .w1c = VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE },
    [VTD_FECTL / 4] = { "FECTL", 4, .rw = VTD_ECTL_IM },
    [VTD_FEDATA / 4] = { "FEDATA", 4, .rw = VTD_BITS(15, 0) },
    [VTD_FEADDR / 4] = { "FEADDR", 4, .rw = VTD_BITS(31, 2) },
    [VTD_FEUADDR / 4] = { "FEUADDR", 4, .rw = 0 },
    [0x58 / 4] = { "AFLOG", 8, .rw = 0 },
    [0x64 / 4] = { "PMEN", 4, .rw = 0 },
    [0x68 / 4] = { "PLMBASE", 4, .rw = 0 },
    [0x6c / 4] = { "PLMLIMIT", 4, .rw = 0 },
    [0x70 / 4] = { "PHMBASE", 8, .rw = 0 },
    [0x78 / 4] = { "PHMLIMIT", 8, .rw = 0 },
    [VTD_IQH / 4] = { "IQH", 8, .needs = NEEDS_QUEUE },
    [VTD_IQT / 4] = { "IQT", 8, .rw = VTD_IQ_OFFSET, .needs = NEEDS_QUEUE },
    [VTD_IQA / 4] = { "IQA", 8, .rw = VTD_IQA_BASE | VTD_IQA_QS, .needs = NEEDS_QUEUE },
    [VTD_ICS / 4] = { "ICS", 4, .w1c = VTD_ICS_IWC, .needs = NEEDS_QUEUE },
    [VTD_IECTL / 4] = { "IECTL", 4, .rw = VTD_ECTL_IM, .needs = NEEDS_QUEUE },
    [VTD_IEDATA / 4] = { "IEDATA", 4, .rw = VTD_BITS(15, 0), .needs = NEEDS_QUEUE },
    [VTD_IEADDR / 4] = { "IEADDR", 4, .rw = VTD_BITS(31, 2), .needs = NEEDS_QUEUE },
    [VTD_IEUADDR / 4] = { "IEUADDR", 4, .needs = NEEDS_QUEUE },
    [VTD_IQERCD / 4] = { "IQERCD", 8, .needs = NEEDS_QUEUE },
    [VTD_IRTA / 4] = { "IRTA", 8, .rw = VTD_IRTA_MASK, .needs = NEEDS_REMAPPING },
    [0xc0 / 4] = { "PQH", 8, .rw = 0 },
    [0xc8 / 4] = { "PQT", 8, .rw = 0 },
    [0xd0 / 4] = { "PQA", 8, .rw = 0 },
    [0xdc / 4] = { "PRS", 4, .rw = 0 },
    [0xe0 / 4] = { "PECTL", 4, .rw = 0 },
    [0xe4 / 4] = { "PEDATA", 4, .rw = 0 },
    [0xe8 / 4] = { "PEADDR", 4, .rw = 0 },
    [0xec / 4] = { "PEUADDR", 4, .rw = 0 },
    [VTD_IVA / 4] = { "IVA", 8, .rw = VTD_BITS(63, 12) | VTD_BITS(6, 0),
                      .hidden = UINT64_MAX },
    [VTD_IOTLB / 4] = { "IOTLB", 8,
                        .rw = VTD_BIT(63) | VTD_BITS(61, 60) | VTD_BITS(49, 32) },
    [VTD_FRCD / 4] = { "FRCD", 8, .rw = 0 },
    [VTD_FRCD_HI / 4] = { "FRCD_HI", 8, .w1c = VTD_FRCD_F },
};

static bool
offers_remapping(const struct vtd *v)
{
    return v->cfg.intremap && v->cfg.queued_invalidation;
}

/* Its registers, that is. */
static bool
has_remapping(const struct vtd *v)
{
    return offers_remapping(v) || env_quirk(v->base.env, QUIRK_VTD_REMAPPING_UNOFFERED);
}

static bool
exists(const struct vtd *v, const struct reg *r)
{
    switch (r->needs) {
    case NEEDS_NOTHING:
        break;
    case NEEDS_QUEUE:
        return v->cfg.queued_invalidation;
    case NEEDS_REMAPPING:
        return has_remapping(v);
    }
    return true;
}

/* The register that the 4 bytes at `off` belong to, or NULL. */
static inline const struct reg *
reg_at(const struct vtd *v, uint64_t off)
{
    if (off >= VTD_FRCD) {
        off = VTD_FRCD + (off - VTD_FRCD) % VTD_FRCD_BYTES;
    }
    const struct reg *r = &regs[off / 4];

    if (r->name == NULL && r > regs && r[-1].bytes == 8) {
        r--;
    }
    return r->name != NULL && exists(v, r) ? r : NULL;
}

static uint64_t
end_of(const struct vtd *v)
{
    return VTD_FRCD + VTD_FRCD_BYTES * (uint64_t)v->cfg.fault_records;
}

/* The half of a mask that concerns the 4 bytes at `off`; wide ones stand at 8·n. */
static inline uint32_t
half(const struct reg *r, uint64_t off, uint64_t mask)
{
    return (uint32_t)(r->bytes == 8 ? mask >> 8 * (off & 4) : mask);
}

/* ---- reset ---- */

static uint64_t
capabilities(const struct vtd *v)
{
    const struct iommu_vtd_config *c = &v->cfg;
    uint64_t cap = VTD_CAP_ND((c->domains_lg2 - 4) / 2) | VTD_CAP_MGAW(c->aw_bits) |
                   VTD_CAP_FRO | VTD_CAP_SSLPS(c->superpages) | VTD_CAP_PSI |
                   VTD_CAP_NFR(c->fault_records) | VTD_CAP_MAMV(c->mamv);

    for (unsigned bits = 39; c->dma_translation && bits <= c->aw_bits; bits += 9) {
        cap |= VTD_CAP_SAGAW(bits);
    }
    if (env_quirk(v->base.env, QUIRK_VTD_PT_IN_CAP)) {
        cap |= VTD_CAP_PHMR;
    }
    if (c->first_stage) {
        cap |= ((c->superpages & 2) != 0 ? VTD_CAP_FS1GP : 0) |
               (c->aw_bits == 57 ? VTD_CAP_FS5LP : 0);
    }
    return cap | (c->caching_mode ? VTD_CAP_CM : 0) |
           (c->write_buffer_flush ? VTD_CAP_RWBF : 0) |
           (c->drain ? VTD_CAP_DWD | VTD_CAP_DRD : 0);
}

static uint64_t
pasid_capabilities(const struct vtd *v)
{
    if (!v->cfg.pasid) {
        return 0;
    }
    return VTD_ECAP_PASID | (env_quirk(v->base.env, QUIRK_VTD_PASID_SIZE_0)
                                 ? VTD_ECAP_PSS(1)
                                 : VTD_ECAP_PSS(VTD_PASID_BITS));
}

/* Of interrupt remapping only the switches are modelled. It needs the queue. */
static uint64_t
extended_capabilities(const struct vtd *v)
{
    const struct iommu_vtd_config *c = &v->cfg;

    return VTD_ECAP_IRO | (c->pass_through ? VTD_ECAP_PT : 0) |
           (c->queued_invalidation ? VTD_ECAP_QI : 0) |
           (offers_remapping(v) ? VTD_ECAP_IR | VTD_ECAP_MHMV(15) : 0) |
           (c->device_iotlb ? VTD_ECAP_DT : 0) | (c->snoop_control ? VTD_ECAP_SC : 0) |
           (c->scalable ? VTD_ECAP_SRS | VTD_ECAP_SMTS | VTD_ECAP_SSTS : 0) |
           (c->first_stage ? VTD_ECAP_FSTS | VTD_ECAP_NEST | VTD_ECAP_EAFS : 0) |
           pasid_capabilities(v);
}

void
vtd_regs_reset(struct vtd *v)
{
    const bool all = env_quirk(v->base.env, QUIRK_VTD_RESET_CLEARS_STICKY);
    const uint32_t fsts = vtd_get32(v, VTD_FSTS), ics = vtd_get32(v, VTD_ICS);
    const uint64_t iqercd = vtd_get64(v, VTD_IQERCD);

    memset(v->regs, 0, all ? sizeof(v->regs) : VTD_FRCD);
    vtd_set32(v, VTD_VER, VTD_VER_VALUE);
    vtd_set64(v, VTD_CAP, capabilities(v));
    vtd_set64(v, VTD_ECAP, extended_capabilities(v));
    vtd_set32(v, VTD_FECTL, VTD_ECTL_IM);
    vtd_set32(v, VTD_IECTL, v->cfg.queued_invalidation ? VTD_ECTL_IM : 0);
    v->root = GPA(0);
    v->ttm = VTD_TTM_LEGACY;
    if (all) {
        v->next_record = 0;
    } else {
        vtd_set32(v, VTD_FSTS, fsts);
        vtd_set32(v, VTD_ICS, ics);
        vtd_set64(v, VTD_IQERCD, iqercd);
    }
}

/* ---- global command ---- */

static void
set_status(struct vtd *v, uint64_t bit, bool on)
{
    uint32_t gsts = vtd_get32(v, VTD_GSTS);

    vtd_set32(v, VTD_GSTS, on ? gsts | bit : gsts & ~bit);
}

static void
switched(struct vtd *v)
{
    vtd_notify_switch(v);
    observe(v->base.env, switched, &v->base);
}

static void
command_te(struct vtd *v, bool on)
{
    if (v->cfg.dma_translation && on != vtd_is_on(v, VTD_GCMD_TE)) {
        set_status(v, VTD_GCMD_TE, on);
        vtd_caches_drop_all(v);
        switched(v);
    }
}

/* Scalable tables where they are not offered are a reserved mode. */
static enum vtd_ttm
mode_of(const struct vtd *v, uint64_t rtaddr)
{
    const enum vtd_ttm ttm = vtd_rtaddr_ttm(rtaddr);

    if (env_quirk(v->base.env, QUIRK_VTD_TTM_BIT_10)) {
        return v->cfg.scalable && ((unsigned)ttm & VTD_TTM_SCALABLE) != 0
                   ? VTD_TTM_SCALABLE
                   : VTD_TTM_LEGACY;
    }
    return ttm == VTD_TTM_SCALABLE && !v->cfg.scalable ? VTD_TTM_RESERVED : ttm;
}

/* What is cached stays so (CAP.ESRTPS is 0): software is to invalidate. */
static void
command_srtp(struct vtd *v)
{
    const uint64_t rtaddr = vtd_get64(v, VTD_RTADDR);

    v->root = GPA(rtaddr & VTD_BITS(v->limits.haw - 1, PAGE_LG2));
    v->ttm = mode_of(v, rtaddr);
    set_status(v, VTD_GCMD_SRTP, true);
    if (env_quirk(v->base.env, QUIRK_VTD_SRTP_DROPS_CACHES)) {
        vtd_caches_drop_all(v);
    }
    switched(v);
}

static void
command_qie(struct vtd *v, bool on)
{
    if (on == vtd_is_on(v, VTD_GCMD_QIE) || !v->cfg.queued_invalidation) {
        return;
    }
    if (on) {
        if (vtd_get64(v, VTD_IQT) != 0 &&
            env_quirk(v->base.env, QUIRK_VTD_QI_TAIL_NONZERO)) {
            return;
        }
        set_status(v, VTD_GCMD_QIE, true);
        vtd_queue_switched_on(v);
    } else if (vtd_queue_may_stop(v)) {
        set_status(v, VTD_GCMD_QIE, false);
        vtd_set64(v, VTD_IQH, 0);
    }
}

/*
 * Level bits say what shall be on. There is no fault log, and write buffers are empty
 * as soon as software asks for it; compatibility-format interrupts have their status,
 * but no interrupt comes to be let through or blocked.
 */
static void
command(struct vtd *v, uint32_t value)
{
    command_te(v, (value & VTD_GCMD_TE) != 0);
    if ((value & VTD_GCMD_SRTP) != 0) {
        command_srtp(v);
    }
    command_qie(v, (value & VTD_GCMD_QIE) != 0);
    if (has_remapping(v)) {
        if ((value & VTD_GCMD_SIRTP) != 0) {
            set_status(v, VTD_GCMD_SIRTP, true);
        }
        set_status(v, VTD_GCMD_IRE, (value & VTD_GCMD_IRE) != 0);
        if (!env_quirk(v->base.env, QUIRK_VTD_CFI_IGNORED)) {
            set_status(v, VTD_GCMD_CFI, (value & VTD_GCMD_CFI) != 0);
        }
    }
}

/* ---- access ---- */

static bool
is_access(const struct vtd *v, uint64_t off, unsigned width)
{
    return (width == 4 || width == 8) && off % 4 == 0 && off < end_of(v) &&
           off + width <= end_of(v);
}

static void
trace_access(const struct vtd *v, enum trace_event event, uint64_t off, unsigned width,
             uint64_t value)
{
    char record[32];
    struct trace_rec r;

    if (!vtd_wants(v, event)) {
        return;
    }
    const struct reg *reg = is_access(v, off, width) ? reg_at(v, off) : NULL;
    const char *name = reg != NULL ? reg->name : "none";
    if (reg != NULL && off >= ONE_RECORD_END) {
        snprintf(record, sizeof(record), "FRCD%" PRIu64 "_%s",
                 (off - VTD_FRCD) / VTD_FRCD_BYTES, (off & 8) != 0 ? "HI" : "LO");
        name = record;
    }
    vtd_trace_begin(v, &r, event);
    trace_text(&r, TF_REG, name);
    trace_u64(&r, TF_VALUE, value);
    trace_u64(&r, TF_WIDTH, width);
    trace_emit(v->base.env->trace, &r);
}

/* What reads as 0, whatever stands there. */
static uint64_t
hidden(const struct vtd *v, const struct reg *r)
{
    if (r == &regs[VTD_IQERCD / 4] && env_quirk(v->base.env, QUIRK_VTD_NO_IQERCD)) {
        return UINT64_MAX;
    }
    return r->hidden;
}

static uint32_t
load(const struct vtd *v, uint64_t off)
{
    const struct reg *r = reg_at(v, off);

    if (r == NULL) {
        return 0;
    }
    if (r == &regs[VTD_IQA / 4] && env_quirk(v->base.env, QUIRK_VTD_IQA_LATCHED)) {
        return half(r, off, v->queue.base | (vtd_get64(v, VTD_IQA) & VTD_IQA_QS));
    }
    return v->regs[off / 4] & ~half(r, off, hidden(v, r));
}

uint64_t
vtd_mmio_read(struct iommu *m, uint64_t off, unsigned width)
{
    const struct vtd *v = vtd_of(m);
    uint64_t value = 0;

    if (is_access(v, off, width)) {
        value = load(v, off) | (width == 8 ? (uint64_t)load(v, off + 4) << 32 : 0);
    }
    trace_access(v, TE_REGISTER_READ, off, width, value);
    return value;
}

/* A register whose request is under way keeps what it was asked. */
static bool
is_busy(const struct vtd *v, const struct reg *r)
{
    return v->requests != 0 &&
           ((r == &regs[VTD_CCMD / 4] && (v->requests & VTD_REQUEST_CONTEXT) != 0) ||
            (r == &regs[VTD_IOTLB / 4] && (v->requests & VTD_REQUEST_IOTLB) != 0));
}

static uint64_t
writable(const struct vtd *v, const struct reg *r)
{
    if (r == &regs[VTD_IQA / 4] && v->cfg.scalable) {
        return r->rw | VTD_IQA_DW;
    }
    if (r == &regs[VTD_IEDATA / 4] && env_quirk(v->base.env, QUIRK_VTD_IEDATA_32)) {
        return UINT32_MAX;
    }
    return r->rw;
}

/* The 4 bytes at `off`, of r. */
static inline void
store(struct vtd *v, const struct reg *r, uint64_t off, uint32_t value)
{
    if (r == NULL || is_busy(v, r)) {
        return;
    }
    const uint32_t rw = half(r, off, writable(v, r)), w1c = half(r, off, r->w1c);
    uint32_t *word = &v->regs[off / 4];
    *word = ((*word & ~rw) | (value & rw)) & ~(value & w1c);
}

/* What the write of these 4 bytes sets off, once all of the access is stored. */
static inline void
act(struct vtd *v, const struct reg *r, uint64_t off, uint32_t value)
{
    if (r == NULL) {
        return;
    }
    if (r == &regs[VTD_FRCD_HI / 4]) {
        vtd_fault_record_cleared(v);
        return;
    }
    switch (off) {
    case VTD_GCMD:
        command(v, value);
        break;
    case VTD_CCMD + 4:
    case VTD_IOTLB + 4:
        if ((value & UINT32_C(1) << 31) != 0) {
            vtd_request_begin(v, off == VTD_CCMD + 4 ? VTD_REQUEST_CONTEXT
                                                     : VTD_REQUEST_IOTLB);
        }
        break;
    case VTD_FSTS:
        vtd_fault_status_cleared(v);
        vtd_queue_timeout_cleared(v);
        break;
    case VTD_ICS:
        vtd_fault_ics_cleared(v);
        break;
    case VTD_FECTL:
    case VTD_IECTL:
        vtd_fault_control_written(v, (enum vtd_reg)off);
        break;
    case VTD_IQT:
        vtd_queue_tail_written(v);
        break;
    }
}

void
vtd_mmio_write(struct iommu *m, uint64_t off, unsigned width, uint64_t value)
{
    struct vtd *v = vtd_of(m);

    trace_access(v, TE_REGISTER_WRITE, off, width, value);
    if (!is_access(v, off, width)) {
        return;
    }
    const uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);
    const struct reg *r = reg_at(v, off), *next = width == 8 ? reg_at(v, off + 4) : NULL;
    store(v, r, off, low);
    store(v, next, off + 4, high);
    act(v, r, off, low);
    act(v, next, off + 4, high);
}
