/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_nic.h. */
#include "support_nic.h"

#include <check.h>

static void
failed(void *self, struct subscriber *s, const char *op, uint64_t first, uint64_t last,
       int error)
{
    struct nic *r = self;

    (void)s;
    (void)op;
    ck_assert_uint_le(first, last);
    r->error = error;
}

void
nic_init(struct nic *r, uint64_t last, const struct space_section *sections, size_t n)
{
    *r = (struct nic){ 0 };
    toy_init(&r->t, last);
    r->t.env.observer = (struct observer){ .self = r, .failed = failed };
    space_init(&r->space, "nic0", &r->t.env);
    nic_sections(r, sections, n);
}

void
nic_sections(struct nic *r, const struct space_section *sections, size_t n)
{
    struct space_section copy[4];

    ck_assert_uint_le(n, 4);
    for (size_t i = 0; i < n; i++) {
        copy[i] = sections[i];
        copy[i].region = &r->t.region;
    }
    space_set(&r->space, copy, n);
}

bool
nic_attach(struct nic *r, const char *kind, const struct subscriber_config *c,
           struct translator tr, struct err *e)
{
    r->s = subscriber_new(subscriber_kind(kind), c, &r->t.env);
    ck_assert(subscriber_join(r->s, c->name, &r->group, NULL));
    return subscriber_attach(r->s, &r->space, tr, e);
}

void
nic_fini(struct nic *r)
{
    subscriber_detach(r->s);
    subscriber_free(r->s);
    space_fini(&r->space);
    toy_fini(&r->t);
}

int
nic_told(struct nic *r)
{
    const int error = r->error;

    r->error = 0;
    return error;
}
