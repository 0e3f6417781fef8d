/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See known.h. */
#include "cli/known.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/options.h"
#include "scenario/scenario.h"
#include "util/alloc.h"
#include "util/names.h"

static const char *
name_at(const struct options *o, size_t i)
{
    return i < o->n_subscribers ? o->subscribers[i]
                                : o->watches[i - o->n_subscribers].device;
}

/* The nearest device, or subscriber of one; a copy, or NULL. */
static char *
nearest(const struct scenario *sc, const char *name, bool subscriber)
{
    const char **names;
    size_t n = 0;

    for (size_t i = 0; i < sc->n_devices; i++) {
        n += 1 + sc->devices[i].n_subs;
    }
    names = xcalloc(n, sizeof(*names));
    n = 0;
    for (size_t i = 0; i < sc->n_devices; i++) {
        names[n++] = sc->devices[i].id;
        for (size_t k = 0; subscriber && k < sc->devices[i].n_subs; k++) {
            names[n++] = sc->devices[i].subs[k].label;
        }
    }
    const char *near = name_nearest(name, names, n);
    free(names);
    return near != NULL ? xstrdup(near) : NULL;
}

void
known_note(struct known *k, const struct options *o, const struct scenario *sc)
{
    const size_t n = o->n_subscribers + o->n_watches;

    if (k->names == NULL) {
        k->names = xcalloc(n, sizeof(*k->names));
    }
    for (size_t i = 0; i < n; i++) {
        struct known_name *name = &k->names[i];
        const bool subscriber = i < o->n_subscribers;

        name->found |= subscriber
                           ? scenario_has_subject(sc, name_at(o, i))
                           : scenario_find_device(sc, name_at(o, i)) != SCENARIO_NONE;
        if (!name->found && name->near == NULL) {
            name->near = nearest(sc, name_at(o, i), subscriber);
        }
    }
}

bool
known_report(struct known *k, const struct options *o)
{
    const size_t n = k->names != NULL ? o->n_subscribers + o->n_watches : 0;
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        const struct known_name *name = &k->names[i];

        if (!name->found) {
            fprintf(stderr, "iommusim: there is no %s '%s'",
                    i < o->n_subscribers ? "subscriber" : "device", name_at(o, i));
            if (name->near != NULL) {
                fprintf(stderr, "; did you mean '%s'?", name->near);
            }
            fputc('\n', stderr);
            all = false;
        }
        free(name->near);
    }
    free(k->names);
    return all;
}
