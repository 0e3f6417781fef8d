/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The devices that share a mirror as their container: each brings the addresses that its
 * host IOMMU keeps for itself, and nothing can be mapped at those of any of them.
 */
#include "subscriber/internal.h"

bool
subscriber_reserved(const struct subscriber *s, uint64_t first, uint64_t last,
                    struct subscriber_span *out)
{
    const struct subscriber_span *lowest = NULL;

    for (const struct subscriber_group *g = s->groups; g != NULL; g = g->next) {
        for (size_t i = 0; i < g->n_reserved; i++) {
            const struct subscriber_span *r = &g->reserved[i];
            if (ranges_overlap(r->first, r->last, first, last) &&
                (lowest == NULL || r->first < lowest->first)) {
                lowest = r;
            }
        }
    }
    if (lowest == NULL) {
        return false;
    }
    out->first = lowest->first < first ? first : lowest->first;
    out->last = lowest->last > last ? last : lowest->last;
    return true;
}

bool
subscriber_join(struct subscriber *s, const char *who, struct subscriber_group *g,
                struct err *e)
{
    struct range_piece held;

    for (size_t i = 0; s->ops->next != NULL && i < g->n_reserved; i++) {
        const struct subscriber_span *r = &g->reserved[i];
        if (s->ops->next(s, r->first, &held) && held.first <= r->last) {
            const char *why = "a reserved range of the device is mapped";
            subscriber_trace_refused(s->env, who, why, s->ops->in_use);
            return err_set(e, "%s", why);
        }
    }
    g->next = s->groups;
    s->groups = g;
    return true;
}

void
subscriber_part(struct subscriber *s, struct subscriber_group *g)
{
    for (struct subscriber_group **p = &s->groups; *p != NULL; p = &(*p)->next) {
        if (*p == g) {
            *p = g->next;
            return;
        }
    }
}
