/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No IOMMU: every address a device uses is a guest-physical address, nothing is
 * refused and nothing is announced. Subscribers see RAM 1:1.
 */
#include <stdlib.h>

#include "iommu/iommu.h"

struct none {
    struct iommu iommu;
    struct space space;
    bool shown; /* the space has its sections */
};

static struct none *
none_of(struct iommu *m)
{
    return (struct none *)m;
}

/* RAM is known by the time that the first device appears. */
static struct space *
none_attach(struct iommu *m, uint16_t sid, const char *device, struct err *e)
{
    struct none *none = none_of(m);

    (void)sid;
    (void)device;
    (void)e;
    if (!none->shown) {
        space_set_bypass(&none->space);
        none->shown = true;
    }
    return &none->space;
}

static void
none_detach(struct iommu *m, uint16_t sid)
{
    (void)m;
    (void)sid;
}

static enum xlate_result
none_translate(struct iommu *m, const struct iommu_request *q, struct xlate *out)
{
    (void)m;
    *out = (struct xlate){
        .gpa = GPA(q->iova),
        .first = 0,
        .last = UINT64_MAX,
        .perm = PERM_RW,
    };
    return XLATE_OK;
}

static void
none_reset(struct iommu *m)
{
    (void)m;
}

static uint64_t
none_faults(const struct iommu *m)
{
    (void)m;
    return 0;
}

static void
none_free(struct iommu *m)
{
    struct none *none = none_of(m);

    space_fini(&none->space);
    free(none);
}

static const struct iommu_ops none_ops = {
    .kind = IOMMU_KIND_NONE,
    .free = none_free,
    .attach = none_attach,
    .detach = none_detach,
    .translate = none_translate,
    .reset = none_reset,
    .faults = none_faults,
};

struct iommu *
iommu_none_new(const char *id, struct env *env)
{
    struct none *none = xcalloc(1, sizeof(*none));

    none->iommu = (struct iommu){ .ops = &none_ops, .id = id, .env = env };
    space_init(&none->space, id, env);
    return &none->iommu;
}
