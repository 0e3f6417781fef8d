/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of kinds. See kinds.h. */
#include "subscriber/kinds.h"

#include <string.h>

static const struct subscriber_ops *const kinds[] = {
    &subscriber_vfio,       &subscriber_vfio_v1, &subscriber_vfio_spapr,
    &subscriber_iommufd,    &subscriber_vdpa,    &subscriber_vhost,
    &subscriber_vhost_user, &subscriber_ats,     &subscriber_emulated,
    &subscriber_observer,
};

const struct subscriber_ops *
subscriber_kind_at(size_t i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i] : NULL;
}

const struct subscriber_ops *
subscriber_kind(const char *name)
{
    const struct subscriber_ops *ops;

    for (size_t i = 0; (ops = subscriber_kind_at(i)) != NULL; i++) {
        if (strcmp(ops->name, name) == 0) {
            return ops;
        }
    }
    return NULL;
}
