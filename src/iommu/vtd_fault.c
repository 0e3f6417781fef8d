/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_fault.h. */
#include "iommu/vtd_fault.h"

#define ANY_STATUS                                                                       \
    (VTD_FSTS_PFO | VTD_FSTS_PPF | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

/* ---- interrupts ---- */

/* Data and address registers follow the control register. */
static void
send(struct vtd *v, enum vtd_reg ectl)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_INTERRUPT)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_INTERRUPT);
    trace_text(&r, TF_KIND, ectl == VTD_FECTL ? "fault" : "wait");
    trace_u64(&r, TF_ADDR, v->regs[ectl / 4 + 2] | (uint64_t)v->regs[ectl / 4 + 3] << 32);
    trace_u64(&r, TF_MESSAGE, v->regs[ectl / 4 + 1]);
    trace_emit(v->base.env->trace, &r);
}

/* Pending goes out at once unless masked. */
void
vtd_fault_control_written(struct vtd *v, enum vtd_reg ectl)
{
    uint32_t ctl = vtd_get32(v, ectl);

    if ((ctl & VTD_ECTL_IP) != 0 && (ctl & VTD_ECTL_IM) == 0) {
        vtd_set32(v, ectl, ctl & ~VTD_ECTL_IP);
        send(v, ectl);
    }
}

static void
interrupt(struct vtd *v, enum vtd_reg ectl)
{
    vtd_set32(v, ectl, vtd_get32(v, ectl) | VTD_ECTL_IP);
    vtd_fault_control_written(v, ectl);
}

static void
no_longer_pending(struct vtd *v, enum vtd_reg ectl)
{
    vtd_set32(v, ectl, vtd_get32(v, ectl) & ~VTD_ECTL_IP);
}

/* Set a status bit; the first of them is a fault event. */
static void
set_status(struct vtd *v, uint64_t bit)
{
    uint32_t old = vtd_get32(v, VTD_FSTS);

    vtd_set32(v, VTD_FSTS, old | bit);
    if ((old & ANY_STATUS) == 0) {
        interrupt(v, VTD_FECTL);
    }
}

/* ---- faults ---- */

/* `record` is where it was recorded, or -1; told where there are several. */
static void
trace_fault(const struct vtd *v, enum vtd_fault fault, const struct iommu_request *q,
            int record)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_FAULT)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_FAULT);
    trace_u64(&r, TF_FAULT_REASON, fault);
    trace_u64(&r, TF_SID, q->sid);
    trace_u64(&r, TF_ADDR, q->iova & ~PAGE_MASK);
    trace_text(&r, TF_ACCESS, q->access == PERM_W ? "write" : "read");
    if (q->pasid != IOMMU_NO_PASID) {
        trace_u64(&r, TF_PASID, q->pasid);
    }
    if (record >= 0 && v->cfg.fault_records > 1) {
        trace_u64(&r, TF_INDEX, (uint64_t)record);
    }
    trace_emit(v->base.env->trace, &r);
}

static enum vtd_reg
record_lo(unsigned i)
{
    return (enum vtd_reg)(VTD_FRCD + VTD_FRCD_BYTES * i);
}

static enum vtd_reg
record_hi(unsigned i)
{
    return (enum vtd_reg)(VTD_FRCD_HI + VTD_FRCD_BYTES * i);
}

static bool
is_pending(const struct vtd *v, unsigned i)
{
    return (vtd_get64(v, record_hi(i)) & VTD_FRCD_F) != 0;
}

/* Whether a record of this source id waits for software. */
static bool
has_pending_of(const struct vtd *v, uint16_t sid)
{
    for (unsigned i = 0; i < v->cfg.fault_records; i++) {
        if (is_pending(v, i) && (vtd_get64(v, record_hi(i)) & VTD_FRCD_SID_MASK) == sid) {
            return true;
        }
    }
    return false;
}

static uint64_t
record_of(const struct vtd *v, enum vtd_fault fault, const struct iommu_request *q,
          bool walked)
{
    uint64_t hi = VTD_FRCD_F | (q->access == PERM_W ? 0 : VTD_FRCD_READ) |
                  VTD_FRCD_REASON(fault) | q->sid;

    if (v->cfg.device_iotlb) { /* reserved otherwise */
        hi |= VTD_FRCD_AT(q->type);
    }
    if (q->pasid != IOMMU_NO_PASID) {
        const bool narrow = env_quirk(v->base.env, QUIRK_VTD_FRCD_PASID_16);
        hi |= VTD_FRCD_PP |
              VTD_FRCD_PASID(q->pasid & (narrow ? UINT16_MAX : UINT32_MAX)) |
              (q->privileged ? VTD_FRCD_PRIV : 0);
    }
    if (q->pasid == IOMMU_NO_PASID && walked &&
        env_quirk(v->base.env, QUIRK_VTD_FRCD_NO_PASID_ONES)) {
        hi |= VTD_FRCD_PASID(UINT16_MAX);
    }
    return hi;
}

/* The first record that becomes pending is the one that FRI names. */
static void
set_pending(struct vtd *v, unsigned i)
{
    uint32_t fsts = vtd_get32(v, VTD_FSTS);

    if ((fsts & VTD_FSTS_PPF) == 0) {
        vtd_set32(v, VTD_FSTS, (fsts & ~VTD_FSTS_FRI_MASK) | VTD_FSTS_FRI(i));
        set_status(v, VTD_FSTS_PPF);
    }
}

/* Returns the record written, or -1. */
static int
record(struct vtd *v, enum vtd_fault fault, const struct iommu_request *q, bool walked)
{
    const unsigned i = v->next_record;

    if ((vtd_get32(v, VTD_FSTS) & VTD_FSTS_PFO) != 0 || has_pending_of(v, q->sid)) {
        return -1;
    }
    if (is_pending(v, i)) {
        set_status(v, VTD_FSTS_PFO);
        return -1;
    }
    vtd_set64(v, record_lo(i), q->iova & ~PAGE_MASK);
    vtd_set64(v, record_hi(i), record_of(v, fault, q, walked));
    v->next_record = (i + 1) % v->cfg.fault_records;
    return (int)i;
}

void
vtd_fault_raise(struct vtd *v, enum vtd_fault fault, const struct iommu_request *q,
                bool walked, bool fpd)
{
    if (fpd && vtd_fault_qualified(fault)) {
        return;
    }
    const int i = record(v, fault, q, walked);
    v->faults++;
    trace_fault(v, fault, q, i);
    if (i >= 0) {
        set_pending(v, (unsigned)i);
    }
}

/* `index` is that of the descriptor at the head, where the queue stops. */
static void
trace_queue_error(const struct vtd *v, enum vtd_iqei why)
{
    static const char *const reasons[] = {
        [VTD_IQEI_NONE] = "status-not-written",
        [VTD_IQEI_TAIL] = "tail-outside-queue",
        [VTD_IQEI_FETCH] = "unreadable-descriptor",
        [VTD_IQEI_TYPE] = "unknown-type",
        [VTD_IQEI_RESERVED] = "reserved-bits",
        [VTD_IQEI_WIDTH] = "descriptor-width",
        [VTD_IQEI_ALIGN] = "tail-misaligned",
        [VTD_IQEI_TTM] = "table-mode-reserved",
    };
    struct trace_rec r;

    if (vtd_wants(v, TE_QUEUE_ERROR)) {
        vtd_trace_begin(v, &r, TE_QUEUE_ERROR);
        trace_text(&r, TF_REASON, reasons[why]);
        trace_u64(&r, TF_INDEX, vtd_get64(v, VTD_IQH) / vtd_desc_bytes(v));
        trace_emit(v->base.env->trace, &r);
    }
}

static void
trace_device_error(const struct vtd *v, const char *why, uint16_t sid)
{
    struct trace_rec r;

    if (vtd_wants(v, TE_QUEUE_ERROR)) {
        vtd_trace_begin(v, &r, TE_QUEUE_ERROR);
        trace_text(&r, TF_REASON, why);
        trace_u64(&r, TF_SID, sid);
        trace_emit(v->base.env->trace, &r);
    }
}

/* The first of such errors that is pending has its source id told. */
static void
device_error(struct vtd *v, uint64_t status, uint64_t source)
{
    if ((vtd_get32(v, VTD_FSTS) & status) == 0) {
        vtd_set64(v, VTD_IQERCD, vtd_get64(v, VTD_IQERCD) | source);
    }
    set_status(v, status);
}

void
vtd_fault_timeout(struct vtd *v, uint16_t sid)
{
    trace_device_error(v, "device-timeout", sid);
    device_error(v, VTD_FSTS_ITE, VTD_IQERCD_ITESID(sid));
}

void
vtd_fault_bad_completion(struct vtd *v, uint16_t sid)
{
    trace_device_error(v, "invalid-completion", sid);
    device_error(v, VTD_FSTS_ICE, VTD_IQERCD_ICESID(sid));
}

void
vtd_fault_queue(struct vtd *v, enum vtd_iqei why)
{
    trace_queue_error(v, why);
    vtd_set64(v, VTD_IQERCD, (vtd_get64(v, VTD_IQERCD) & ~VTD_IQERCD_IQEI) | why);
    set_status(v, VTD_FSTS_IQE);
}

void
vtd_fault_wait_interrupt(struct vtd *v)
{
    uint32_t ics = vtd_get32(v, VTD_ICS);

    vtd_set32(v, VTD_ICS, ics | VTD_ICS_IWC);
    if ((ics & VTD_ICS_IWC) == 0) {
        interrupt(v, VTD_IECTL);
    }
}

/* ---- what software clears ---- */

void
vtd_fault_status_cleared(struct vtd *v)
{
    uint32_t fsts = vtd_get32(v, VTD_FSTS);

    const uint64_t gone = ((fsts & VTD_FSTS_IQE) == 0 ? VTD_IQERCD_IQEI : 0) |
                          ((fsts & VTD_FSTS_ITE) == 0 ? VTD_IQERCD_ITESID(0xffff) : 0) |
                          ((fsts & VTD_FSTS_ICE) == 0 ? VTD_IQERCD_ICESID(0xffff) : 0);

    vtd_set64(v, VTD_IQERCD, vtd_get64(v, VTD_IQERCD) & ~gone);
    if ((fsts & ANY_STATUS) == 0) {
        no_longer_pending(v, VTD_FECTL);
    }
}

void
vtd_fault_record_cleared(struct vtd *v)
{
    for (unsigned i = 0; i < v->cfg.fault_records; i++) {
        if (is_pending(v, i)) {
            return;
        }
    }
    vtd_set32(v, VTD_FSTS, vtd_get32(v, VTD_FSTS) & ~VTD_FSTS_PPF);
    if (!env_quirk(v->base.env, QUIRK_VTD_IP_OUTLIVES_RECORD)) {
        vtd_fault_status_cleared(v);
    }
}

void
vtd_fault_ics_cleared(struct vtd *v)
{
    if ((vtd_get32(v, VTD_ICS) & VTD_ICS_IWC) == 0) {
        no_longer_pending(v, VTD_IECTL);
    }
}
