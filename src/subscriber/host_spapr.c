/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VFIO sPAPR TCE containers: up to two windows with pages of their own size, in which
 * entries are exchanged one by one. A MAP over live entries replaces them, an UNMAP
 * may take any part of what one MAP made.
 *
 * v1 has one window, given by the host, and pins as it maps. v2 makes a window for
 * each section of the guest's, with the largest page that host, guest and the memory
 * behind can all do, at an address that the platform chooses; what it maps must have
 * been registered before.
 * Source: Linux drivers/vfio/vfio_iommu_spapr_tce.c, QEMU hw/vfio/spapr.c; statements
 * S50 to S58.
 */
#include <errno.h>

#include "subscriber/host.h"

#define DEFAULT_PAGE_SIZES                                                               \
    (UINT64_C(1) << 12 | UINT64_C(1) << 16 | UINT64_C(1) << 21 | UINT64_C(1) << 24)
#define DEFAULT_WINDOW_LAST UINT64_C(0x3fffffff) /* of v1 */
#define SECOND_WINDOW       UINT64_C(0x800000000000000)

/* ---- entries ---- */

static const struct host_window *
window_of(const struct host *h, uint64_t addr)
{
    for (size_t i = 0; i < 2; i++) {
        const struct host_window *w = &h->windows[i];
        if (w->open && addr >= w->first && addr <= w->last) {
            return w;
        }
    }
    return NULL;
}

/* Bytes from target on that were registered, at most len. */
static uint64_t
registered(const struct host *h, uint64_t target, uint64_t len)
{
    const struct subscriber_config *c = h->config;

    if (!c->has_registered) {
        return len;
    }
    if (target < c->registered_first || target > c->registered_last) {
        return 0;
    }
    return len - 1 <= c->registered_last - target ? len : c->registered_last - target + 1;
}

/*
 * An entry that cannot be made takes those made before it along, and what they replaced.
 */
static int
map(struct host *h, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    const struct host_window *w = window_of(h, first);
    const uint64_t len = last - first + 1;

    if (w == NULL) {
        return ENXIO;
    }
    const uint64_t page = UINT64_C(1) << w->page_lg2;
    if (!host_aligned(first, last, page) || (target & (page - 1)) != 0 ||
        last > w->last) {
        return EINVAL;
    }
    const uint64_t good = registered(h, target, len) & ~(page - 1);
    if (good < len) {
        if (good > 0) {
            rangemap_remove(&h->shadow, first, first + good - 1);
        }
        return EINVAL;
    }
    rangemap_remove(&h->shadow, first, last);
    rangemap_insert(&h->shadow, first, last, target, perm);
    return 0;
}

static int
unmap(struct host *h, uint64_t first, uint64_t last)
{
    const struct host_window *w = window_of(h, first);

    if (w == NULL) {
        return ENXIO;
    }
    const uint64_t page = UINT64_C(1) << w->page_lg2;
    if (!host_aligned(first, last, page) || last > w->last) {
        return EINVAL;
    }
    if (env_quirk(h->env, QUIRK_PAPR_SUBPAGE_FIRST_ONLY)) {
        last = first + (page - 1);
    }
    rangemap_remove(&h->shadow, first, last);
    return 0;
}

/* ---- windows ---- */

/* v1 pins by window, v2 registers all RAM: either is charged before anything works. */
static int
charge_memory(const struct host *h, uint64_t bytes, struct err *e)
{
    if (h->config->locked_memory != 0 && bytes > h->config->locked_memory) {
        err_set(e, "0x%llx bytes to lock, 0x%llx allowed", (unsigned long long)bytes,
                (unsigned long long)h->config->locked_memory);
        return ENOMEM;
    }
    return 0;
}

static int
open_v1(struct host *h, const struct space_section *s, uint64_t page, struct err *e)
{
    const struct subscriber_config *c = h->config;
    struct host_window *w = &h->windows[0];

    (void)page;
    *w = (struct host_window){ .last = DEFAULT_WINDOW_LAST, .page_lg2 = PAGE_LG2 };
    if (c->has_aperture) {
        w->first = c->aperture_first;
        w->last = c->aperture_last;
    }
    if (s->first < w->first || s->last > w->last) {
        err_set(e, "cannot map guest IOVA region 0x%llx-0x%llx",
                (unsigned long long)s->first, (unsigned long long)s->last);
        return EINVAL;
    }
    const int error = charge_memory(h, w->last - w->first + 1, e);
    w->open = error == 0;
    return error;
}

/* The largest page of the host that neither the guest's pages nor RAM's are below. */
static unsigned
choose_page(const struct host *h, uint64_t guest_page)
{
    const uint64_t sizes =
        h->config->page_sizes != 0 ? h->config->page_sizes : DEFAULT_PAGE_SIZES;
    const uint64_t backing = h->config->backing_page;
    const uint64_t most = backing != 0 && backing < guest_page ? backing : guest_page;
    const uint64_t fit = sizes & (most | (most - 1));

    return fit == 0 ? 0 : 63 - (unsigned)__builtin_clzll(fit);
}

static uint64_t
ram_bytes(const struct mem *mem)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < mem_range_count(mem); i++) {
        const struct mem_range *r = mem_range_at(mem, i);
        bytes += r->kind == MEM_RAM ? r->last - r->first + 1 : 0;
    }
    return bytes;
}

static int
open_v2(struct host *h, const struct space_section *s, uint64_t page, struct err *e)
{
    struct host_window *w = !h->windows[0].open ? &h->windows[0] : &h->windows[1];
    const unsigned page_lg2 = choose_page(h, page);
    const int error = charge_memory(h, ram_bytes(h->env->mem), e);

    if (error != 0) {
        return error;
    }
    if (w->open) {
        err_set(e, "the host has two windows already");
        return ENOSPC;
    }
    if (page_lg2 == 0) {
        err_set(e, "the host has no pages of 0x%llx bytes or less",
                (unsigned long long)page);
        return EINVAL;
    }
    if (s->first != (s->first < SECOND_WINDOW ? 0 : SECOND_WINDOW)) {
        err_set(e, "the host puts the window at 0x%llx",
                (unsigned long long)(s->first < SECOND_WINDOW ? 0 : SECOND_WINDOW));
        return EINVAL;
    }
    *w = (struct host_window){ s->first, s->last, page_lg2, true };
    return 0;
}

static void
close_window(struct host *h, const struct space_section *s)
{
    for (size_t i = 0; i < 2; i++) {
        struct host_window *w = &h->windows[i];
        if (w->open && s->first >= w->first && s->last <= w->last) {
            rangemap_remove(&h->shadow, w->first, w->last);
            w->open = false;
        }
    }
}

const struct host_ops host_spapr_v2 = {
    .map = map,
    .unmap = unmap,
    .open = open_v2,
    .close = close_window,
};
const struct host_ops host_spapr_v1 = {
    .map = map,
    .unmap = unmap,
    .open = open_v1,
};
