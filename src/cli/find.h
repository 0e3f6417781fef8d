/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files below a path are scenarios. */
#ifndef IOMMUSIM_CLI_FIND_H
#define IOMMUSIM_CLI_FIND_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct path_list {
    char **path; /* n of them, owned */
    size_t n;
};

/*
 * Add `path`, if it is a file, or else every *.yaml in that directory and those below
 * it, sorted by name. What begins with a dot, and directories behind links, are left
 * out. False and *e if something cannot be read.
 */
bool find_scenarios(struct path_list *list, const char *path, struct err *e);

void path_list_fini(struct path_list *list);

#endif
