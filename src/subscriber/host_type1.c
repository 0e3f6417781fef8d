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

#define DEFAULT_ENTRY_LIMIT UINT64_C(65535) /* dma_entry_limit */

void
host_init(struct host *h, const struct host_ops *ops, struct subscriber *s)
{
    const struct subscriber_config *c = &s->config;

    *h = (struct host){ .ops = ops, .env = s->env, .s = s, .config = c };
    rangemap_init(&h->shadow, RANGEMAP_LINEAR, s->env->budget);
    rangemap_init(&h->record, RANGEMAP_CONSTANT, s->env->budget);
    rangemap_init(&h->changed, RANGEMAP_CONSTANT, s->env->budget);
    rangemap_init(&h->before, RANGEMAP_LINEAR, s->env->budget);
    h->entry_limit = c->entry_limit != 0 ? c->entry_limit : DEFAULT_ENTRY_LIMIT;
    h->record_by_key = env_quirk(s->env, QUIRK_VDPA_REMOVE_BY_KEY);
    if (env_quirk(s->env, QUIRK_VFIO_NO_ENTRY_LIMIT)) {
        h->entry_limit = UINT64_MAX;
    }
    h->granule = c->page_sizes & -c->page_sizes;
    if (h->granule < PAGE_BYTES) {
        h->granule = PAGE_BYTES;
    }
}

void
host_fini(struct host *h)
{
    rangemap_fini(&h->shadow);
    rangemap_fini(&h->record);
    rangemap_fini(&h->changed);
    rangemap_fini(&h->before);
}

bool
host_valid(const struct host *h, uint64_t first, uint64_t last)
{
    const struct subscriber_config *c = h->config;
    struct subscriber_span reserved;

    if (c->has_aperture && (first < c->aperture_first || last > c->aperture_last)) {
        if (env_quirk(h->env, QUIRK_VFIO_NO_APERTURE_CHECK)) {
            env_abort(h->env, c->name, BLAME_SUBSCRIBER, "iova-beyond-the-host-tables");
            return true;
        }
        return false;
    }
    return !subscriber_reserved(h->s, first, last, &reserved);
}

bool
host_may_lock(const struct host *h, uint64_t first, uint64_t last)
{
    const uint64_t pages = ((last - first) >> PAGE_LG2) + 1;
    const uint64_t limit = h->config->locked_memory >> PAGE_LG2;

    return h->config->locked_memory == 0 ||
           (h->shadow.pages <= limit && pages <= limit - h->shadow.pages);
}

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

const struct host_ops host_type1_v2 = { .map = map, .unmap = unmap_v2 };
const struct host_ops host_type1_v1 = { .map = map, .unmap = unmap_v1 };
