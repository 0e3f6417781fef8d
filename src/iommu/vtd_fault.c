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

    if (!vtd_wants(v, TE_NOTE)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_NOTE);
    trace_text(&r, TF_WHAT, ectl == VTD_FECTL ? "fault-interrupt" : "wait-interrupt");
    trace_u64(&r, TF_GPA, v->regs[ectl / 4 + 2]);
    trace_u64(&r, TF_VALUE, v->regs[ectl / 4 + 1]);
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

static void
trace_fault(const struct vtd *v, enum vtd_fault fault, const struct iommu_request *q)
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
    trace_emit(v->base.env->trace, &r);
}

void
vtd_fault_raise(struct vtd *v, enum vtd_fault fault, const struct iommu_request *q,
                bool fpd)
{
    uint64_t pending = vtd_get64(v, VTD_FRCD_HI);

    if (fpd && vtd_fault_qualified(fault)) {
        return;
    }
    trace_fault(v, fault, q);
    if ((vtd_get32(v, VTD_FSTS) & VTD_FSTS_PFO) != 0) {
        return;
    }
    if ((pending & VTD_FRCD_F) != 0) {
        if ((pending & VTD_FRCD_SID_MASK) != q->sid) {
            set_status(v, VTD_FSTS_PFO);
        }
        return;
    }
    vtd_set64(v, VTD_FRCD, q->iova & ~PAGE_MASK);
    vtd_set64(v, VTD_FRCD_HI,
              VTD_FRCD_F | (q->access == PERM_W ? 0 : VTD_FRCD_READ) |
                  VTD_FRCD_REASON(fault) | q->sid);
    v->faults++;
    set_status(v, VTD_FSTS_PPF);
}

/* `index` is that of the descriptor at the head, where the queue stops. */
static void
trace_queue_error(const struct vtd *v, enum vtd_iqei why)
{
    static const char *const reasons[] = {
        [VTD_IQEI_NONE] = "none",
        [VTD_IQEI_TAIL] = "tail-outside-queue",
        [VTD_IQEI_FETCH] = "unreadable-descriptor",
        [VTD_IQEI_TYPE] = "unknown-type",
        [VTD_IQEI_RESERVED] = "reserved-bits",
    };
    struct trace_rec r;

    if (vtd_wants(v, TE_QUEUE_ERROR)) {
        vtd_trace_begin(v, &r, TE_QUEUE_ERROR);
        trace_text(&r, TF_REASON, reasons[why]);
        trace_u64(&r, TF_INDEX, vtd_get64(v, VTD_IQH) / VTD_DESC_BYTES);
        trace_emit(v->base.env->trace, &r);
    }
}

void
vtd_fault_queue(struct vtd *v, enum vtd_iqei why)
{
    trace_queue_error(v, why);
    vtd_set64(v, VTD_IQERCD, why);
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

    if ((fsts & VTD_FSTS_IQE) == 0) {
        vtd_set64(v, VTD_IQERCD, VTD_IQEI_NONE);
    }
    if ((fsts & ANY_STATUS) == 0) {
        no_longer_pending(v, VTD_FECTL);
    }
}

void
vtd_fault_record_cleared(struct vtd *v)
{
    if ((vtd_get64(v, VTD_FRCD_HI) & VTD_FRCD_F) == 0) {
        vtd_set32(v, VTD_FSTS, vtd_get32(v, VTD_FSTS) & ~VTD_FSTS_PPF);
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
