/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A subscriber's part in a migration: dirty logging on and off, and bringing the log up
 * to date. What its host knows is in host_dirty.c; machine/migration.c asks.
 */
#include "subscriber/internal.h"

bool
subscriber_track(struct subscriber *s, bool on)
{
    const int error = s->ops->track != NULL && s->attached ? s->ops->track(s, on) : 0;

    if (error != 0) {
        subscriber_note_failure(s, "track", 0, UINT64_MAX, error);
    }
    return error == 0;
}

void
subscriber_sync(struct subscriber *s)
{
    int error;

    if (s->ops->sync == NULL || !subscriber_is_in(s)) {
        return;
    }
    error = fail_point(s->env, s->config.name, FAIL_SYNC);
    error = error != 0 ? error : s->ops->sync(s);
    if (error != 0) {
        subscriber_note_failure(s, "sync", 0, UINT64_MAX, error);
        env_migration_failed(s->env, s->config.name, error);
    }
}
