/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash of texts: see strmap.h. */
#include "scenario/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/* FNV-1a. */
static size_t
hash_text(const char *s, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    }
    return (size_t)(h ^ h >> 32);
}

/* The slot of `key`, or the free one where it belongs; the map is never full. */
static struct strmap_slot *
find_slot(const struct strmap *m, const char *key, size_t len)
{
    size_t i = hash_text(key, len) & (m->size - 1);

    while (m->slots[i].key != NULL &&
           !(m->slots[i].len == len && memcmp(m->slots[i].key, key, len) == 0)) {
        i = (i + 1) & (m->size - 1);
    }
    return &m->slots[i];
}

static void
grow(struct strmap *m)
{
    struct strmap old = *m;

    m->size = old.size == 0 ? 16 : old.size * 2;
    m->slots = xcalloc(m->size, sizeof(*m->slots));
    for (size_t i = 0; i < old.size; i++) {
        if (old.slots[i].key != NULL) {
            *find_slot(m, old.slots[i].key, old.slots[i].len) = old.slots[i];
        }
    }
    free(old.slots);
}

void
strmap_fini(struct strmap *m)
{
    free(m->slots);
    *m = (struct strmap){ 0 };
}

bool
strmap_get(const struct strmap *m, const char *key, size_t len, uint32_t *value)
{
    if (m->used == 0) {
        return false;
    }
    const struct strmap_slot *slot = find_slot(m, key, len);

    if (slot->key == NULL) {
        return false;
    }
    *value = slot->value;
    return true;
}

void
strmap_put(struct strmap *m, const char *key, size_t len, uint32_t value)
{
    if (m->used * 2 >= m->size) {
        grow(m);
    }
    struct strmap_slot *slot = find_slot(m, key, len);

    if (slot->key == NULL) {
        *slot = (struct strmap_slot){ .key = key, .len = (uint32_t)len };
        m->used++;
    }
    slot->value = value;
}
