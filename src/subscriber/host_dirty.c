/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a host knows of its device's writes while a migration runs.
 *
 * A type1 container has a bitmap for each entry, and no IOMMU below that would tell it
 * what was written: every page of an entry counts as dirty. iommufd reads the dirty bits
 * of the IOMMU, page by page, and clears them. The others have nothing to ask, so that
 * their monitor takes all that is mapped for dirty.
 * Source: Linux drivers/vfio/vfio_iommu_type1.c, QEMU hw/vfio/common.c; S40.
 */
#include <errno.h>

#include "subscriber/host.h"

/* DIRTY_BITMAP_PAGES_MAX: of one request. */
#define PAGES_MAX UINT64_C(0x7fffffff)

int
host_track(struct host *h, bool on)
{
    const int error = fail_point(h->env, h->config->name, FAIL_TRACK);

    if (on && error != 0) {
        return error;
    }
    h->tracking = on;
    rangemap_clear(&h->written);
    return 0;
}

void
host_wrote(struct host *h, uint64_t first, uint64_t last)
{
    if (h->tracking && h->ops->tracks == HOST_TRACKS_PAGES) {
        page_set_add(&h->written, first, last);
    }
}

static void
mark(struct host *h, uint64_t first, uint64_t last)
{
    struct trace_rec rec;

    dirty_mark(&h->env->dirty, first, last);
    if (trace_wants(h->env->trace, TE_DIRTY)) {
        trace_begin(&rec, sim_now(h->env->sim), h->config->name, TE_DIRTY);
        trace_u64(&rec, TF_GPA, first);
        trace_u64(&rec, TF_SIZE, last - first + 1);
        trace_emit(h->env->trace, &rec);
    }
}

/* Which pages count as dirty, by the device's addresses. */
static const struct rangemap *
dirty_of(const struct host *h)
{
    return h->ops->tracks == HOST_TRACKS_PAGES ? &h->written : &h->shadow;
}

int
host_report_dirty(struct host *h, uint64_t first, uint64_t last, uint64_t target)
{
    struct range_piece p;

    if (h->ops->tracks == HOST_TRACKS_ENTRIES &&
        (rangemap_cuts(&h->shadow, first) ||
         (last != UINT64_MAX && rangemap_cuts(&h->shadow, last + 1)))) {
        return EINVAL;
    }
    for (uint64_t at = first; rangemap_next_until(dirty_of(h), at, last, &p);
         at = p.last + 1) {
        const uint64_t a = p.first > first ? p.first : first;
        const uint64_t z = p.last < last ? p.last : last;
        mark(h, target + (a - first), target + (z - first));
        if (p.last >= last) {
            break;
        }
    }
    if (h->ops->tracks == HOST_TRACKS_PAGES) {
        rangemap_remove(&h->written, first, last);
    }
    return 0;
}

int
host_may_report(const struct host *h, uint64_t first, uint64_t last)
{
    return h->ops->tracks == HOST_TRACKS_ENTRIES &&
                   (last - first) / h->granule >= PAGES_MAX
               ? E2BIG
               : 0;
}

void
host_report_all(struct host *h, uint64_t first, uint64_t last)
{
    struct range_piece p;

    for (uint64_t at = first; rangemap_next_until(&h->shadow, at, last, &p);
         at = p.last + 1) {
        const uint64_t a = p.first > first ? p.first : first;
        const uint64_t z = p.last < last ? p.last : last;
        struct range_piece w;
        for (uint64_t from = a; rangemap_next_until(dirty_of(h), from, z, &w);
             from = w.last + 1) {
            const uint64_t b = w.first > a ? w.first : a, y = w.last < z ? w.last : z;
            mark(h, p.target + (b - p.first), p.target + (y - p.first));
            if (w.last >= z) {
                break;
            }
        }
        if (p.last >= last) {
            break;
        }
    }
    if (h->ops->tracks == HOST_TRACKS_PAGES) {
        rangemap_remove(&h->written, first, last);
    }
}
