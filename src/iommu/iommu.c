/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all IOMMUs have in common: the doorbells, finding the window's owner for a
 * hypercall, waiting for a queue to run dry. See iommu.h.
 */
#include "iommu/iommu.h"

#include <assert.h>
#include <string.h>

#include "iommu/papr_fmt.h"

void
iommu_free(struct iommu *m)
{
    if (m != NULL) {
        m->ops->free(m);
    }
}

uint64_t
iommu_mmio_read(struct iommu *m, uint64_t off, unsigned width)
{
    return m->ops->mmio_read(m, off, width);
}

void
iommu_mmio_write(struct iommu *m, uint64_t off, unsigned width, uint64_t value)
{
    m->ops->mmio_write(m, off, width, value);
}

void
iommu_when_idle(struct iommu *m, void (*fn)(void *self), void *self)
{
    assert(m->idle_fn == NULL);
    if (m->ops->busy == NULL || !m->ops->busy(m)) {
        fn(self);
        return;
    }
    m->idle_fn = fn;
    m->idle_self = self;
}

void
iommu_idle(struct iommu *m)
{
    void (*fn)(void *self) = m->idle_fn;

    if (fn != NULL) {
        m->idle_fn = NULL; /* it may wait anew */
        fn(m->idle_self);
    }
}

void
iommu_hcall(struct iommu *const *all, size_t n, struct hcall *h)
{
    h->ret = PAPR_H_PARAMETER;
    h->value = 0;
    h->served_by = NULL;
    h->first = h->last = 0;
    h->wrote = false;
    for (size_t i = 0; i < n; i++) {
        const struct iommu_ops *ops = all[i]->ops;

        if (ops->owns_liobn != NULL && ops->owns_liobn(all[i], h->liobn)) {
            h->served_by = all[i];
            ops->hcall(all[i], h);
            return;
        }
        if (ops->unknown_liobn != NULL) {
            h->ret = ops->unknown_liobn(all[i], h->liobn);
        }
    }
}

void
iommu_rtas(struct iommu *const *all, size_t n, struct rtas *r)
{
    memset(r->rets, 0, sizeof(r->rets));
    r->rets[0] = (uint32_t)PAPR_RTAS_PARAMETER;
    r->written = 1;
    for (size_t i = 0; i < n; i++) {
        if (all[i]->ops->rtas != NULL && all[i]->ops->rtas(all[i], r)) {
            return;
        }
    }
}

void
iommu_hcall_return(struct hcall *h)
{
    if (h->wrote) {
        observe(h->served_by->env, hcall_returned, h->served_by, h->liobn, h->first,
                h->last);
    }
}
