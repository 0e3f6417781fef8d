/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vhost_late.h. */
#include "subscriber/vhost_late.h"

#include <stdlib.h>

#include "subscriber/vhost.h"

struct vhost_answer {
    struct vhost_answer *next;
    uint64_t serial;
    struct range_piece answer, kept;
    bool overtaken; /* by an invalidation of what it says */
};

static struct vhost *
of(struct subscriber *s)
{
    return (struct vhost *)(void *)s;
}

static void
arrived(void *self, uint64_t serial)
{
    struct vhost_late *late = self;
    struct vhost *v = (void *)((char *)late - offsetof(struct vhost, late));
    struct vhost_answer **p = &late->sent;

    while ((*p)->serial != serial) {
        p = &(*p)->next;
    }
    struct vhost_answer *a = *p;
    *p = a->next;
    tlb_fill(&v->tlb, &a->answer, &a->kept);
    if (a->overtaken) {
        observe(v->s.env, ought_to_drop, &v->s, a->kept.first, a->kept.last);
    }
    free(a);
}

void
vhost_answer(struct subscriber *s, const struct range_piece *answer,
             const struct range_piece *kept)
{
    struct vhost_late *late = &of(s)->late;
    struct sim *sim = s->env->sim;

    if (!env_quirk(s->env, QUIRK_VHOST_ANSWER_OVERTAKEN)) {
        tlb_fill(&of(s)->tlb, answer, kept);
        return;
    }
    struct vhost_answer *a = xcalloc(1, sizeof(*a));
    *a = (struct vhost_answer){
        .next = late->sent, .serial = ++late->serial, .answer = *answer, .kept = *kept
    };
    late->sent = a;
    sim_at(sim, sim_now(sim) + latency_draw(&s->env->latency, LATENCY_VHOST_MESSAGE),
           arrived, late, a->serial);
}

void
vhost_invalidate(struct subscriber *s, uint64_t first, uint64_t last)
{
    for (struct vhost_answer *a = of(s)->late.sent; a != NULL; a = a->next) {
        a->overtaken |= ranges_overlap(a->kept.first, a->kept.last, first, last);
    }
    tlb_invalidate(&of(s)->tlb, first, last);
}

void
vhost_late_forget(struct subscriber *s)
{
    struct vhost_late *late = &of(s)->late;

    if (late->sent != NULL) {
        sim_forget(s->env->sim, late);
    }
    while (late->sent != NULL) {
        struct vhost_answer *a = late->sent;
        late->sent = a->next;
        free(a);
    }
}
