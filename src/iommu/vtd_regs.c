/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_regs.h. */
#include "iommu/vtd_regs.h"

#include <strings.h>

#include "iommu/vtd_caches.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_inval.h"
#include "iommu/vtd_notify.h"
#include "iommu/vtd_queue.h"

/* ---- the map ---- */

/* One for each 4 bytes; a 64-bit register stands in the first of its two. */
struct reg {
    const char *name;
    unsigned bytes;
    uint64_t rw;     /* software writes */
    uint64_t w1c;    /* cleared by writing 1; survive a reset */
    uint64_t hidden; /* read as 0 */
    bool queue;      /* exists with queued invalidation only */
};

static const struct reg regs[VTD_REG_END / 4] = {
    [VTD_VER / 4] = { "VER", 4, .rw = 0 },
    [VTD_CAP / 4] = { "CAP", 8, .rw = 0 },
    [VTD_ECAP / 4] = { "ECAP", 8, .rw = 0 },
    [VTD_GCMD / 4] = { "GCMD", 4, .rw = 0 },
    [VTD_GSTS / 4] = { "GSTS", 4, .rw = 0 },
    [VTD_RTADDR / 4] = { "RTADDR", 8, .rw = VTD_BITS(63, 12) },
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
    [VTD_IQH / 4] = { "IQH", 8, .queue = true },
    [VTD_IQT / 4] = { "IQT", 8, .rw = VTD_IQ_OFFSET, .queue = true },
    [VTD_IQA / 4] = { "IQA", 8, .rw = VTD_IQA_BASE | VTD_IQA_QS, .queue = true },
    [VTD_ICS / 4] = { "ICS", 4, .w1c = VTD_ICS_IWC, .queue = true },
    [VTD_IECTL / 4] = { "IECTL", 4, .rw = VTD_ECTL_IM, .queue = true },
    [VTD_IEDATA / 4] = { "IEDATA", 4, .rw = VTD_BITS(15, 0), .queue = true },
    [VTD_IEADDR / 4] = { "IEADDR", 4, .rw = VTD_BITS(31, 2), .queue = true },
    [VTD_IEUADDR / 4] = { "IEUADDR", 4, .queue = true },
    [VTD_IQERCD / 4] = { "IQERCD", 8, .queue = true },
    [VTD_IRTA / 4] = { "IRTA", 8, .rw = VTD_IRTA_MASK, .queue = true },
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

/* The register that the 4 bytes at `off` belong to, or NULL. */
static const struct reg *
reg_at(const struct vtd *v, uint64_t off)
{
    const struct reg *r = &regs[off / 4];

    if (r->name == NULL && r > regs && r[-1].bytes == 8) {
        r--;
    }
    return r->name != NULL && (!r->queue || v->cfg.queued_invalidation) ? r : NULL;
}

static uint64_t
offset_of(const struct reg *r)
{
    return 4 * (uint64_t)(r - regs);
}

/* The half of a mask that concerns the 4 bytes at `off`. */
static uint32_t
half(const struct reg *r, uint64_t off, uint64_t mask)
{
    return (uint32_t)(mask >> 8 * (off - offset_of(r)));
}

bool
vtd_reg_by_name(const struct iommu *m, const char *name, uint64_t *off, unsigned *width)
{
    (void)m;
    for (const struct reg *r = regs; r < regs + VTD_REG_END / 4; r++) {
        if (r->name != NULL && strcasecmp(r->name, name) == 0) {
            *off = offset_of(r);
            *width = r->bytes;
            return true;
        }
    }
    return false;
}

/* ---- reset ---- */

static uint64_t
capabilities(const struct iommu_vtd_config *c)
{
    uint64_t cap = VTD_CAP_ND((c->domains_lg2 - 4) / 2) | VTD_CAP_MGAW(c->aw_bits) |
                   VTD_CAP_FRO | VTD_CAP_SSLPS(c->superpages) | VTD_CAP_PSI |
                   VTD_CAP_NFR(1) | VTD_CAP_MAMV(c->mamv) | VTD_CAP_DWD | VTD_CAP_DRD;

    for (unsigned bits = 39; bits <= c->aw_bits; bits += 9) {
        cap |= VTD_CAP_SAGAW(bits);
    }
    return cap | (c->caching_mode ? VTD_CAP_CM : 0) |
           (c->write_buffer_flush ? VTD_CAP_RWBF : 0);
}

/* Of interrupt remapping only the switches are modelled. It needs the queue. */
static uint64_t
extended_capabilities(const struct iommu_vtd_config *c)
{
    return VTD_ECAP_IRO | (c->pass_through ? VTD_ECAP_PT : 0) |
           (c->queued_invalidation ? VTD_ECAP_QI | VTD_ECAP_IR | VTD_ECAP_MHMV(15) : 0);
}

void
vtd_regs_reset(struct vtd *v)
{
    const uint64_t record[2] = { vtd_get64(v, VTD_FRCD), vtd_get64(v, VTD_FRCD_HI) };
    const uint32_t fsts = vtd_get32(v, VTD_FSTS), ics = vtd_get32(v, VTD_ICS);
    const uint64_t iqercd = vtd_get64(v, VTD_IQERCD);

    for (unsigned i = 0; i < VTD_REG_END / 4; i++) {
        v->regs[i] = 0;
    }
    vtd_set32(v, VTD_VER, VTD_VER_VALUE);
    vtd_set64(v, VTD_CAP, capabilities(&v->cfg));
    vtd_set64(v, VTD_ECAP, extended_capabilities(&v->cfg));
    vtd_set32(v, VTD_FECTL, VTD_ECTL_IM);
    vtd_set32(v, VTD_IECTL, v->cfg.queued_invalidation ? VTD_ECTL_IM : 0);
    vtd_set64(v, VTD_FRCD, record[0]);
    vtd_set64(v, VTD_FRCD_HI, record[1]);
    vtd_set32(v, VTD_FSTS, fsts);
    vtd_set32(v, VTD_ICS, ics);
    vtd_set64(v, VTD_IQERCD, iqercd);
    v->root = GPA(0);
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
    if (on != vtd_is_on(v, VTD_GCMD_TE)) {
        set_status(v, VTD_GCMD_TE, on);
        vtd_caches_drop_all(v);
        switched(v);
    }
}

/* What is cached stays so (CAP.ESRTPS is 0): software must invalidate. */
static void
command_srtp(struct vtd *v)
{
    v->root = GPA(vtd_get64(v, VTD_RTADDR));
    set_status(v, VTD_GCMD_SRTP, true);
    switched(v);
}

static void
command_qie(struct vtd *v, bool on)
{
    if (on == vtd_is_on(v, VTD_GCMD_QIE) || !v->cfg.queued_invalidation) {
        return;
    }
    if (on) {
        set_status(v, VTD_GCMD_QIE, true);
        vtd_queue_kick(v);
    } else if (vtd_queue_may_stop(v)) {
        set_status(v, VTD_GCMD_QIE, false);
        vtd_set64(v, VTD_IQH, 0);
    }
}

/*
 * Level bits say what shall be on. Write-buffer flush and fault log need nothing done,
 * compatibility-format interrupts are not modelled.
 */
static void
command(struct vtd *v, uint32_t value)
{
    command_te(v, (value & VTD_GCMD_TE) != 0);
    if ((value & VTD_GCMD_SRTP) != 0) {
        command_srtp(v);
    }
    command_qie(v, (value & VTD_GCMD_QIE) != 0);
    if (v->cfg.queued_invalidation) {
        if ((value & VTD_GCMD_SIRTP) != 0) {
            set_status(v, VTD_GCMD_SIRTP, true);
        }
        set_status(v, VTD_GCMD_IRE, (value & VTD_GCMD_IRE) != 0);
    }
}

/* ---- register-based invalidation ---- */

static enum vtd_reg
request_reg(unsigned request)
{
    return request == VTD_REQUEST_CONTEXT ? VTD_CCMD : VTD_IOTLB;
}

/* Returns the granularity carried out; 0: refused. */
static unsigned
execute_context(struct vtd *v)
{
    uint64_t ccmd = vtd_get64(v, VTD_CCMD);
    unsigned g = ccmd >> 61 & 3;

    if (g != 0) {
        vtd_inval_context(v, (enum vtd_gran)g, (uint16_t)ccmd, (uint16_t)(ccmd >> 16),
                          ccmd >> 32 & 3);
    }
    return g;
}

static unsigned
execute_iotlb(struct vtd *v)
{
    uint64_t iotlb = vtd_get64(v, VTD_IOTLB), pages = vtd_get64(v, VTD_IVA);
    unsigned g = iotlb >> 60 & 3;

    if (g == 0 || (g == VTD_GRAN_FINE && vtd_desc_am(pages) > v->cfg.mamv)) {
        return 0;
    }
    vtd_inval_iotlb(v, (enum vtd_gran)g, (uint16_t)(iotlb >> 32), pages);
    return g;
}

/* The busy bit is bit 63 in both registers. */
static void
finish_request(struct vtd *v, unsigned request)
{
    const enum vtd_reg reg = request_reg(request);

    v->requests &= ~request;
    vtd_set64(v, reg, vtd_get64(v, reg) & ~VTD_BIT(63));
    observe(v->base.env, completed, &v->base);
    if (v->requests == 0) {
        iommu_idle(&v->base);
    }
}

/* Returns what the notifications cost; what others charged before stays theirs. */
static sim_time
execute_request(struct vtd *v, unsigned request)
{
    struct sim *sim = v->base.env->sim;
    const sim_time before = sim_take_charge(sim);

    if (request == VTD_REQUEST_CONTEXT) {
        uint64_t g = execute_context(v);
        vtd_set64(v, VTD_CCMD,
                  (vtd_get64(v, VTD_CCMD) & ~VTD_CCMD_CAIG_MASK) | VTD_CCMD_CAIG(g));
    } else {
        uint64_t g = execute_iotlb(v);
        vtd_set64(v, VTD_IOTLB,
                  (vtd_get64(v, VTD_IOTLB) & ~VTD_IOTLB_IAIG_MASK) | VTD_IOTLB_IAIG(g));
    }
    const sim_time cost = sim_take_charge(sim);
    sim_charge(sim, before);
    return cost;
}

/* Events' arguments: the power-on they belong to, and the request. */
static uint64_t
event_arg(const struct vtd *v, unsigned request)
{
    return v->epoch << 2 | request;
}

static void
on_finish(void *self, uint64_t arg)
{
    struct vtd *v = self;

    if (arg >> 2 == v->epoch) {
        finish_request(v, arg & 3);
    }
}

static void
on_execute(void *self, uint64_t arg)
{
    struct vtd *v = self;

    if (arg >> 2 != v->epoch) {
        return;
    }
    sim_time cost = execute_request(v, arg & 3);
    if (cost != 0) {
        sim_at(v->base.env->sim, sim_now(v->base.env->sim) + cost, on_finish, v, arg);
    } else {
        on_finish(v, arg);
    }
}

/* With the queue on, the request is ignored and the busy bit stays as written. */
static void
begin_request(struct vtd *v, unsigned request)
{
    if (vtd_is_on(v, VTD_GCMD_QIE) || (v->requests & request) != 0) {
        return;
    }
    sim_time delay = latency_draw(&v->base.env->latency, LATENCY_INVALIDATE);
    v->requests |= request;
    if (delay != 0) {
        sim_at(v->base.env->sim, sim_now(v->base.env->sim) + delay, on_execute, v,
               event_arg(v, request));
    } else {
        on_execute(v, event_arg(v, request));
    }
}

/* ---- access ---- */

static bool
is_access(uint64_t off, unsigned width)
{
    return (width == 4 || width == 8) && off % 4 == 0 && off < VTD_REG_END &&
           off + width <= VTD_REG_END;
}

static void
trace_access(const struct vtd *v, enum trace_event event, uint64_t off, unsigned width,
             uint64_t value)
{
    struct trace_rec r;

    if (vtd_wants(v, event)) {
        const struct reg *reg = is_access(off, width) ? reg_at(v, off) : NULL;
        vtd_trace_begin(v, &r, event);
        trace_text(&r, TF_REG, reg != NULL ? reg->name : "none");
        trace_u64(&r, TF_VALUE, value);
        trace_u64(&r, TF_WIDTH, width);
        trace_emit(v->base.env->trace, &r);
    }
}

static uint32_t
load(const struct vtd *v, uint64_t off)
{
    const struct reg *r = reg_at(v, off);

    return r == NULL ? 0 : v->regs[off / 4] & ~half(r, off, r->hidden);
}

uint64_t
vtd_mmio_read(struct iommu *m, uint64_t off, unsigned width)
{
    const struct vtd *v = vtd_of(m);
    uint64_t value = 0;

    if (is_access(off, width)) {
        value = load(v, off) | (width == 8 ? (uint64_t)load(v, off + 4) << 32 : 0);
    }
    trace_access(v, TE_REGISTER_READ, off, width, value);
    return value;
}

/* A register whose request is under way keeps what it was asked. */
static bool
is_busy(const struct vtd *v, const struct reg *r)
{
    return (r == &regs[VTD_CCMD / 4] && (v->requests & VTD_REQUEST_CONTEXT) != 0) ||
           (r == &regs[VTD_IOTLB / 4] && (v->requests & VTD_REQUEST_IOTLB) != 0);
}

static void
store(struct vtd *v, uint64_t off, uint32_t value)
{
    const struct reg *r = reg_at(v, off);

    if (r == NULL || is_busy(v, r)) {
        return;
    }
    const uint32_t rw = half(r, off, r->rw), w1c = half(r, off, r->w1c);
    uint32_t *word = &v->regs[off / 4];
    *word = ((*word & ~rw) | (value & rw)) & ~(value & w1c);
}

/* What the write of these 4 bytes sets off, once all of the access is stored. */
static void
act(struct vtd *v, uint64_t off, uint32_t value)
{
    if (reg_at(v, off) == NULL) {
        return;
    }
    switch (off) {
    case VTD_GCMD:
        command(v, value);
        break;
    case VTD_CCMD + 4:
    case VTD_IOTLB + 4:
        if ((value & UINT32_C(1) << 31) != 0) {
            begin_request(v,
                          off == VTD_CCMD + 4 ? VTD_REQUEST_CONTEXT : VTD_REQUEST_IOTLB);
        }
        break;
    case VTD_FSTS:
        vtd_fault_status_cleared(v);
        break;
    case VTD_FRCD_HI + 4:
        vtd_fault_record_cleared(v);
        break;
    case VTD_ICS:
        vtd_fault_ics_cleared(v);
        break;
    case VTD_FECTL:
    case VTD_IECTL:
        vtd_fault_control_written(v, (enum vtd_reg)off);
        break;
    case VTD_IQT:
        vtd_queue_kick(v);
        break;
    }
}

void
vtd_mmio_write(struct iommu *m, uint64_t off, unsigned width, uint64_t value)
{
    struct vtd *v = vtd_of(m);

    trace_access(v, TE_REGISTER_WRITE, off, width, value);
    if (!is_access(off, width)) {
        return;
    }
    for (unsigned i = 0; i < width; i += 4) {
        store(v, off + i, (uint32_t)(value >> 8 * i));
    }
    for (unsigned i = 0; i < width; i += 4) {
        act(v, off + i, (uint32_t)(value >> 8 * i));
    }
}
