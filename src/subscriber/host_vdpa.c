/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A vhost-vdpa device behind QEMU's listener: a mirror with a range of addresses that
 * the device can reach and a list of maps that the kernel keeps. QEMU drops what is
 * not wholly in the range, MAP and UNMAP alike; the kernel removes every map that an
 * UNMAP touches, whole.
 * Source: Linux drivers/vhost/vdpa.c, QEMU hw/virtio/vhost-vdpa.c; statements S100 to
 * S105.
 */
#include <errno.h>

#include "subscriber/host.h"

#define DEFAULT_ENTRY_LIMIT UINT64_C(2048) /* max_iotlb_entries */

static bool
reachable(const struct host *h, uint64_t first, uint64_t last)
{
    const struct subscriber_config *c = h->config;

    return !c->has_aperture || (first >= c->aperture_first && last <= c->aperture_last);
}

static int
map(struct host *h, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    const uint64_t limit =
        h->config->entry_limit != 0 ? h->config->entry_limit : DEFAULT_ENTRY_LIMIT;

    if (!reachable(h, first, last)) {
        return ERANGE;
    }
    if (rangemap_any(&h->shadow, first, last)) {
        return EEXIST;
    }
    if (h->shadow.entries >= limit && !env_quirk(h->env, QUIRK_VDPA_NO_LIMIT)) {
        return ENOSPC;
    }
    if (!host_may_lock(h, first, last)) {
        return ENOMEM;
    }
    rangemap_insert(&h->shadow, first, last, target, perm);
    if (h->record_by_key) {
        rangemap_remove(&h->record, first, last);
        rangemap_insert(&h->record, first, last, target, perm);
    }
    return 0;
}

/*
 * Take an UNMAP out of the listener's record; false: nothing of it was there, and the
 * kernel is not asked. By the key of the search, what goes is the lowest entry.
 */
static bool
forget(struct host *h, uint64_t first, uint64_t last)
{
    struct range_piece lowest;

    if (!h->record_by_key) {
        return true;
    }
    if (!rangemap_any(&h->record, first, last)) {
        return false;
    }
    rangemap_next_entry(&h->record, 0, &lowest);
    rangemap_remove(&h->record, lowest.first, lowest.last);
    return true;
}

static int
unmap(struct host *h, uint64_t first, uint64_t last)
{
    struct range_piece p;

    if (!reachable(h, first, last)) {
        return ERANGE;
    }
    if (!forget(h, first, last)) {
        return 0;
    }
    while (rangemap_next_until(&h->shadow, first, last, &p) &&
           rangemap_entry(&h->shadow, p.first, &p)) {
        rangemap_remove(&h->shadow, p.first, p.last);
    }
    return 0;
}

const struct host_ops host_vdpa = { .map = map, .unmap = unmap };
