/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Printing what trace/diff.h found. */

#include "cli/diff.h"

#include "cli/message.h"
#include "cli/options.h"
#include "trace/format.h"
#include "trace/table.h"
#include "util/err.h"

#include <inttypes.h>
#include <stdlib.h>

static void
print_record(FILE *out, const char *prefix, char mark, const struct trace_diff_record *r)
{
    if (r->line == 0) {
        fprintf(out, "%s%c (the trace ends here)\n", prefix, mark);
        return;
    }
    char *line = trace_format_string(&r->rec);
    fprintf(out, "%s%c %s\n", prefix, mark, line);
    free(line);
}

static void
print_place(FILE *out, const char *name, const struct trace_diff_record *r)
{
    if (r->line == 0) {
        fprintf(out, "the end of %s", name);
    } else {
        fprintf(out, "%s:%" PRIu32, name, r->line);
    }
}

static void
print_counts(FILE *out, const char *prefix, const struct trace_diff *d)
{
    if (d->n_counts == 0) {
        return;
    }
    fprintf(out, "%s%-24s %-16s %10s %10s\n", prefix, "subscriber", "event", "A", "B");
    for (size_t i = 0; i < d->n_counts; i++) {
        const struct trace_diff_count *c = &d->counts[i];
        fprintf(out, "%s%-24s %-16s %10" PRIu64 " %10" PRIu64 "%s\n", prefix,
                c->subscriber, trace_event_info(c->event)->name, c->n[0], c->n[1],
                c->n[0] == c->n[1] ? "" : "  *");
    }
}

void
cli_print_diff(FILE *out, const char *prefix, const struct trace_diff *d, const char *a,
               const char *b)
{
    fprintf(out, "%sfirst difference at ", prefix);
    print_place(out, a, &d->first[0]);
    fputs(" and ", out);
    print_place(out, b, &d->first[1]);
    fputc('\n', out);
    for (size_t i = 0; i < d->n_before; i++) {
        print_record(out, prefix, ' ', &d->before[i]);
    }
    for (unsigned side = 0; side < 2; side++) {
        char mark = side == 0 ? '-' : '+';
        print_record(out, prefix, mark, &d->first[side]);
        for (size_t i = 0; i < d->n_after[side]; i++) {
            print_record(out, prefix, mark, &d->after[side][i]);
        }
    }
    print_counts(out, prefix, d);
}

int
cli_diff(const struct options *o)
{
    const char *a = o->operands[0], *b = o->operands[1];
    struct trace_diff_options opts = { o->ignore_time, o->context };
    struct trace_diff d;
    struct err e;

    if (!trace_diff_files(&d, a, b, &opts, &e)) {
        cli_print_error(stderr, &e);
        return STATUS_FAIL;
    }
    if (!d.equal) {
        cli_print_diff(stdout, "", &d, a, b);
    }
    int status = d.equal ? STATUS_OK : STATUS_DIFFER;
    trace_diff_fini(&d);
    return status;
}
