/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_window.h. */
#include "iommu/vtd_window.h"

static bool
unmap_piece(struct notifier *n, uint64_t first, uint64_t last, enum notify_cause cause)
{
    const struct notify_event ev = {
        .type = NOTIFY_UNMAP,
        .cause = cause,
        .iova = first,
        .mask = last - first,
    };

    return notify_one(n, &ev);
}

/*
 * What n was told of in the window, leaf by leaf: no more than it can fetch the dirty
 * pages of.
 */
static void
unmap_leaves(const struct vtd_space *s, struct notifier *n,
             const struct vtd_block *window, enum notify_cause cause)
{
    struct vtd_block b;

    for (uint64_t at = window->first; vtd_mirror_told(s, at, window->last, &b);
         at = b.last + 1) {
        if (!unmap_piece(n, b.first, b.last, cause) || b.last >= window->last) {
            return;
        }
    }
}

/* Whether n is a mirror that has to say what its device wrote in what goes. */
static bool
is_tracked(const struct notifier *n)
{
    const struct env *env = n->region->env;

    return env->dirty.on && (n->flags & NOTIFY_MAP) != 0 &&
           !env_quirk(env, QUIRK_VTD_TRACKING_UNMAPS_WINDOW);
}

/* The minimal cover of [first, last]. */
static void
unmap_pieces(struct notifier *n, uint64_t first, uint64_t last, enum notify_cause cause)
{
    for (uint64_t at = first; at <= last;) {
        uint64_t end = at + ((UINT64_C(1) << dyadic_lg2(at, last)) - 1);
        if (!unmap_piece(n, at, end, cause)) {
            return;
        }
        at = end + 1;
    }
}

/* One aligned power of two that holds [first, last]. */
static struct vtd_block
rounded_up(uint64_t first, uint64_t last)
{
    uint64_t mask = PAGE_MASK;

    while ((first | mask) < last) {
        mask = mask << 1 | 1;
    }
    return (struct vtd_block){ first & ~mask, first | mask };
}

/* Whether there is a piece of less than a page in it, or nothing at all. */
static bool
is_odd(const struct vtd_block *window)
{
    return window->first > window->last || window->last - window->first < PAGE_MASK ||
           (window->last & PAGE_MASK) != PAGE_MASK;
}

/* The window of n as far as the unit translates: first > last if not at all. */
static struct vtd_block
window_of(const struct vtd_space *s, const struct notifier *n)
{
    const uint64_t limit = vtd_address_last(s->v);

    return (struct vtd_block){ n->first, n->last < limit ? n->last : limit };
}

void
vtd_window_tell(struct vtd_space *s, struct notifier *n, enum notify_cause cause)
{
    struct env *env = s->v->base.env;
    const struct vtd_block window = window_of(s, n);

    if (is_odd(&window) && env_quirk(env, QUIRK_VTD_UNMAP_ALL_ASSERTS)) {
        env_abort(env, n->subject, BLAME_IOMMU, "window-cannot-be-unmapped");
    } else if (window.first > window.last) {
        return;
    } else if (env_quirk(env, QUIRK_VTD_UNMAP_ALL_ROUNDS_UP)) {
        struct vtd_block all = rounded_up(window.first, window.last);
        unmap_piece(n, all.first, all.last, cause);
    } else if (is_tracked(n)) {
        unmap_leaves(s, n, &window, cause);
    } else {
        unmap_pieces(n, window.first, window.last, cause);
    }
}

void
vtd_window_forget(struct vtd_space *s, const struct notifier *n)
{
    struct vtd_block window = window_of(s, n);

    if (window.first > window.last) {
        return;
    }
    if (env_quirk(s->v->base.env, QUIRK_VTD_UNMAP_ALL_OFF_BY_ONE)) {
        window.last++;
    }
    vtd_mirror_forget(s, &window);
}

void
vtd_window_unmap_all(struct vtd_space *s, enum notify_cause cause)
{
    for (struct notifier *n = s->region.head, *next; n != NULL; n = next) {
        next = n->next;
        vtd_window_tell(s, n, cause);
    }
    for (const struct notifier *n = s->region.head; n != NULL; n = n->next) {
        vtd_window_forget(s, n);
    }
    vtd_mirror_forget_all(s);
    s->blank = true;
}
