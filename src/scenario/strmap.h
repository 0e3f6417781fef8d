/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A map from short texts to numbers: ids to indices, anchors to nodes, keys that
 * were seen. Open addressing; order of insertion is not kept, so it is never
 * iterated. Keys are borrowed and need not end in NUL.
 */
#ifndef IOMMUSIM_SCENARIO_STRMAP_H
#define IOMMUSIM_SCENARIO_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strmap_slot {
    const char *key; /* NULL: free */
    uint32_t len, value;
};

struct strmap {
    struct strmap_slot *slots; /* a power of two of them, or NULL */
    size_t size, used;
};

/* All zero is an empty map. */
void strmap_fini(struct strmap *m);

/* False if there is none. */
bool strmap_get(const struct strmap *m, const char *key, size_t len, uint32_t *value);

/* Add, or replace the value of a key that is there (its text stays the first). */
void strmap_put(struct strmap *m, const char *key, size_t len, uint32_t value);

#endif
