/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See traffic.h. */
#include "machine/traffic.h"

struct traffic *
traffic_new(struct machine *m, const struct step *s, struct err *e)
{
    if (s->kind == STEP_WORKLOAD) {
        return workload_new(m, s, e);
    }
    switch (s->u.replay.from) {
    case REPLAY_QEMU_LOG:
        return capture_traffic_new(m, s, e);
    case REPLAY_LINUX_TRACE:
        return linux_traffic_new(m, s, e);
    case REPLAY_IOMMUSIM:
    case REPLAY_SCRIPT:
        return script_traffic_new(m, s, e);
    }
    return NULL;
}

void
traffic_free(struct traffic *t)
{
    if (t != NULL) {
        t->ops->free(t);
    }
}

enum traffic_next
traffic_next(struct traffic *t, struct step *out, struct err *e)
{
    enum traffic_next r = t->ops->next(t, out, e);

    t->count += r == TRAFFIC_STEP;
    return r;
}
