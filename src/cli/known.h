/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether what --subscriber and --watch name is there: a name that no scenario has
 * would keep nothing, and a trace without lines looks like one without trouble.
 */
#ifndef IOMMUSIM_CLI_KNOWN_H
#define IOMMUSIM_CLI_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

struct options;
struct scenario;

/* Begins as all 0. */
struct known {
    struct known_name {
        bool found;
        char *near; /* what may have been meant, or NULL */
    } * names;      /* of the subscribers, then of the watches */
};

/* What one scenario has of them. */
void known_note(struct known *k, const struct options *o, const struct scenario *sc);

/* Name on standard error what no scenario had, and free *k; true if there is none. */
bool known_report(struct known *k, const struct options *o);

#endif
