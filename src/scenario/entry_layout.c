/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entries field by field: see entry_layout.h. */
#include "scenario/entry_layout.h"

#define LEN(a)                             (sizeof(a) / sizeof((a)[0]))
#define FIELD(name, word, low, bits, kind) { #name, word, low, bits, ENTRY_##kind },

static const struct entry_field root[] = { ENTRY_ROOT_FIELDS(FIELD) };
static const struct entry_field context[] = { ENTRY_ANY_CONTEXT_FIELDS(FIELD)
                                                  ENTRY_CONTEXT_FIELDS(FIELD) };
static const struct entry_field sm_context[] = { ENTRY_ANY_CONTEXT_FIELDS(FIELD)
                                                     ENTRY_SM_CONTEXT_FIELDS(FIELD) };
static const struct entry_field pasid_dir[] = { ENTRY_PASID_DIR_FIELDS(FIELD) };
static const struct entry_field pasid[] = { ENTRY_PASID_FIELDS(FIELD) };

const struct entry_layout *
entry_layout(enum entry_layout_id id)
{
    static const struct entry_layout all[ENTRY_LAYOUTS] = {
        [ENTRY_ROOT] = { "root entry", 2, root, LEN(root) },
        [ENTRY_CONTEXT] = { "context entry", 2, context, LEN(context) },
        [ENTRY_SM_CONTEXT] = { "scalable context entry", 4, sm_context, LEN(sm_context) },
        [ENTRY_PASID_DIR] = { "PASID directory entry", 1, pasid_dir, LEN(pasid_dir) },
        [ENTRY_PASID] = { "PASID table entry", 8, pasid, LEN(pasid) },
    };

    return &all[id];
}
