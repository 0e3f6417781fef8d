/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A log of QEMU's PAPR calls played again: each hypercall is a step of the guest with
 * the logged status as its expectation; windows and resets that the log shows are made
 * to happen on the way, as the platform's firmware would. Moments are those of the log,
 * counted from its first event.
 */
#include <stdlib.h>

#include "iommu/papr.h"
#include "iommu/papr_fmt.h"
#include "machine/traffic.h"
#include "trace/capture.h"

struct capture_traffic {
    struct traffic t;
    struct capture *capture;
    sim_time began;
    bool has_first;
    uint64_t first_usec;
    uint64_t list[PAPR_LIST_MAX];
    bool dma; /* accesses of devices, too */
    struct step_options opt;
    struct step_expect expect;
};

static struct iommu *
owner(const struct machine *m, uint64_t liobn)
{
    for (size_t i = 0; i < m->sc->n_iommus; i++) {
        struct iommu *iommu = m->iommus[i];
        if (iommu->ops->owns_liobn != NULL && iommu->ops->owns_liobn(iommu, liobn)) {
            return iommu;
        }
    }
    return NULL;
}

static void
reset_vio(struct machine *m)
{
    for (uint32_t i = 0; i < m->sc->n_iommus; i++) {
        if (m->sc->iommus[i].model == IOMMU_PAPR_VIO) {
            m->iommus[i]->ops->reset(m->iommus[i]);
        }
    }
}

/* Both windows of a bridge as a migration brought them. */
static bool
load_windows(struct iommu *iommu, const struct capture_op *op)
{
    bool ok = true;

    papr_window_reset(iommu);
    if (op->loaded[0].state != CAPTURE_WINDOW_DEFAULT) {
        ok = papr_window_remove(iommu, op->liobn);
    }
    for (unsigned i = 0; ok && i < 2; i++) {
        const struct capture_geometry *g = &op->loaded[i];
        ok = g->state != CAPTURE_WINDOW_DYNAMIC ||
             papr_window_create(iommu, op->liobn + i, g->base, g->page_lg2, g->entries);
    }
    return ok;
}

/* What the platform did to a window. False and *e if this machine cannot follow. */
static bool
platform(struct capture_traffic *k, const struct capture_op *op, struct err *e)
{
    struct machine *m = k->t.m;
    struct iommu *iommu = owner(m, op->liobn);
    bool ok = true;

    if (op->kind == CAPTURE_VIO_RESET) {
        reset_vio(m);
        return true;
    }
    if (iommu == NULL) {
        return err_at(e, k->t.file, op->line, 0,
                      "the capture names LIOBN 0x%llx, the machine has no such window",
                      (unsigned long long)op->liobn);
    }
    switch (op->kind) {
    case CAPTURE_BRIDGE_RESET:
        iommu->ops->reset(iommu);
        break;
    case CAPTURE_WINDOW_RESET:
        papr_window_reset(iommu);
        break;
    case CAPTURE_WINDOWS_LOADED:
        ok = load_windows(iommu, op);
        break;
    case CAPTURE_WINDOW_CREATE:
        ok = papr_window_create(iommu, op->liobn, op->base, op->page_lg2, op->entries);
        break;
    case CAPTURE_WINDOW_REMOVE:
        ok = papr_window_remove(iommu, op->liobn);
        if (op->restored) {
            papr_window_reset(iommu);
        }
        break;
    default:
        break;
    }
    return ok || err_at(e, k->t.file, op->line, 0,
                        "the machine cannot make the window that the capture shows");
}

static uint8_t
step_of(enum capture_kind kind)
{
    switch (kind) {
    case CAPTURE_PUT:
        return STEP_H_PUT_TCE;
    case CAPTURE_INDIRECT:
        return STEP_H_PUT_TCE_INDIRECT;
    case CAPTURE_STUFF:
        return STEP_H_STUFF_TCE;
    default:
        return STEP_H_GET_TCE;
    }
}

static void
begin_step(struct capture_traffic *k, const struct capture_op *op, enum step_kind kind,
           struct step *out)
{
    *out = (struct step){
        .opt = &k->opt,
        .pos = { .line = op->line },
        .kind = (uint8_t)kind,
        .timing = STEP_AT,
        .when =
            k->began + (op->usec > k->first_usec ? op->usec - k->first_usec : 0) * 1000,
        .wait = true,
    };
}

/* The device that stands for all of a table: the first that is plugged in. */
static bool
device_of(const struct machine *m, uint64_t liobn, uint32_t *device)
{
    const struct iommu *iommu = owner(m, liobn);

    for (uint32_t i = 0; iommu != NULL && i < m->sc->n_devices; i++) {
        if (m->devices[i].space != NULL && m->devices[i].iommu == iommu) {
            *device = i;
            return true;
        }
    }
    return false;
}

/* One byte, as the log tells neither size nor, where both are permitted, direction. */
static bool
make_access(struct capture_traffic *k, const struct capture_op *op, struct step *out)
{
    uint32_t device;

    if (!k->dma || op->unknown || !device_of(k->t.m, op->liobn, &device)) {
        return false;
    }
    begin_step(k, op, STEP_DMA, out);
    out->u.dma = (struct step_dma){
        .device = device, .write = op->perm == PERM_W, .iova = op->ioba, .size = 1
    };
    k->expect.given = op->perm == PERM_NONE ? 0 : EXPECT_RESULT | EXPECT_GPA;
    k->expect.result = RESULT_OK;
    k->expect.gpa = capture_access_gpa(op);
    return true;
}

static void
make_step(struct capture_traffic *k, const struct capture_op *op, struct step *out)
{
    begin_step(k, op, (enum step_kind)step_of(op->kind), out);
    out->u.tce = (struct step_tce){
        .liobn = op->liobn, .ioba = op->ioba, .tce = op->tce, .npages = op->npages
    };
    if (op->kind == CAPTURE_INDIRECT) {
        uint64_t n = op->npages < PAPR_LIST_MAX ? op->npages : PAPR_LIST_MAX;
        for (uint64_t i = 0; i < n; i++) {
            k->list[i] = capture_list_entry(op, i);
        }
        out->u.tce.values = k->list;
        out->u.tce.n_values = (uint32_t)n;
    }
    k->expect.given = EXPECT_RET;
    k->expect.ret = op->ret;
}

static enum traffic_next
capture_traffic_next(struct traffic *t, struct step *out, struct err *e)
{
    struct capture_traffic *k = (struct capture_traffic *)t;
    struct capture_op op;

    for (;;) {
        switch (capture_next(k->capture, &op, e)) {
        case CAPTURE_END:
            if (!k->has_first) {
                err_at(e, k->t.file, 0, 0, "no event of TCE tables (spapr_iommu)");
                return TRAFFIC_ERROR;
            }
            return TRAFFIC_END;
        case CAPTURE_ERROR:
            return TRAFFIC_ERROR;
        case CAPTURE_OP:
            break;
        }
        if (!k->has_first) {
            k->has_first = true;
            k->first_usec = op.usec;
        }
        if (capture_is_call(op.kind)) {
            make_step(k, &op, out);
            return TRAFFIC_STEP;
        }
        if (op.kind == CAPTURE_XLATE && make_access(k, &op, out)) {
            return TRAFFIC_STEP;
        }
        if (op.kind >= CAPTURE_BRIDGE_RESET && op.kind <= CAPTURE_WINDOWS_LOADED &&
            op.kind != CAPTURE_WINDOW_QUERY && !platform(k, &op, e)) {
            return TRAFFIC_ERROR;
        }
    }
}

static void
capture_traffic_free(struct traffic *t)
{
    struct capture_traffic *k = (struct capture_traffic *)t;

    capture_close(k->capture);
    free(k);
}

static const struct traffic_ops capture_ops = { capture_traffic_next,
                                                capture_traffic_free };

struct traffic *
capture_traffic_new(struct machine *m, const struct step *s, struct err *e)
{
    struct capture *c = capture_open(s->u.replay.path, e);

    if (c == NULL) {
        return NULL;
    }
    struct capture_traffic *k = xcalloc(1, sizeof(*k));
    k->t = (struct traffic){ .ops = &capture_ops, .m = m, .file = s->u.replay.capture };
    k->capture = c;
    k->began = sim_now(m->env.sim);
    k->opt = (struct step_options){ .repeat = 1, .expect = &k->expect };
    k->expect = (struct step_expect){ .pos = s->pos };
    k->dma = s->u.replay.dma;
    return &k->t;
}
