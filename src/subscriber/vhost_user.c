/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vhost-user: the cache of a back end in a process of its own. Invalidations go over a
 * socket in order and take their time; until one arrives the back end goes on using what
 * it names. With acknowledgements QEMU waits for each, so the guest's invalidation
 * completes after the back end's; without, the guest is told too early.
 *
 * A message that fails means that the socket is lost: the device stands still, further
 * events are dropped without an error, and after a reset of the device it begins with
 * an empty cache.
 * Source: QEMU docs/interop/vhost-user.rst, hw/virtio/vhost-user.c; S90, S91.
 */
#include <stdlib.h>

#include "subscriber/kinds.h"
#include "subscriber/vhost.h"

/* An invalidation on its way. */
struct letter {
    uint64_t first, last;
    struct letter *next;
};

struct vhost_user {
    struct vhost vhost;
    struct letter *sent, **end; /* in order of arrival */
    sim_time arrival;           /* of the last one sent */
    bool lost;
};

static struct vhost_user *
of(struct subscriber *s)
{
    return (struct vhost_user *)(void *)s;
}

static void
drop_letters(struct vhost_user *v)
{
    sim_forget(v->vhost.s.env->sim, v);
    while (v->sent != NULL) {
        struct letter *l = v->sent;
        v->sent = l->next;
        free(l);
    }
    v->end = &v->sent;
    v->arrival = 0;
}

static void
user_init(struct subscriber *s, const struct subscriber_config *c)
{
    vhost_init(s, c);
    of(s)->end = &of(s)->sent;
}

static void
user_fini(struct subscriber *s)
{
    drop_letters(of(s));
    vhost_fini(s);
}

/* A new connection, or none any more. */
static void
user_clear(struct subscriber *s)
{
    drop_letters(of(s));
    of(s)->lost = false;
    vhost_clear(s);
}

static void
arrived(void *self, uint64_t arg)
{
    struct vhost_user *v = self;
    struct letter *l = v->sent;

    (void)arg;
    v->sent = l->next;
    if (v->sent == NULL) {
        v->end = &v->sent;
    }
    tlb_invalidate(&v->vhost.tlb, l->first, l->last);
    free(l);
}

/* Behind those sent before. */
static void
send(struct vhost_user *v, uint64_t first, uint64_t last, sim_time delay)
{
    struct sim *sim = v->vhost.s.env->sim;
    const sim_time now = sim_now(sim);

    v->arrival = (v->arrival > now ? v->arrival : now) + delay;
    if (v->arrival == now) {
        tlb_invalidate(&v->vhost.tlb, first, last);
        return;
    }
    struct letter *l = xcalloc(1, sizeof(*l));
    *l = (struct letter){ .first = first, .last = last };
    *v->end = l;
    v->end = &l->next;
    sim_at(sim, v->arrival, arrived, v, 0);
}

static void
user_notify(struct subscriber *s, const struct notify_event *ev, uint64_t first,
            uint64_t last)
{
    struct vhost_user *v = of(s);

    if (ev->type == NOTIFY_MAP || v->lost) {
        return;
    }
    const int error = fail_point(s->env, s->config.name, FAIL_MESSAGE);
    if (error != 0) {
        subscriber_failed(s, "invalidate", first, last, error);
        drop_letters(v);
        tlb_invalidate(&v->vhost.tlb, 0, UINT64_MAX);
        v->lost = true;
        return;
    }
    send(v, first, last, latency_draw(&s->env->latency, LATENCY_VHOST_MESSAGE));
    if (!s->config.no_acks) {
        sim_charge(s->env->sim, v->arrival - sim_now(s->env->sim));
        latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
    }
}

static struct dma_answer
user_dma(struct subscriber *s, uint64_t iova, enum perm access)
{
    if (of(s)->lost) {
        return (struct dma_answer){
            .result = DMA_BLOCKED,
            .first = iova & ~PAGE_MASK,
            .last = iova | PAGE_MASK,
        };
    }
    return vhost_dma(s, iova, access);
}

const struct subscriber_ops subscriber_vhost_user = {
    .name = "vhost-user",
    .flags = NOTIFY_UNMAP,
    .shadow = SHADOW_CACHE,
    .size = sizeof(struct vhost_user),
    .init = user_init,
    .fini = user_fini,
    .fall_back = vhost_fall_back,
    .notify = user_notify,
    .bypass_unmap = vhost_bypass_unmap,
    .clear = user_clear,
    .dma = user_dma,
    .lookup = vhost_lookup,
    .next = vhost_next,
};
