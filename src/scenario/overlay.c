/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking into trees of nodes and laying one over another: see node.h. */
#include <string.h>

#include "scenario/node.h"

const struct node *
node_get(const struct node *map, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; map->kind == NODE_MAP && i < map->n; i++) {
        const struct node *k = map->u.pairs[i].key;

        if (k->n == len && memcmp(k->u.text, key, len) == 0) {
            return map->u.pairs[i].value;
        }
    }
    return NULL;
}

/* The index of the pair with the same key, or n. */
static size_t
find_key(const struct node_pair *pairs, size_t n, const struct node *key)
{
    size_t i = 0;

    while (i < n && !(pairs[i].key->n == key->n &&
                      memcmp(pairs[i].key->u.text, key->u.text, key->n) == 0)) {
        i++;
    }
    return i;
}

const struct node *
node_overlay(struct arena *arena, const struct node *base, const struct node *over)
{
    if (base == NULL || over == NULL) {
        return base == NULL ? over : base;
    }
    if (base->kind != NODE_MAP || over->kind != NODE_MAP) {
        return node_is_empty(over) ? base : over;
    }
    struct node *n = arena_alloc(arena, sizeof(*n));
    struct node_pair *pairs =
        arena_alloc(arena, ((size_t)base->n + over->n) * sizeof(*pairs) + 1);

    *n = *over;
    memcpy(pairs, base->u.pairs, base->n * sizeof(*pairs));
    n->n = base->n;
    for (size_t i = 0; i < over->n; i++) {
        size_t at = find_key(pairs, base->n, over->u.pairs[i].key);

        if (at < base->n) {
            pairs[at].key = over->u.pairs[i].key;
            pairs[at].value =
                node_overlay(arena, base->u.pairs[at].value, over->u.pairs[i].value);
        } else {
            pairs[n->n++] = over->u.pairs[i];
        }
    }
    n->u.pairs = pairs;
    return n;
}
