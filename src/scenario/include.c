/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that a scenario consists of, and `include`. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/diag.h"
#include "scenario/loader.h"
#include "scenario/source.h"

enum { INCLUDE_DEPTH_MAX = 8, INCLUDES_MAX = 256 };

/* FNV-1a by words of eight bytes, little-endian, the last filled up with zeros. */
static uint64_t
hash_bytes(uint64_t h, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;

        memcpy(&word, text + i, len - i < 8 ? len - i : 8);
        h = (h ^ le64toh(word)) * UINT64_C(0x100000001b3);
        h ^= h >> 32;
    }
    return h;
}

uint32_t
add_file(struct loader *l, const char *name, char *text, size_t len)
{
    struct scenario *sc = l->sc;
    size_t n = sc->n_files;

    if ((n & (n + 1)) == 0) {
        sc->files = xrealloc(sc->files, (n + 1) * 2, sizeof(*sc->files));
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        len -= 3;
        memmove(text, text + 3, len);
    }
    sc->files[n] = (struct scenario_file){ arena_strndup(&sc->arena, name, strlen(name)),
                                           text, len };
    sc->n_files++;
    sc->hash = hash_bytes(sc->hash, text, len);
    return (uint32_t)n;
}

const char *
path_beside(struct loader *l, uint32_t from, const char *path)
{
    const char *base = l->sc->files[from].name;
    const char *slash = strrchr(base, '/');

    if (path[0] == '/' || slash == NULL) {
        return arena_strndup(l->arena, path, strlen(path));
    }
    size_t dir = (size_t)(slash - base) + 1, len = strlen(path);
    char *joined = arena_alloc(l->arena, dir + len + 1);

    memcpy(joined, base, dir);
    memcpy(joined + dir, path, len);
    return joined;
}

/* Only these come from included files; `x-` keys are homes of anchors there too. */
static const char *const included_keys[] = { "machine", "guest", "latency" };

static void
check_included_keys(struct loader *l, const struct node *root)
{
    for (uint32_t i = 0; i < root->n; i++) {
        struct val key = val_of(root->u.pairs[i].key);
        bool known = val_is(key, "include") || val_is(key, "iommusim") ||
                     (key.len > 2 && memcmp(key.s, "x-", 2) == 0);

        for (size_t k = 0; k < LEN(included_keys); k++) {
            known |= val_is(key, included_keys[k]);
        }
        if (!known) {
            load_error(
                l, key,
                "an included file gives 'machine', 'guest' and 'latency', not '%.64s'",
                key.s);
        }
    }
}

static const struct node *overlay_includes(struct loader *l, const struct node *root,
                                           unsigned depth);

/*
 * The tree of one included file, with what that includes under it; NULL if there is none.
 */
static const struct node *
load_include(struct loader *l, struct val v, unsigned depth)
{
    char *text = NULL;
    size_t len = 0;

    if (!want_scalar(l, "include", v)) {
        return NULL;
    }
    if (depth == INCLUDE_DEPTH_MAX || l->sc->n_files == INCLUDES_MAX) {
        load_error(l, v, "includes go on and on; does '%.200s' include itself?", v.s);
        return NULL;
    }
    const char *path = path_beside(l, v.node->pos.file, v.s);
    const char *problem = strcmp(path, "-") == 0 ? "standard input cannot be included"
                                                 : source_read(path, &text, &len);

    if (problem != NULL) {
        load_error(l, v, "cannot read '%.200s': %s", v.s, problem);
        return NULL;
    }
    uint32_t file = add_file(l, path, text, len);
    size_t errors = l->errs->n;
    const struct node *root = node_parse(&l->nodes, l->sc->files, file, l->errs, NULL);

    l->errors += l->errs->n - errors;
    if (root == NULL) {
        l->errors++;
        return NULL;
    }
    if (root->kind != NODE_MAP) {
        load_error(l, val_of(root), "an included file is a mapping of keys");
        return NULL;
    }
    check_included_keys(l, root);
    return overlay_includes(l, root, depth + 1);
}

static const struct node *
overlay_includes(struct loader *l, const struct node *root, unsigned depth)
{
    const struct node *include = node_get(root, "include");
    const struct node *under = NULL;

    if (include == NULL) {
        return root;
    }
    if (include->kind != NODE_LIST) {
        under = load_include(l, val_of(include), depth);
    }
    for (uint32_t i = 0; include->kind == NODE_LIST && i < include->n; i++) {
        under = node_overlay(&l->nodes, under,
                             load_include(l, val_of(include->u.items[i]), depth));
    }
    if (under == NULL) {
        return root;
    }
    /* only the three keys pass from the included file to the including one */
    struct node *kept = arena_alloc(&l->nodes, sizeof(*kept));

    *kept = *under;
    kept->n = 0;
    kept->u.pairs = arena_alloc(&l->nodes, LEN(included_keys) * sizeof(*kept->u.pairs));
    for (uint32_t i = 0; i < under->n; i++) {
        for (size_t k = 0; k < LEN(included_keys); k++) {
            if (val_is(val_of(under->u.pairs[i].key), included_keys[k])) {
                kept->u.pairs[kept->n++] = under->u.pairs[i];
            }
        }
    }
    return node_overlay(&l->nodes, kept, root);
}

const struct node *
load_includes(struct loader *l, const struct node *root)
{
    return overlay_includes(l, root, 0);
}
