/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What becomes of an event that reaches a registration: it is counted, moved to the
 * addresses of the bus and handed to the kind, at once unless a subscriber is broken on
 * purpose. Besides, stores of the host's kernel, of which no event tells. See internal.h.
 */
#include "subscriber/internal.h"

static void
count_event(struct subscriber *s, const struct notify_event *ev)
{
    if (ev->type == NOTIFY_MAP) {
        s->maps++;
    } else if (ev->type == NOTIFY_UNMAP) {
        s->unmaps++;
    } else {
        s->deviotlb_unmaps++;
    }
}

/* Do what the event asks; its addresses are those of the bus. */
static void
act(struct subscriber *s, const struct notify_event *ev)
{
    s->ops->notify(s, ev, ev->iova, ev->iova + ev->mask);
}

/* What is left undone of the event before. */
static void
act_late(struct subscriber *s)
{
    if (s->late.type != 0) {
        const struct notify_event late = s->late;
        s->late.type = 0;
        act(s, &late);
    }
}

/*
 * The ways of subscribers that are broken on purpose: what they put off is done when
 * the next event comes.
 */
static void
act_in_its_way(struct subscriber *s, const struct notify_event *ev)
{
    const struct env *env = s->env;
    const bool map = ev->type == NOTIFY_MAP;

    if (!map && env_quirk(env, QUIRK_SUB_DROP_UNMAP)) {
        return;
    }
    if (!map && env_quirk(env, QUIRK_SUB_LATE_UNMAP)) {
        act_late(s);
        s->late = *ev;
        return;
    }
    if (!map && ev->cause == CAUSE_CHANGE && env_quirk(env, QUIRK_SUB_REORDER)) {
        s->late = *ev;
        return;
    }
    act(s, ev);
    act_late(s);
    if (map && env_quirk(env, QUIRK_SUB_DUPLICATE)) {
        s->late = *ev;
    }
}

void
subscriber_on_event(struct notifier *n, struct notify_event *ev)
{
    struct subscriber_binding *b = n->owner;
    struct subscriber *s = b->s;

    if (s->stranded) {
        env_abort(s->env, s->config.name, BLAME_SUBSCRIBER, "event-to-who-is-gone");
        return;
    }
    count_event(s, ev);
    if (s->ops->notify == NULL) {
        return;
    }
    if (!env_quirk(s->env, QUIRK_SUB_IGNORES_OFFSET)) {
        ev->iova += n->offset;
    }
    if (ev->type == NOTIFY_MAP && env_quirk(s->env, QUIRK_SUB_WRONG_PERM)) {
        ev->perm = PERM_RW;
    }
    act_in_its_way(s, ev);
}

/* ---- the host's kernel ---- */

static bool
kernel_takes(const struct notifier *n, gpa_t target, uint64_t len)
{
    const struct subscriber_binding *b = n->owner;

    return b->s->ops->kernel_takes(b->s, target.v, len);
}

static void
kernel_store(struct notifier *n, struct notify_event *ev)
{
    struct subscriber_binding *b = n->owner;
    const uint64_t first = ev->iova + n->offset;

    b->s->ops->notify(b->s, ev, first, first + ev->mask);
}

const struct notify_kernel_ops subscriber_kernel_link = { kernel_takes, kernel_store };
