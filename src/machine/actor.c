/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Actors: each goes through its steps, one after another, in simulated time. Steps of
 * the guest's CPU are the guest's to carry out; the rest is done here. See
 * internal.h.
 *
 * A step that takes no time is carried out at once, and so is its successor unless
 * another event is due at the same moment: events of equal time keep the order in
 * which they were scheduled.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/traffic.h"

struct actor {
    struct machine *m;
    const struct scenario_actor *sa;
    struct sim_stream *stream; /* for `after` distributions; NULL until drawn from */
    struct step_cursor cursor; /* where its steps come from, or */
    struct traffic *traffic;   /* from here: it acts for `outer` */
    struct running *outer;     /* the workload or replay step, complete when this ends */
    struct actor *next_helper; /* of machine.helpers */
    struct step next;          /* found, and not begun yet */
    bool scheduled;            /* an event will begin `next` */
    bool walking;              /* actor_walk is on the stack */
    bool waiting;              /* for a step in progress to complete */
    bool finished;             /* no more steps to begin */
};

const char *
actor_name(const struct running *r)
{
    return r->actor->sa->name;
}

const char *
actor_recording(const struct running *r)
{
    return r->actor->traffic != NULL ? r->actor->traffic->file : NULL;
}

/* ---- steps in progress ---- */

static struct running *
running_new(struct machine *m, struct actor *a, const struct step *s)
{
    struct running *r = m->spare;

    if (r != NULL) {
        m->spare = r->next;
    } else {
        r = xcalloc(1, sizeof(*r));
    }
    r->next = m->running;
    r->link = &m->running;
    if (r->next != NULL) {
        r->next->link = &r->next;
    }
    m->running = r;
    r->actor = a;
    r->step = *s;
    r->began = sim_now(m->env.sim);
    r->has_dma = false;
    r->result = NULL;
    r->traffic = NULL;
    r->watch = NULL;
    guest_reply_init(&r->reply);
    return r;
}

static void
running_free(struct machine *m, struct running *r)
{
    *r->link = r->next;
    if (r->next != NULL) {
        r->next->link = r->link;
    }
    traffic_free(r->traffic);
    r->next = m->spare;
    m->spare = r;
}

/* ---- what steps do ---- */

static void running_complete(struct running *r);
static void complete_after_charge(struct running *r);

static void
on_guest_done(void *self, const struct guest_reply *reply)
{
    struct running *r = self;

    r->reply = *reply;
    running_complete(r);
}

/* A bridge comes back with the devices that it had at the start, or goes with all. */
static void
plug_iommu(struct machine *m, uint32_t iommu, bool in)
{
    const struct iommu_ops *ops = m->iommus[iommu]->ops;

    if (in && ops->plug != NULL) {
        ops->plug(m->iommus[iommu], true);
    }
    for (uint32_t i = 0; i < m->sc->n_devices; i++) {
        struct device *d = &m->devices[i];
        struct err why;
        if (d->sd->iommu != iommu) {
            continue;
        }
        if (in && d->space == NULL && d->sd->plugged && device_appear(m, d, &why)) {
            device_subscribe_all(m, d);
        } else if (!in && d->space != NULL) {
            device_vanish(m, d);
        }
    }
    if (!in && ops->plug != NULL) {
        ops->plug(m->iommus[iommu], false);
    }
}

static void
plug(struct machine *m, struct running *r, struct device *d)
{
    struct err why;

    if (d->space != NULL) {
        r->result = "already-plugged";
        running_complete(r);
        return;
    }
    if (!device_appear(m, d, &why)) {
        r->result = "refused";
        running_complete(r);
        return;
    }
    r->result = device_subscribe_all(m, d) ? "ok" : "refused";
    guest_plugged(m->guest, r->step.u.target.device, on_guest_done, r);
}

/* Another device with its source id is on the bus: to the guest nothing has changed. */
static bool
is_one_of_several(const struct machine *m, const struct device *d)
{
    for (size_t i = 0; i < m->sc->n_devices; i++) {
        const struct device *other = &m->devices[i];
        if (other != d && other->space != NULL &&
            other->sd->first_of_sid == d->sd->first_of_sid) {
            return true;
        }
    }
    return false;
}

static void
unplug(struct machine *m, struct running *r, struct device *d)
{
    if (d->space == NULL) {
        r->result = "not-plugged";
        running_complete(r);
        return;
    }
    device_vanish(m, d);
    r->result = "ok";
    if (is_one_of_several(m, d)) {
        complete_after_charge(r);
        return;
    }
    guest_unplugged(m->guest, r->step.u.target.device, on_guest_done, r);
}

static void
reset_iommus(struct machine *m, uint32_t which)
{
    guest_reset(m->guest, which); /* first: it may be waiting for the unit */
    for (uint32_t i = 0; i < m->sc->n_iommus; i++) {
        if (which == SCENARIO_NONE || which == i) {
            m->iommus[i]->ops->reset(m->iommus[i]);
        }
    }
}

static void
reset(struct machine *m, const struct step_target *t)
{
    if (t->device != SCENARIO_NONE) {
        struct device *d = &m->devices[t->device];
        if (d->space != NULL) {
            device_reset(m, d);
            if (d->iommu->ops->reset_device != NULL) {
                d->iommu->ops->reset_device(d->iommu, d->sd->sid);
            }
        }
        return;
    }
    reset_iommus(m, t->iommu);
}

/* The last part of a machine that is being reset. */
static void
reset_rest(void *self, uint64_t arg)
{
    struct running *r = self;
    struct machine *m = r->actor->m;

    (void)arg;
    if (m->phase != DEVICES_ORPHANED) {
        reset_iommus(m, SCENARIO_NONE);
    }
    m->phase = DEVICES_RUN;
    complete_after_charge(r);
}

/*
 * The devices are stopped, and then the IOMMUs that they are behind are reset; false: it
 * takes no time.
 */
static bool
reset_in_order(struct machine *m, struct running *r)
{
    const struct step_target *t = &r->step.u.target;
    const bool whole = t->device == SCENARIO_NONE && t->iommu == SCENARIO_NONE;
    const sim_time span = whole ? latency_draw(&m->env.latency, LATENCY_RESET) : 0;

    if (span == 0) {
        return false;
    }
    m->phase =
        env_quirk(&m->env, QUIRK_RESET_IOMMU_FIRST) ? DEVICES_ORPHANED : DEVICES_STOPPED;
    if (m->phase == DEVICES_ORPHANED) {
        reset_iommus(m, SCENARIO_NONE);
    }
    sim_at(m->env.sim, sim_now(m->env.sim) + span, reset_rest, r, 0);
    return true;
}

static void
on_ats_allowed(void *self, const struct guest_reply *reply)
{
    struct running *r = self;
    struct machine *m = r->actor->m;

    if (reply->ok) {
        device_set_ats(&m->devices[r->step.u.ats.device], true);
    }
    on_guest_done(self, reply);
}

/* The control in the device goes on when the IOMMU allows it, and off before. */
static void
switch_ats(struct machine *m, struct running *r)
{
    const struct step_ats *s = &r->step.u.ats;

    if (m->devices[s->device].space == NULL) {
        r->result = "not-plugged";
        running_complete(r);
    } else if (s->enable) {
        guest_do(m->guest, &r->step, on_ats_allowed, r);
    } else {
        device_set_ats(&m->devices[s->device], false);
        guest_do(m->guest, &r->step, on_guest_done, r);
    }
}

/* A copy that lives as long as the machine: steps of a recording do not. */
static const struct scenario_subscriber *
keep_subscriber(struct machine *m, const struct scenario_subscriber *sub)
{
    struct scenario_subscriber *copy = arena_alloc(&m->kept, sizeof(*copy));

    *copy = *sub;
    copy->name = arena_strndup(&m->kept, sub->name, strlen(sub->name));
    copy->label = arena_strndup(&m->kept, sub->label, strlen(sub->label));
    if (sub->container != NULL) {
        copy->container = arena_strndup(&m->kept, sub->container, strlen(sub->container));
    }
    if (sub->n_reserved > 0) {
        struct scenario_span *spans =
            arena_alloc(&m->kept, sub->n_reserved * sizeof(*spans));
        memcpy(spans, sub->reserved, sub->n_reserved * sizeof(*spans));
        copy->reserved = spans;
    }
    return copy;
}

static void
subscribe(struct machine *m, struct running *r)
{
    const struct step_subscribe *s = &r->step.u.subscribe;
    struct device *d = &m->devices[s->device];
    struct err why;

    if (d->space == NULL) {
        r->result = "not-plugged";
    } else if (device_seat(d, s->sub->name) != NULL) {
        r->result = "already-subscribed";
    } else {
        const struct scenario_subscriber *sub =
            r->actor->traffic != NULL ? keep_subscriber(m, s->sub) : s->sub;
        bool ok = device_subscribe(m, d, sub, (enum replay_choice)s->replay, &why);
        r->result = ok ? "ok" : "refused";
    }
}

static void helper_start(struct machine *m, struct running *outer, struct traffic *t);
static void helper_end(struct actor *a);

static void
begin_traffic(struct machine *m, struct running *r)
{
    struct err e = { 0 };
    struct traffic *t = traffic_new(m, &r->step, &e);

    if (t == NULL) {
        machine_fail(m, &e);
    } else {
        helper_start(m, r, t);
    }
}

static bool
blocks(struct machine *m, const struct step *s)
{
    const uint64_t first = s->u.blocks.gpa, last = first + (s->u.blocks.size - 1);

    return s->kind == STEP_DISCARD ? ram_discard(m, first, last)
                                   : ram_populate(m, first, last);
}

/* Carry out r's step, which completes by running_complete, perhaps at once. */
static void
perform(struct machine *m, struct running *r)
{
    const struct step *s = &r->step;

    switch ((enum step_kind)s->kind) {
    case STEP_DMA:
        device_dma(m, &m->devices[s->u.dma.device], &s->u.dma, &r->dma);
        r->has_dma = true;
        complete_after_charge(r);
        return;
    case STEP_HOTPLUG:
    case STEP_UNPLUG:
        if (s->u.target.device == SCENARIO_NONE) {
            plug_iommu(m, s->u.target.iommu, s->kind == STEP_HOTPLUG);
            complete_after_charge(r);
        } else if (s->kind == STEP_HOTPLUG) {
            plug(m, r, &m->devices[s->u.target.device]);
        } else {
            unplug(m, r, &m->devices[s->u.target.device]);
        }
        return;
    case STEP_SUBSCRIBE:
        subscribe(m, r);
        complete_after_charge(r);
        return;
    case STEP_UNSUBSCRIBE:
        r->result = device_unsubscribe(m, &m->devices[s->u.unsubscribe.device],
                                       s->u.unsubscribe.name)
                        ? "ok"
                        : "not-subscribed";
        complete_after_charge(r);
        return;
    case STEP_ANNOUNCE:
        r->result =
            device_announce(&m->devices[s->u.unsubscribe.device], s->u.unsubscribe.name)
                ? "ok"
                : "not-subscribed";
        complete_after_charge(r);
        return;
    case STEP_FAIL:
        fail_order(&m->env.fail, &(struct fail_order){ .subject = s->u.fail.subscriber,
                                                       .op = s->u.fail.op,
                                                       .nth = s->u.fail.nth,
                                                       .error = s->u.fail.error });
        running_complete(r);
        return;
    case STEP_ATS:
        switch_ats(m, r);
        return;
    case STEP_RESET:
        if (!reset_in_order(m, r)) {
            reset(m, &s->u.target);
            complete_after_charge(r);
        }
        return;
    case STEP_CHECK:
        check_all(m->check);
        running_complete(r);
        return;
    case STEP_MIGRATE:
        device_migrate_all(m);
        complete_after_charge(r);
        return;
    case STEP_MIGRATION:
        r->result = migration_step(m, s->u.migration);
        complete_after_charge(r);
        return;
    case STEP_DISCARD:
    case STEP_POPULATE:
        r->result = blocks(m, s) ? "ok" : "refused";
        complete_after_charge(r);
        return;
    case STEP_DUMP:
        device_dump(m, &s->u.dump);
        running_complete(r);
        return;
    case STEP_WORKLOAD:
    case STEP_REPLAY:
        begin_traffic(m, r);
        return;
    default:
        guest_do(m->guest, s, on_guest_done, r);
        return;
    }
}

/* ---- going through the steps ---- */

static void actor_walk(struct actor *a);

static void
begin_event(void *self, uint64_t arg)
{
    struct actor *a = self;

    (void)arg;
    a->scheduled = false;
    actor_walk(a);
}

static inline sim_time
begin_time(struct actor *a, const struct step *s)
{
    struct sim *sim = a->m->env.sim;
    sim_time now = sim_now(sim);

    switch ((enum step_timing)s->timing) {
    case STEP_READY:
        break;
    case STEP_AFTER:
        if (s->opt->after == NULL) {
            return now + s->when;
        }
        if (a->stream == NULL) {
            a->stream = sim_stream(sim, a->sa->name);
        }
        return now + sim_draw(a->stream, s->opt->after);
    case STEP_AT:
        return s->when > now ? s->when : now;
    }
    return now;
}

/* False at the end, or if the source of steps failed. */
static bool
fetch(struct actor *a)
{
    if (a->traffic == NULL) {
        return step_cursor_next(&a->cursor, &a->next);
    }
    struct err e = { 0 };
    switch (traffic_next(a->traffic, &a->next, &e)) {
    case TRAFFIC_STEP:
        return true;
    case TRAFFIC_END:
        return false;
    case TRAFFIC_ERROR:
        machine_fail(a->m, &e);
        return false;
    }
    return false;
}

/* Whether an event is due now that was scheduled before anything we would add. */
static bool
others_first(const struct machine *m)
{
    sim_time next;

    return sim_next_time(m->env.sim, &next) && next <= sim_now(m->env.sim);
}

/*
 * Find a's next step. True if it is to begin at once; else it is scheduled, or none is
 * left.
 */
static bool
find_next(struct actor *a)
{
    struct machine *m = a->m;

    if (m->stop) {
        return false;
    }
    if (!fetch(a)) {
        a->finished = true;
        return false;
    }
    sim_time when = begin_time(a, &a->next);
    bool at_once =
        when <= sim_now(m->env.sim) && !others_first(m) && machine_may_go_on(m);
    if (!at_once) {
        a->scheduled = true;
        sim_at(m->env.sim, when, begin_event, a, 0);
    }
    return at_once;
}

/* Begin a->next; true if the step after it may begin too. */
static bool
begin(struct actor *a)
{
    struct machine *m = a->m;
    struct running *r = running_new(m, a, &a->next);

    m->result.steps++;
    m->env.fail.file =
        a->traffic != NULL ? a->traffic->file : scenario_file_name(m->sc, r->step.pos);
    m->env.fail.line = r->step.pos.line;
    check_step(m->check, m->env.fail.file, m->env.fail.line);
    step_watch_begin(m, r);
    a->waiting = r->step.wait;
    perform(m, r);
    return !a->waiting;
}

/* Begin a->next and what may follow it without time passing. */
static void
actor_walk(struct actor *a)
{
    a->walking = true;
    while (begin(a) && find_next(a)) {
    }
    a->walking = false;
    helper_end(a);
}

/* The step that a waited for is over. */
static void
actor_go_on(struct actor *a)
{
    a->waiting = false;
    if (a->walking) {
        return; /* actor_walk sees it */
    }
    if (find_next(a)) {
        actor_walk(a);
    } else {
        helper_end(a);
    }
}

/* r is over: its line, its expectations, and what its actor does next. */
static void
running_complete(struct running *r)
{
    struct actor *a = r->actor;
    struct machine *m = a->m;
    bool waited = r->step.wait;

    m->result.hypercalls += r->reply.hypercalls;
    check_say(m->check);
    step_line(m, r);
    expect_step(m, r);
    step_watch_end(m, r);
    running_free(m, r);
    if (waited) {
        actor_go_on(a);
    }
}

static void
complete_event(void *self, uint64_t arg)
{
    (void)arg;
    running_complete(self);
}

/* Its effect is complete when the cost that it charged has passed. */
static void
complete_after_charge(struct running *r)
{
    struct sim *sim = r->actor->m->env.sim;
    sim_time cost = sim_take_charge(sim);

    if (cost == 0) {
        running_complete(r);
    } else {
        sim_at(sim, sim_now(sim) + cost, complete_event, r, 0);
    }
}

/* ---- steps made of steps ---- */

/* Work through the steps of t in the name of outer's actor. */
static void
helper_start(struct machine *m, struct running *outer, struct traffic *t)
{
    struct actor *a = xcalloc(1, sizeof(*a));

    a->m = m;
    a->sa = outer->actor->sa;
    a->traffic = t;
    a->outer = outer;
    a->next_helper = m->helpers;
    m->helpers = a;
    outer->traffic = t;
    if (find_next(a)) {
        actor_walk(a);
    } else {
        helper_end(a);
    }
}

/* If a was a helper and has no more to do, so is the step that it acted for. */
static void
helper_end(struct actor *a)
{
    struct actor **p = &a->m->helpers;
    struct running *outer = a->outer;

    if (outer == NULL || !a->finished || a->m->stop) {
        return;
    }
    while (*p != a) {
        p = &(*p)->next_helper;
    }
    *p = a->next_helper;
    free(a);
    running_complete(outer);
}

/* ---- all actors ---- */

void
actors_new(struct machine *m)
{
    m->actors = xcalloc(m->sc->n_actors + 1, sizeof(*m->actors));
    for (size_t i = 0; i < m->sc->n_actors; i++) {
        struct actor *a = &m->actors[i];
        a->m = m;
        a->sa = &m->sc->actors[i];
        step_cursor_init(&a->cursor, a->sa->steps);
    }
}

void
actors_free(struct machine *m)
{
    while (m->helpers != NULL) {
        struct actor *a = m->helpers;
        m->helpers = a->next_helper;
        free(a);
    }
    while (m->running != NULL) {
        running_free(m, m->running);
    }
    while (m->spare != NULL) {
        struct running *r = m->spare;
        m->spare = r->next;
        free(r);
    }
    free(m->actors);
}

void
actors_start(struct machine *m)
{
    for (size_t i = 0; i < m->sc->n_actors; i++) {
        struct actor *a = &m->actors[i];
        a->finished = !fetch(a);
        if (!a->finished) {
            a->scheduled = true;
            sim_at(m->env.sim, begin_time(a, &a->next), begin_event, a, 0);
        }
    }
}

bool
actors_done(const struct machine *m)
{
    for (size_t i = 0; i < m->sc->n_actors; i++) {
        if (!m->actors[i].finished) {
            return false;
        }
    }
    return m->running == NULL;
}
