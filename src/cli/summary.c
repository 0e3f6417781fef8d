/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See summary.h. */
#include "cli/summary.h"

#include <inttypes.h>
#include <string.h>

#include "util/names.h"

/* "1 fault", "2 faults" */
static void
count(FILE *out, const char *before, uint64_t n, const char *what)
{
    fprintf(out, "%s%" PRIu64 " %s%s", before, n, what, n == 1 ? "" : "s");
}

static void
print_verdict(FILE *out, const struct machine_result *r, enum machine_end end)
{
    switch (end) {
    case MACHINE_LIMIT:
        fputs("stopped at a limit", out);
        return;
    case MACHINE_FAILED:
        fputs("could not be run to its end", out);
        return;
    case MACHINE_ABORTED:
        fputs("the modelled monitor aborted", out);
        break;
    case MACHINE_VIOLATION:
        fputs("stopped at a violation", out);
        break;
    case MACHINE_COMPLETE:
        fputs(r->violations == 0 ? "coherent" : "incoherent", out);
        break;
    }
    fputs(r->held ? ", as expected" : ", NOT as expected", out);
}

static void
print_violations(FILE *out, const struct machine_result *r)
{
    const char *sep = ": ";

    count(out, "  ", r->violations, "violation");
    for (unsigned c = 0; c < VIOLATION_COUNT; c++) {
        if (r->by_class[c] != 0) {
            fprintf(out, "%s%" PRIu64 " %s", sep, r->by_class[c],
                    violation_name((enum violation_class)c));
            sep = ", ";
        }
    }
    if (r->unexpected != 0) {
        fprintf(out, " (%" PRIu64 " not expected)", r->unexpected);
    }
    fputc('\n', out);
}

static void
print_exposure(FILE *out, const struct exposure_stats *x)
{
    count(out, "  exposure: ", x->count, "span");
    fprintf(out, ", total %" PRIu64 " ns, max %" PRIu64 " ns", x->total_ns, x->max_ns);
    if (x->max_ns != 0) {
        fprintf(out, ", p50 %" PRIu64 ", p90 %" PRIu64 ", p99 %" PRIu64, x->p50_ns,
                x->p90_ns, x->p99_ns);
    }
    fprintf(out, ", %" PRIu64 " bytes, %" PRIu64 " byte-seconds\n", x->bytes,
            x->byte_seconds);
}

static void
print_title(FILE *out, const char *scenario, const char *run,
            const struct machine_result *r, enum machine_end end)
{
    fprintf(out, "%s", scenario);
    if (run != NULL) {
        fprintf(out, " [%s]", run);
    }
    fputs(": ", out);
    print_verdict(out, r, end);
    fputc('\n', out);
}

static void
print_failures(FILE *out, const struct machine_result *r)
{
    for (size_t i = 0; i < r->n_failures; i++) {
        fprintf(out, "  failed: %s\n", r->failures[i]);
    }
    if (r->failed_expectations + r->unexpected > r->n_failures) {
        fprintf(out, "  failed: and %" PRIu64 " more\n",
                r->failed_expectations + r->unexpected - r->n_failures);
    }
}

static void
print_subscribers(FILE *out, const struct machine_result *r)
{
    int width = 0;

    for (size_t i = 0; i < r->n_subscribers; i++) {
        int len = (int)strlen(r->subscribers[i].name);
        width = len > width ? len : width;
    }
    for (size_t i = 0; i < r->n_subscribers; i++) {
        const struct machine_subscriber_count *s = &r->subscribers[i];
        fprintf(out, "  %s:%*s", s->name, width - (int)strlen(s->name) + 1, "");
        if (s->refused) {
            fputs("refused\n", out);
            continue;
        }
        fprintf(out, "%" PRIu64 " MAP, %" PRIu64 " UNMAP", s->maps, s->unmaps);
        if (s->deviotlb_unmaps != 0) {
            fprintf(out, ", %" PRIu64 " DEVIOTLB_UNMAP", s->deviotlb_unmaps);
        }
        if (s->errors != 0) {
            count(out, ", ", s->errors, "error");
        }
        fputc('\n', out);
    }
}

void
summary_print_failures(FILE *out, const char *scenario, const char *run,
                       const struct machine_result *r, enum machine_end end)
{
    print_title(out, scenario, run, r, end);
    print_failures(out, r);
}

void
summary_print(FILE *out, const char *scenario, const char *run,
              const struct machine_result *r, enum machine_end end)
{
    print_title(out, scenario, run, r, end);
    count(out, "  ", r->steps, "step");
    count(out, ", ", r->hypercalls, "hypercall");
    fprintf(out, ", %" PRIu64 " DMA access%s", r->dmas, r->dmas == 1 ? "" : "es");
    count(out, ", ", r->faults, "fault");
    fprintf(out, ", %" PRIu64 " ns simulated\n", r->time);
    print_subscribers(out, r);
    print_violations(out, r);
    if (r->exposure.count != 0) {
        print_exposure(out, &r->exposure);
    }
    print_failures(out, r);
}
