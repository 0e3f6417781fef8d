/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * YAML as a tree with places, built from libyaml's events: scalars as text,
 * lists, and mappings from text to nodes in file order. Aliases share the node
 * they name, `<<` merges are done, duplicate keys are errors.
 */
#ifndef IOMMUSIM_SCENARIO_NODE_H
#define IOMMUSIM_SCENARIO_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"
#include "util/alloc.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    struct src_pos pos;
    uint32_t span; /* characters on its first line */
    uint32_t n;    /* bytes, items or pairs */
    uint8_t kind;  /* enum node_kind */
    bool plain;    /* a scalar without quotes */
    bool literal;  /* a scalar written as a block: | */
    union {
        const char *text; /* ends in NUL, which n does not count; holds no other */
        const struct node **items;
        struct node_pair *pairs;
    } u;
};

struct node_pair {
    const struct node *key, *value; /* key is a scalar */
};

enum {
    NODE_DEPTH_MAX = 64,        /* lists and mappings in each other */
    NODE_TEXT_MAX = 64 * 1024,  /* bytes of a scalar that is not a literal block */
    NODE_ALIASED_MAX = 1000000, /* nodes that the aliases of a file stand for in all */
};

/*
 * Long timelines are not kept: when `key` of the root is reached and begin(self, so
 * far) agrees, each item of its list goes to item(self, node), the node is gone
 * soon after, and the list that stands in the tree is empty.
 */
struct node_stream {
    const char *key;
    bool (*begin)(void *self, const struct node *key, const struct node *so_far);
    void (*item)(void *self, const struct node *item);
    void *self;
    struct arena *items; /* where they are built; the caller's to free at last */
};

/*
 * Parse the text of sc->files[file] into nodes in `arena`. NULL, with errors
 * added, if it is not one YAML document; errors may be added (duplicate keys)
 * and a tree returned all the same. `stream` may be NULL.
 */
const struct node *node_parse(struct arena *arena, const struct scenario_file *files,
                              uint32_t file, struct scenario_errors *errs,
                              const struct node_stream *stream);

/* An absent value: `key:` with nothing after it. */
static inline bool
node_is_empty(const struct node *n)
{
    return n->kind == NODE_SCALAR && n->n == 0 && n->plain;
}

/* The value of `key` in a mapping, or NULL. */
const struct node *node_get(const struct node *map, const char *key);

/*
 * `base` overlaid with `over`: a new node in `arena`. Mappings are merged key by
 * key, of anything else `over` wins. Either may be NULL.
 */
const struct node *node_overlay(struct arena *arena, const struct node *base,
                                const struct node *over);

#endif
