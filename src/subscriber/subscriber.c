/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See subscriber.h. What QEMU's listeners have in common, with the order of its
 * region_add (register, then replay) and region_del (unregister, then empty).
 */
#include "subscriber/subscriber.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "subscriber/internal.h"

/* ---- sections ---- */

bool
subscriber_clip(const struct subscriber *s, const struct space_section *in,
                struct space_section *out)
{
    uint64_t first = in->first, last = in->last;

    if (s->config.has_range) {
        if (!ranges_overlap(first, last, s->config.range_first, s->config.range_last)) {
            return false;
        }
        first = first < s->config.range_first ? s->config.range_first : first;
        last = last > s->config.range_last ? s->config.range_last : last;
    }
    if (s->ops->trim != NULL && !s->ops->trim(s, &first, &last)) {
        return false;
    }
    *out = (struct space_section){
        .first = first,
        .last = last,
        .region = in->region,
        .region_first = in->region_first + (first - in->first),
    };
    return true;
}

static struct subscriber_binding *
binding_new(struct subscriber *s, const struct space_section *section)
{
    struct subscriber_binding *b = xcalloc(1, sizeof(*b));

    b->s = s;
    b->section = *section;
    b->notifier = (struct notifier){
        .fn = subscriber_on_event,
        .owner = b,
        .subject = s->config.name,
        .flags = s->config.flags,
        .first = section->region_first,
        .last = section->region_first + (section->last - section->first),
        .offset = section->first - section->region_first,
        .kernel = s->ops->kernel_takes != NULL ? &subscriber_kernel_link : NULL,
    };
    b->next = s->bindings;
    s->bindings = b;
    return b;
}

static void
binding_free(struct subscriber_binding *b)
{
    struct subscriber_binding **p = &b->s->bindings;

    while (*p != b) {
        p = &(*p)->next;
    }
    *p = b->next;
    free(b);
}

static void
unbind(struct subscriber_binding *b)
{
    struct subscriber *s = b->s;
    const struct space_section section = b->section;

    notify_unregister(&b->notifier);
    binding_free(b);
    if (s->ops->teardown != NULL) {
        subscriber_alter(s);
        if (s->ops->shadow == SHADOW_MIRROR) {
            subscriber_trace_range(s, TE_TEARDOWN, section.first, section.last);
        }
        s->ops->teardown(s, section.first, section.last);
    }
    if (s->ops->close != NULL) {
        s->ops->close(s, &section);
    }
}

/*
 * One refusal undoes all: s stays without registrations until it is attached anew,
 * unless it tries again.
 */
static void
refuse(struct subscriber *s, int error, const char *why)
{
    s->refused = true;
    s->replaying = false;
    if (why != NULL) {
        s->why = (struct err){ .text = "" };
        err_set(&s->why, "%s", why);
    }
    while (s->bindings != NULL && !s->config.retry) {
        unbind(s->bindings);
    }
    if (s->ops->clear != NULL) {
        s->ops->clear(s);
    }
    subscriber_trace_refused(s->env, s->config.name, s->why.text, error);
    observe(s->env, refused, s);
    if (s->ops->aborts && !s->attaching && env_quirk(s->env, QUIRK_SUB_REFUSAL_ABORTS)) {
        env_abort(s->env, s->config.name, BLAME_SUBSCRIBER, "refused-at-run-time");
    }
}

void
subscriber_failed(struct subscriber *s, const char *op, uint64_t first, uint64_t last,
                  int error)
{
    subscriber_note_failure(s, op, first, last, error);
    observe(s->env, failed, s, op, first, last, error);
    if (s->memory_error == 0) {
        s->memory_error = error;
    }
    if (s->replaying && !env_quirk(s->env, QUIRK_SUB_IGNORES_REPLAY_ERRORS)) {
        refuse(s, error, "the replay failed");
    }
}

static uint64_t
page_of(struct notify_region *r)
{
    return r->ops->min_page != NULL ? r->ops->min_page(r) : PAGE_BYTES;
}

/*
 * A mirror that cannot take in what exists is worth nothing: it is refused as soon as
 * something fails, and b is gone then.
 */
static void
replay(struct subscriber *s, struct subscriber_binding *b)
{
    const int error = fail_point(s->env, s->config.name, FAIL_REPLAY);

    s->replaying = s->env->fail.replay = true;
    if (error != 0) {
        subscriber_failed(s, "replay", b->section.first, b->section.last, error);
    } else {
        notify_replay(&b->notifier);
    }
    s->replaying = s->env->fail.replay = false;
}

static void
bind(struct subscriber *s, const struct space_section *section)
{
    struct subscriber_binding *b;
    int ret;

    if (s->config.flags == 0) {
        return;
    }
    s->why = (struct err){ .text = "refused by the host" };
    if (s->ops->open != NULL &&
        (ret = s->ops->open(s, section, page_of(section->region), &s->why)) != 0) {
        refuse(s, ret, NULL);
        return;
    }
    b = binding_new(s, section);
    s->why = (struct err){ .text = "refused by the IOMMU" };
    ret = fail_point(s->env, s->config.name, FAIL_REGISTER);
    ret = ret != 0 ? -ret : notify_register(section->region, &b->notifier, &s->why);
    if (ret != 0 && s->ops->fall_back != NULL && s->ops->fall_back(s)) {
        b->notifier.flags = s->config.flags;
        ret = notify_register(section->region, &b->notifier, &s->why);
    }
    if (ret != 0) {
        if (s->ops->close != NULL) {
            s->ops->close(s, section);
        }
        binding_free(b);
        s->deaf = s->ops->goes_on && env_quirk(s->env, QUIRK_VDPA_REFUSAL_UNSEEN);
        if (!s->deaf) {
            refuse(s, -ret, NULL);
        }
        return;
    }
    s->refused = false;
    if (s->config.replay_always ||
        (s->config.replay && (s->config.flags & NOTIFY_MAP) != 0)) {
        replay(s, b);
    }
}

static struct subscriber *
of_listener(struct space_listener *l)
{
    return (struct subscriber *)(void *)((char *)l -
                                         offsetof(struct subscriber, listener));
}

static void
on_add(struct space_listener *l, const struct space_section *section)
{
    struct subscriber *s = of_listener(l);
    struct space_section mine;

    if (subscriber_is_out(s) || s->stranded || !subscriber_clip(s, section, &mine)) {
        return;
    }
    if (mine.last == UINT64_MAX && s->ops->shadow == SHADOW_MIRROR &&
        env_quirk(s->env, QUIRK_SUB_ASSERTS_64)) {
        env_abort(s->env, s->config.name, BLAME_SUBSCRIBER, "end-of-section-overflows");
        return;
    }
    if (mine.region != NULL) {
        bind(s, &mine);
    } else if (s->ops->bypass_map != NULL &&
               !subscriber_map_ram(s, mine.first, mine.last)) {
        refuse(s, s->memory_error, "memory could not be mapped");
    }
}

static struct subscriber_binding *
find_binding(const struct subscriber *s, const struct space_section *section)
{
    struct subscriber_binding *b = s->bindings;

    while (b != NULL &&
           (b->section.region != section->region || b->section.first != section->first)) {
        b = b->next;
    }
    return b;
}

static void
on_del(struct space_listener *l, const struct space_section *section)
{
    struct subscriber *s = of_listener(l);
    struct space_section mine;

    if (subscriber_is_out(s) || !subscriber_clip(s, section, &mine)) {
        return;
    }
    if (mine.region != NULL) {
        struct subscriber_binding *b = find_binding(s, &mine);
        if (b != NULL) {
            unbind(b);
        }
    } else if (s->ops->bypass_unmap != NULL) {
        subscriber_unmap_ram(s, mine.first, mine.last);
    }
}

static void
on_begin(struct space_listener *l)
{
    struct subscriber *s = of_listener(l);

    if (s->ops->begin != NULL) {
        s->ops->begin(s);
    }
}

static void
on_commit(struct space_listener *l)
{
    struct subscriber *s = of_listener(l);

    if (s->ops->commit != NULL) {
        s->ops->commit(s);
    }
}

/* ---- life ---- */

struct subscriber *
subscriber_new(const struct subscriber_ops *ops, const struct subscriber_config *c,
               struct env *env)
{
    struct subscriber *s = xcalloc(1, ops->size);

    s->ops = ops;
    s->config = *c;
    if (s->config.flags == 0) {
        s->config.flags = ops->flags;
    }
    s->env = env;
    s->listener.begin = on_begin;
    s->listener.commit = on_commit;
    s->listener.add = on_add;
    s->listener.del = on_del;
    if (ops->init != NULL) {
        ops->init(s, &s->config);
    }
    return s;
}

void
subscriber_free(struct subscriber *s)
{
    if (s == NULL) {
        return;
    }
    assert(!s->attached);
    if (s->ops->fini != NULL) {
        s->ops->fini(s);
    }
    free(s);
}

/* ---- coming and going ---- */

/* One that misunderstood listens to the system's memory, as it is for the processor. */
static struct space *
space_to_follow(struct subscriber *s)
{
    if (s->ops->shadow != SHADOW_MIRROR || !env_quirk(s->env, QUIRK_VFIO_LISTEN_SYSMEM)) {
        return s->space;
    }
    space_init(&s->ram, s->config.device, s->env);
    space_set_bypass(&s->ram);
    return &s->ram;
}

bool
subscriber_attach(struct subscriber *s, struct space *space, struct translator tr,
                  struct err *e)
{
    assert(!s->attached);
    s->translator = tr;
    s->attached = true;
    s->refused = s->deaf = false;
    s->space = space;
    if (s->env->dirty.on && !subscriber_track(s, true)) {
        env_migration_failed(s->env, s->config.name, ENOTSUP);
    }
    s->attaching = true;
    space_listen(space_to_follow(s), &s->listener);
    s->attaching = false;
    if (!s->refused) {
        return true;
    }
    if (!s->config.retry) {
        subscriber_detach(s);
    }
    if (e != NULL) {
        *e = s->why;
    }
    return false;
}

static void
listen_again(void *self, uint64_t arg)
{
    struct subscriber *s = of_listener(self);

    (void)arg;
    space_listen(space_to_follow(s), &s->listener);
}

static void
stop_listening(struct subscriber *s)
{
    if (s->listener.space != NULL) {
        space_unlisten(&s->listener);
    } else {
        sim_forget(s->env->sim, &s->listener);
    }
}

void
subscriber_set_ats(struct subscriber *s, bool on)
{
    const bool differs = s->config.ats != on;

    s->config.ats = on;
    if (s->ops->ats_switched == NULL || !s->attached || !differs) {
        return;
    }
    s->ops->ats_switched(s);
    s->switching = true;
    stop_listening(s);
    s->switching = false;
    if (env_quirk(s->env, QUIRK_SUB_TOGGLE_GAP)) {
        sim_at(s->env->sim,
               sim_now(s->env->sim) +
                   latency_draw(&s->env->latency, LATENCY_VHOST_MESSAGE),
               listen_again, &s->listener, 0);
    } else {
        listen_again(&s->listener, 0);
    }
}

void
subscriber_detach(struct subscriber *s)
{
    if (!s->attached) {
        return;
    }
    stop_listening(s);
    assert(s->bindings == NULL);
    if (s->ram.sections != NULL) {
        space_fini(&s->ram);
    }
    s->attached = false;
    s->stranded = false;
    s->late.type = 0;
    if (s->ops->clear != NULL) {
        s->ops->clear(s);
    }
}

void
subscriber_strand(struct subscriber *s)
{
    s->stranded = true;
}

/* The binding with the lowest section that begins at or after `from`, or NULL. */
static struct subscriber_binding *
next_binding(const struct subscriber *s, uint64_t from)
{
    struct subscriber_binding *lowest = NULL;

    for (struct subscriber_binding *b = s->bindings; b != NULL; b = b->next) {
        if (b->section.first >= from &&
            (lowest == NULL || b->section.first < lowest->section.first)) {
            lowest = b;
        }
    }
    return lowest;
}

void
subscriber_replay(struct subscriber *s)
{
    struct subscriber_binding *b = next_binding(s, 0);

    while (b != NULL) {
        const uint64_t last = b->section.last;

        notify_replay(&b->notifier);
        b = last == UINT64_MAX ? NULL : next_binding(s, last + 1);
    }
}
