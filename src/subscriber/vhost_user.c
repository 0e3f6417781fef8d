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
 * Misses go the other way, over a channel that holds `depth` of them until QEMU answers.
 * While it waits for an acknowledgement it answers none. A back end that holds on to its
 * cache until a miss is answered cannot carry out the invalidation, so with the channel
 * full both stand still; what a watchdog would then see is reported.
 * Source: QEMU docs/interop/vhost-user.rst, hw/virtio/vhost-user.c; S90 to S92.
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
    sim_time *answers; /* when its last misses are answered: a ring of config.depth */
    uint64_t misses;   /* put into it so far */
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
    budget_spend(s->env->budget, c->depth * sizeof(sim_time));
    of(s)->answers = xcalloc(c->depth + 1, sizeof(sim_time));
}

static void
user_fini(struct subscriber *s)
{
    drop_letters(of(s));
    free(of(s)->answers);
    budget_return(s->env->budget, s->config.depth * sizeof(sim_time));
    vhost_fini(s);
}

/* A new connection, or none any more. */
static void
user_clear(struct subscriber *s)
{
    drop_letters(of(s));
    of(s)->lost = false;
    of(s)->misses = 0;
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
    vhost_invalidate(&v->vhost.s, l->first, l->last);
    observe(v->vhost.s.env, acted, &v->vhost.s, l->first, l->last);
    free(l);
}

/*
 * Behind those sent before, when what has been charged is over: the acknowledgement of
 * an earlier one, perhaps. Returns how long it is under way.
 */
static sim_time
send(struct vhost_user *v, uint64_t first, uint64_t last, sim_time delay)
{
    struct sim *sim = v->vhost.s.env->sim;
    const sim_time now = sim_now(sim);
    const sim_time sent = delay == 0 ? now : now + sim_charged(sim);

    v->arrival = (v->arrival > sent ? v->arrival : sent) + delay;
    if (v->arrival == now) {
        vhost_invalidate(&v->vhost.s, first, last);
        return 0;
    }
    struct letter *l = xcalloc(1, sizeof(*l));
    *l = (struct letter){ .first = first, .last = last };
    *v->end = l;
    v->end = &l->next;
    sim_at(sim, v->arrival, arrived, v, 0);
    return v->arrival - sent;
}

/* ---- misses ---- */

/*
 * A miss has been put into the channel; what has been charged is the way to its answer.
 */
static void
note_miss(struct vhost_user *v)
{
    const struct sim *sim = v->vhost.s.env->sim;
    const uint64_t depth = v->vhost.s.config.depth;

    if (depth != 0) {
        v->answers[v->misses++ % depth] = sim_now(sim) + sim_charged(sim);
    }
}

/* The channel holds as many misses as it can. */
static bool
is_full(const struct vhost_user *v)
{
    const uint64_t depth = v->vhost.s.config.depth;

    if (depth == 0 || v->misses < depth) {
        return false;
    }
    for (uint64_t i = 0; i < depth; i++) {
        if (v->answers[i] <= sim_now(v->vhost.s.env->sim)) {
            return false;
        }
    }
    return true;
}

/* The run goes on as if the connection had been given up. */
static void
stand_still(struct vhost_user *v)
{
    struct subscriber *s = &v->vhost.s;

    observe(s->env, overspent, s->config.name, BLAME_SUBSCRIBER, "acknowledgement",
            s->config.depth);
    drop_letters(v);
    vhost_invalidate(&v->vhost.s, 0, UINT64_MAX);
    v->lost = true;
}

/* Nobody is there to be told. */
static void
drop(struct subscriber *s, const struct notify_event *ev, uint64_t first, uint64_t last)
{
    struct trace_rec rec;

    if (env_quirk(s->env, QUIRK_VHOSTUSER_NO_NULL_CHECK)) {
        env_abort(s->env, s->config.name, BLAME_SUBSCRIBER, "back-end-gone");
        return;
    }
    if (trace_wants(s->env->trace, TE_FILTERED)) {
        trace_begin(&rec, sim_now(s->env->sim), s->config.name, TE_FILTERED);
        trace_text(&rec, TF_OP, ev->type == NOTIFY_UNMAP ? "UNMAP" : "DEVIOTLB_UNMAP");
        trace_u64(&rec, TF_IOVA, first);
        trace_u64(&rec, TF_SIZE, last - first + 1);
        trace_text(&rec, TF_CAUSE, notify_cause_name(ev->cause));
        trace_text(&rec, TF_REASON, "back-end-gone");
        trace_emit(s->env->trace, &rec);
    }
}

static void
user_notify(struct subscriber *s, const struct notify_event *ev, uint64_t first,
            uint64_t last)
{
    struct vhost_user *v = of(s);

    if (ev->type == NOTIFY_MAP) {
        return;
    }
    if (v->lost) {
        drop(s, ev, first, last);
        return;
    }
    const int error = fail_point(s->env, s->config.name, FAIL_MESSAGE);
    if (error != 0) {
        subscriber_failed(s, "invalidate", first, last, error);
        drop_letters(v);
        vhost_invalidate(&v->vhost.s, 0, UINT64_MAX);
        v->lost = true;
        return;
    }
    if (!s->config.no_acks && is_full(v) &&
        env_quirk(s->env, QUIRK_VHOSTUSER_LOCK_OVER_MISS)) {
        stand_still(v);
        return;
    }
    const sim_time way =
        send(v, first, last, latency_draw(&s->env->latency, LATENCY_VHOST_MESSAGE));
    if (!s->config.no_acks) {
        sim_charge(s->env->sim, way);
        latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
    }
}

static struct dma_answer
user_dma(struct subscriber *s, uint64_t iova, enum perm access)
{
    if (of(s)->lost) {
        return dma_blocked(iova);
    }
    const uint64_t misses = s->misses;
    const struct dma_answer a = vhost_dma(s, iova, access);

    if (s->misses != misses) {
        note_miss(of(s));
    }
    return a;
}

const struct subscriber_ops subscriber_vhost_user = {
    .name = "vhost-user",
    .flags = NOTIFY_UNMAP,
    .shadow = SHADOW_CACHE,
    .size = sizeof(struct vhost_user),
    .init = user_init,
    .fini = user_fini,
    .fall_back = vhost_fall_back,
    .ats_switched = vhost_ats_switched,
    .notify = user_notify,
    .bypass_unmap = vhost_bypass_unmap,
    .teardown = vhost_teardown,
    .clear = user_clear,
    .dma = user_dma,
    .track = vhost_track,
    .wrote = vhost_wrote,
    .sync = vhost_sync,
    .lookup = vhost_lookup,
    .next = vhost_next,
};
