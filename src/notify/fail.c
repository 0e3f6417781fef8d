/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See fail.h. */
#include "notify/fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "notify/env.h"

/* As hosts say it most often. */
static const int usual[FAIL_OPS] = {
    [FAIL_REGISTER] = ENOTSUP, [FAIL_MAP] = ENOMEM, [FAIL_UNMAP] = EINVAL,
    [FAIL_MESSAGE] = EPIPE,    [FAIL_REPLAY] = EIO, [FAIL_TRACK] = ENOTSUP,
    [FAIL_SYNC] = EIO,
};

void
fail_fini(struct fail_plan *p)
{
    free(p->orders);
}

void
fail_order(struct fail_plan *p, const struct fail_order *o)
{
    p->orders = xrealloc(p->orders, p->n + 1, sizeof(*p->orders));
    p->orders[p->n++] = *o;
}

/* The errno that an order for this point asks for, or 0. */
static int
ordered(struct fail_plan *p, const char *subject, enum fail_op op)
{
    int error = 0;

    for (size_t i = 0; i < p->n; i++) {
        struct fail_order *o = &p->orders[i];
        if (o->nth != 0 && o->op == op && strcmp(o->subject, subject) == 0 &&
            --o->nth == 0) {
            error = o->error != 0 ? o->error : usual[op];
        }
    }
    return error;
}

int
fail_asked(struct env *env, const char *subject, enum fail_op op)
{
    struct fail_plan *p = &env->fail;
    int error = ordered(p, subject, op);
    struct trace_rec r;

    if (p->points == p->nth && error == 0) {
        error = usual[op];
    }
    if (error == 0) {
        return 0;
    }
    p->hit = (struct fail_hit){
        .subject = subject,
        .op = op,
        .error = error,
        .replay = p->replay,
        .time = sim_now(env->sim),
        .file = p->file,
        .line = p->line,
    };
    if (trace_wants(env->trace, TE_INJECTED)) {
        trace_begin(&r, sim_now(env->sim), subject, TE_INJECTED);
        trace_text(&r, TF_OP, fail_op_name(op));
        trace_u64(&r, TF_ERRNO, (uint64_t)error);
        trace_emit(env->trace, &r);
    }
    return error;
}
