/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VFIO type1 containers as the kernel keeps them: entries that never overlap, each
 * what one MAP made. The two versions differ in UNMAP: v2 refuses to cut an entry, v1
 * removes an entry whole if its first address is asked for, and nothing at all if the
 * first one it meets began before.
 * Source: Linux drivers/vfio/vfio_iommu_type1.c; statements S10 to S25.
 */
#include <errno.h>

#include "subscriber/host.h"

static int
map(struct host *h, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    if (!host_aligned(first, last, h->granule) || (target & (h->granule - 1)) != 0) {
        return EINVAL;
    }
    if (rangemap_any(&h->shadow, first, last)) {
        return EEXIST;
    }
    if (h->shadow.entries >= h->entry_limit) {
        return ENOSPC;
    }
    if (!host_valid(h, first, last)) {
        return EINVAL;
    }
    if (!host_may_lock(h, first, last)) {
        return ENOMEM;
    }
    rangemap_insert(&h->shadow, first, last, target, perm);
    return 0;
}

/* The length that the kernel sees of all 2^64 bytes is 0. */
static bool
says_length(const struct host *h, uint64_t first, uint64_t last)
{
    if (last == UINT64_MAX && env_quirk(h->env, QUIRK_VFIO_UNMAP_WRAP_CHECK)) {
        return false;
    }
    return host_aligned(first, last, h->granule) && last - first != UINT64_MAX;
}

static int
unmap_v2(struct host *h, uint64_t first, uint64_t last)
{
    if (!says_length(h, first, last) || rangemap_cuts(&h->shadow, first) ||
        (last != UINT64_MAX && rangemap_cuts(&h->shadow, last + 1))) {
        return EINVAL;
    }
    rangemap_remove(&h->shadow, first, last);
    return 0;
}

static int
unmap_v1(struct host *h, uint64_t first, uint64_t last)
{
    struct range_piece e;

    if (!says_length(h, first, last)) {
        return EINVAL;
    }
    if (rangemap_cuts(&h->shadow, first)) {
        return 0;
    }
    if (last != UINT64_MAX && rangemap_cuts(&h->shadow, last + 1) &&
        rangemap_entry(&h->shadow, last + 1, &e)) {
        last = e.last;
    }
    rangemap_remove(&h->shadow, first, last);
    return 0;
}

const struct host_ops host_type1_v2 = {
    .tracks = HOST_TRACKS_ENTRIES,
    .map = map,
    .unmap = unmap_v2,
};
const struct host_ops host_type1_v1 = {
    .tracks = HOST_TRACKS_ENTRIES,
    .map = map,
    .unmap = unmap_v1,
};
