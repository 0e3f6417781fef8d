/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the compact form, or the actor lines of an earlier trace, as traffic. */
#include <stdlib.h>

#include "machine/traffic.h"
#include "scenario/script.h"

struct script_traffic {
    struct traffic t;
    struct script_reader *reader;
};

static enum traffic_next
script_traffic_next(struct traffic *t, struct step *out, struct err *e)
{
    struct script_traffic *k = (struct script_traffic *)t;
    const struct step *s;

    switch (script_next(k->reader, &s, e)) {
    case SCRIPT_STEP:
        *out = *s;
        return TRAFFIC_STEP;
    case SCRIPT_END:
        return TRAFFIC_END;
    case SCRIPT_ERROR:
        break;
    }
    return TRAFFIC_ERROR;
}

static void
script_traffic_free(struct traffic *t)
{
    struct script_traffic *k = (struct script_traffic *)t;

    script_close(k->reader);
    free(k);
}

static const struct traffic_ops script_ops = { script_traffic_next, script_traffic_free };

struct traffic *
script_traffic_new(struct machine *m, const struct step *s, struct err *e)
{
    struct script_reader *reader = script_open(m->sc, &s->u.replay, e);

    if (reader == NULL) {
        return NULL;
    }
    struct script_traffic *k = xcalloc(1, sizeof(*k));
    k->t = (struct traffic){ .ops = &script_ops, .m = m, .file = s->u.replay.capture };
    k->reader = reader;
    return &k->t;
}
