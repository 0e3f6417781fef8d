/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An iommufd address space behind QEMU's back end: one area for each MAP. An UNMAP
 * takes areas in ascending order and stops with ENOENT at one that sticks out, when
 * those before it are gone already; ENOENT is also the answer where nothing was mapped,
 * which is why the back end takes it for success, and hides the former.
 * Source: Linux drivers/iommu/iommufd/io_pagetable.c, QEMU backends/iommufd.c;
 * statements S60 to S64.
 */
#include <errno.h>

#include "subscriber/host.h"

static int
map(struct host *h, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    if (!host_aligned(first, last, h->granule) || (target & (h->granule - 1)) != 0 ||
        !host_valid(h, first, last)) {
        return EINVAL;
    }
    if (rangemap_any(&h->shadow, first, last)) {
        return EEXIST;
    }
    if (!host_may_lock(h, first, last)) {
        return ENOMEM;
    }
    rangemap_insert(&h->shadow, first, last, target, perm);
    return 0;
}

/* The kernel's answer is ENOENT wherever this stops early; QEMU calls it success. */
static int
unmap(struct host *h, uint64_t first, uint64_t last)
{
    struct range_piece p;

    if (!host_aligned(first, last, h->granule)) {
        return EINVAL;
    }
    while (rangemap_next_until(&h->shadow, first, last, &p) &&
           rangemap_entry(&h->shadow, p.first, &p) && p.first >= first &&
           p.last <= last) {
        rangemap_remove(&h->shadow, p.first, p.last);
    }
    return 0;
}

const struct host_ops host_iommufd = {
    .tracks = HOST_TRACKS_PAGES,
    .map = map,
    .unmap = unmap,
};
