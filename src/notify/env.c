/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See env.h. A monitor dies once: what follows its first death is not told. */
#include "notify/env.h"

void
env_abort(struct env *e, const char *subject, enum blame who, const char *why)
{
    if (!e->aborted) {
        e->aborted = true;
        observe(e, aborted, subject, who, why);
    }
}
