/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A subscriber for its own sake: its events are counted and traced by what all
 * subscribers share, and it holds nothing.
 */
#include "subscriber/kinds.h"

const struct subscriber_ops subscriber_observer = {
    .name = "observer",
    .flags = NOTIFY_MAP | NOTIFY_UNMAP,
    .shadow = SHADOW_NONE,
    .wants_replay = true,
    .size = sizeof(struct subscriber),
};
