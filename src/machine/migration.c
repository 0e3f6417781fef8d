/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Migrations that run beside the guest: dirty logging on and off, and bringing the log up
 * to date. What is sent, and the other side, are not modelled. See internal.h.
 */
#include "machine/internal.h"

static void
track_off(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    (void)m;
    (void)d;
    (void)arg;
    subscriber_track(s, false);
}

static void
track_on(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    bool *ok = arg;

    (void)m;
    (void)d;
    *ok = *ok && subscriber_track(s, true);
}

static void
sync_one(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    (void)m;
    (void)d;
    (void)arg;
    subscriber_sync(s);
}

static const char *
start(struct machine *m)
{
    bool ok = true;

    if (m->env.dirty.on) {
        return "already-running";
    }
    dirty_start(&m->env.dirty, &m->budget);
    device_each_subscriber(m, track_on, &ok);
    if (!ok) {
        device_each_subscriber(m, track_off, NULL);
        m->env.dirty.on = false;
    }
    return ok ? "ok" : "refused";
}

const char *
migration_step(struct machine *m, enum migration_op op)
{
    struct dirty *d = &m->env.dirty;

    if (op == MIGRATION_START) {
        return start(m);
    }
    if (!d->on) {
        return "not-running";
    }
    if (op == MIGRATION_SYNC) {
        device_each_subscriber(m, sync_one, NULL);
    } else {
        device_each_subscriber(m, track_off, NULL);
        d->on = false;
    }
    return d->failed ? "failed" : "ok";
}

void
migration_wrote(struct machine *m, struct subscriber *s, uint64_t iova, uint64_t gpa,
                uint64_t len)
{
    if (!m->env.dirty.on || !mem_is_ram(m->env.mem, GPA(gpa))) {
        return;
    }
    dirty_written(&m->env.dirty, gpa, gpa + (len - 1));
    if (s != NULL && s->ops->wrote != NULL) {
        s->ops->wrote(s, iova, gpa, len);
    } else {
        dirty_mark(&m->env.dirty, gpa, gpa + (len - 1));
    }
}
