/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A walk through directories. */

#include "cli/find.h"

#include "util/alloc.h"
#include "util/err.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void
add(struct path_list *list, char *path)
{
    list->path = xrealloc(list->path, list->n + 1, sizeof *list->path);
    list->path[list->n++] = path;
}

static bool
is_scenario(const char *name)
{
    size_t len = strlen(name);

    return len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static bool walk(struct path_list *list, const char *dir, struct err *e);

/* One entry of a directory; takes path. */
static bool
visit(struct path_list *list, char *path, struct err *e)
{
    struct stat st;
    bool ok = true;

    if (lstat(path, &st) < 0) {
        ok = err_set(e, "cannot read %s: %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        ok = walk(list, path, e);
    } else if (is_scenario(path)) {
        add(list, path);
        return true;
    }
    free(path);
    return ok;
}

static bool
walk(struct path_list *list, const char *dir, struct err *e)
{
    bool ok = true;
    const struct dirent *entry;
    DIR *d = opendir(dir);

    if (d == NULL) {
        return err_set(e, "cannot read %s: %s", dir, strerror(errno));
    }
    while (ok && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.') {
            bool slash = dir[strlen(dir) - 1] == '/';
            ok =
                visit(list, xasprintf("%s%s%s", dir, slash ? "" : "/", entry->d_name), e);
        }
    }
    closedir(d);
    return ok;
}

static int
compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool
find_scenarios(struct path_list *list, const char *path, struct err *e)
{
    struct stat st;
    size_t before = list->n;

    if (stat(path, &st) < 0) {
        return err_set(e, "cannot read %s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        add(list, xstrdup(path));
        return true;
    }
    bool ok = walk(list, path, e);
    if (list->n > before) {
        qsort(list->path + before, list->n - before, sizeof *list->path, compare_paths);
    }
    return ok;
}

void
path_list_fini(struct path_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->path[i]);
    }
    free(list->path);
}
