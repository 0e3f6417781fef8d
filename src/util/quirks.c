/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of deviations and the profiles made of them: see quirks.h. */
#include "util/quirks.h"

#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct quirk_info infos[QUIRK_COUNT] = {
#define QUIRK(id, name, where, what, story) [QUIRK_##id] = { name, where, what, story },
#include "util/quirks.def"
#undef QUIRK
};

static const enum quirk qemu_7_2[] = {
    QUIRK_PAPR_LONE_MAP,
    QUIRK_PAPR_PER_ENTRY,
    QUIRK_PAPR_SILENT_TEARDOWN,
    QUIRK_PAPR_STICKY_DEFAULT,
    QUIRK_PAPR_OVERSIZED_KEPT,
    QUIRK_PAPR_SHIFT_MODULO,
    QUIRK_PAPR_MIGRATE_BY_COUNT,
    QUIRK_PAPR_MSI_SHADOWED,
    QUIRK_PAPR_REPLAY_ALL,
    QUIRK_SUB_FILL_RW,
    QUIRK_CORE_ASSERT_PARTIAL,
};

static const struct profile_info profiles[] = {
    { "spec", "what the specifications and the notifier contract demand", NULL, 0 },
    { "qemu-7.2", "what QEMU 7.2 really does", qemu_7_2, LEN(qemu_7_2) },
};

void
quirk_set(struct quirk_set *q, enum quirk id, bool on)
{
    uint64_t bit = UINT64_C(1) << (id % 64);

    if (on) {
        q->bits[id / 64] |= bit;
    } else {
        q->bits[id / 64] &= ~bit;
    }
}

const struct quirk_info *
quirk_info(enum quirk id)
{
    return &infos[id];
}

bool
quirk_by_name(const char *name, enum quirk *out)
{
    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            *out = (enum quirk)i;
            return true;
        }
    }
    return false;
}

const struct profile_info *
profile_by_name(const char *name)
{
    for (size_t i = 0; i < LEN(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

const struct profile_info *
profile_at(size_t i)
{
    return i < LEN(profiles) ? &profiles[i] : NULL;
}

void
profile_apply(const struct profile_info *p, struct quirk_set *q)
{
    *q = (struct quirk_set){ 0 };
    for (size_t i = 0; i < p->n; i++) {
        quirk_set(q, p->quirks[i], true);
    }
}
