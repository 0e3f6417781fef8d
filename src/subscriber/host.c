/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See host.h: what the hosts have in common. */
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
    rangemap_init(&h->written, RANGEMAP_CONSTANT, s->env->budget);
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
    rangemap_fini(&h->written);
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
