/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An emulated device without a translation cache: it registers nothing, hears
 * nothing, and the IOMMU translates its every access.
 */
#include "subscriber/kinds.h"

const struct subscriber_ops subscriber_emulated = {
    .name = "emulated",
    .shadow = SHADOW_NONE,
    .size = sizeof(struct subscriber),
};
