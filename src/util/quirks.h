/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deviations from the contract, each with a name. The one table is quirks.def;
 * every quirk is consulted at exactly one place in the sources.
 */
#ifndef IOMMUSIM_UTIL_QUIRKS_H
#define IOMMUSIM_UTIL_QUIRKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quirk {
#define QUIRK(id, name, where, what, story) QUIRK_##id,
#include "util/quirks.def"
#undef QUIRK
    QUIRK_COUNT
};

struct quirk_set {
    uint64_t bits[(QUIRK_COUNT + 63) / 64];
};

struct quirk_info {
    const char *name;  /* as scenarios write it, e.g. core.no-replay-on-register */
    const char *where; /* which part acts differently */
    const char *what;  /* one sentence */
    const char *story; /* which real bug or behaviour it is, with its reference */
};

static inline bool
quirk_on(const struct quirk_set *q, enum quirk id)
{
    return (q->bits[id / 64] >> (id % 64)) & 1;
}

void quirk_set(struct quirk_set *q, enum quirk id, bool on);
const struct quirk_info *quirk_info(enum quirk id);
bool quirk_by_name(const char *name, enum quirk *out);

/* Profiles: named sets of quirks. "spec" is the empty set. */
struct profile_info {
    const char *name;
    const char *what;
    const enum quirk *quirks; /* n of them */
    size_t n;
};
const struct profile_info *profile_by_name(const char *name);
const struct profile_info *profile_at(size_t i); /* NULL past the end */
void profile_apply(const struct profile_info *p,
                   struct quirk_set *q); /* q becomes the set */

#endif
