/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A vhost-vdpa device behind QEMU's listener: a mirror with a range of addresses that
 * the device can reach and a list of maps that the kernel keeps. QEMU drops what is
 * not wholly in the range, MAP and UNMAP alike; the kernel removes every map that an
 * UNMAP touches, whole.
 *
 * What the listener changes while sections come and go is a batch, begun with its first
 * change of RAM or of a section that goes, and ended with the transaction. A device that
 * takes whole tables (set_map) uses the old one until then. What is outside a batch, such
 * as what guests map, is seen at once.
 * Source: Linux drivers/vhost/vdpa.c, QEMU hw/virtio/vhost-vdpa.c; statements S100 to
 * S106.
 */
#include <errno.h>

#include "subscriber/host.h"

#define DEFAULT_ENTRY_LIMIT UINT64_C(2048) /* max_iotlb_entries */

/* ---- batches ---- */

static void
trace_batch(const struct host *h, const char *op)
{
    struct trace_rec rec;

    if (trace_wants(h->env->trace, TE_BATCH)) {
        trace_begin(&rec, sim_now(h->env->sim), h->config->name, TE_BATCH);
        trace_text(&rec, TF_OP, op);
        trace_emit(h->env->trace, &rec);
    }
}

static void
alter(struct host *h)
{
    if (h->transaction && !h->batch) {
        h->batch = true;
        trace_batch(h, "begin");
    }
}

static void
begin(struct host *h)
{
    h->transaction = true;
    if (env_quirk(h->env, QUIRK_VDPA_EAGER_BATCH)) {
        alter(h);
    }
}

static void
commit(struct host *h)
{
    if (h->batch) {
        h->batches++;
        rangemap_clear(&h->changed);
        rangemap_clear(&h->before);
        trace_batch(h, "end");
    }
    h->transaction = h->batch = false;
}

static bool
keeps_old(const struct host *h)
{
    return h->batch && !h->config->no_set_map;
}

static void
mark_changed(struct host *h, uint64_t first, uint64_t last)
{
    rangemap_remove(&h->changed, first, last);
    rangemap_insert(&h->changed, first, last, 0, PERM_NONE);
}

/* The map *p goes. All of it was made in this batch, or nothing. */
static void
remove_map(struct host *h, const struct range_piece *p)
{
    if (keeps_old(h) && !rangemap_any(&h->changed, p->first, p->last)) {
        rangemap_insert(&h->before, p->first, p->last, p->target, p->perm);
        mark_changed(h, p->first, p->last);
    }
    rangemap_remove(&h->shadow, p->first, p->last);
}

static bool
lookup(const struct host *h, uint64_t addr, struct range_piece *out)
{
    struct range_piece changed;

    if (rangemap_next(&h->changed, addr, &changed) && changed.first <= addr) {
        return rangemap_lookup(&h->before, addr, out);
    }
    return rangemap_lookup(&h->shadow, addr, out);
}

/* ---- maps ---- */

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
    if (keeps_old(h)) {
        mark_changed(h, first, last);
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
        remove_map(h, &p);
    }
    return 0;
}

const struct host_ops host_vdpa = {
    .map = map,
    .unmap = unmap,
    .begin = begin,
    .alter = alter,
    .commit = commit,
    .lookup = lookup,
};
