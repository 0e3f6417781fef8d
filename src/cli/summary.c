/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See summary.h. */
#include "cli/summary.h"

#include <inttypes.h>
#include <string.h>

#include "util/err.h"
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

/* 1234 thousandths or millionths ... of a unit, `digits` of them: "1.234" */
static void
print_decimal(FILE *out, uint64_t whole, uint64_t fraction, int digits)
{
    fprintf(out, "%" PRIu64, whole);
    while (digits > 0 && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    if (digits > 0) {
        fprintf(out, ".%0*" PRIu64, digits, fraction);
    }
}

/* "1.5 us" */
static void
print_time(FILE *out, const char *before, uint64_t ns)
{
    static const struct {
        uint64_t ns;
        int digits;
        const char *name;
    } units[] = {
        { 1000000000, 9, "s" }, { 1000000, 6, "ms" }, { 1000, 3, "us" }, { 1, 0, "ns" }
    };
    unsigned i = 0;

    while (units[i].ns > 1 && ns < units[i].ns) {
        i++;
    }
    fputs(before, out);
    print_decimal(out, ns / units[i].ns, ns % units[i].ns, units[i].digits);
    fprintf(out, " %s", units[i].name);
}

static void
print_byte_seconds(FILE *out, const struct exposure_stats *x)
{
    fputs(", ", out);
    if (x->byte_ns == UINT64_MAX) {
        fprintf(out, "%" PRIu64, x->byte_seconds);
    } else {
        print_decimal(out, x->byte_seconds, x->byte_ns % 1000000000, 9);
    }
    fputs(" byte-seconds", out);
}

/* "0x8000+0x1000 since 1000 at x.yaml:7" */
static void
print_worst(FILE *out, const struct exposure_stats *x)
{
    char at[SOURCE_PLACE];

    fprintf(out, "0x%" PRIx64 "+0x%" PRIx64 " since %" PRIu64, x->worst_first,
            x->worst_last - x->worst_first + 1, x->worst_origin.time);
    if (x->worst_origin.file != NULL) {
        fprintf(out, " at %s",
                source_place(at, x->worst_origin.file, x->worst_origin.line));
    }
    fputc('\n', out);
}

/* How much and for how long: what one violation's line cannot know. */
static void
print_wrong(FILE *out, const struct exposure_stats *x)
{
    fprintf(out, "    %s %s: ", x->subject, violation_name(x->class));
    if (x->class == VIOLATION_DMA_BREACH || x->class == VIOLATION_DMA_LOST) {
        fprintf(out, "%" PRIu64 " access%s, ", x->count, x->count == 1 ? "" : "es");
    }
    count(out, "", x->bytes, "byte");
    if (x->max_ns == 0) {
        fputc('\n', out);
        return;
    }
    print_time(out, " for up to ", x->max_ns);
    print_byte_seconds(out, x);
    fputs(", longest ", out);
    print_worst(out, x);
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
    for (size_t i = 0; i < r->n_exposures; i++) {
        if (!r->exposures[i].lawful) {
            print_wrong(out, &r->exposures[i]);
        }
    }
}

static void
print_spans(FILE *out, const struct exposure_stats *x)
{
    count(out, "", x->count, "span");
    count(out, ", ", x->bytes, "byte");
    if (x->max_ns == 0) {
        fputs(", all over at once\n", out);
        return;
    }
    print_time(out, ", total ", x->total_ns);
    print_time(out, ", max ", x->max_ns);
    if (x->p50_ns != x->max_ns) {
        print_time(out, ", p50 ", x->p50_ns);
        print_time(out, ", p90 ", x->p90_ns);
        print_time(out, ", p99 ", x->p99_ns);
    }
    print_byte_seconds(out, x);
    fputc('\n', out);
}

/* All that the guest took away, then whom it took time to let go of it. */
static void
print_exposure(FILE *out, const struct machine_result *r)
{
    fputs("  exposure: ", out);
    print_spans(out, &r->exposure);
    for (size_t i = 0; i < r->n_exposures; i++) {
        const struct exposure_stats *x = &r->exposures[i];
        if (x->lawful && x->max_ns != 0) {
            fprintf(out, "    %s: ", x->subject);
            print_spans(out, x);
            fputs("      longest ", out);
            print_worst(out, x);
        }
    }
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
        if (s->misses != 0) {
            fprintf(out, ", %" PRIu64 " miss%s", s->misses, s->misses == 1 ? "" : "es");
        }
        if (s->batches != 0) {
            fprintf(out, ", %" PRIu64 " batch%s", s->batches,
                    s->batches == 1 ? "" : "es");
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
        print_exposure(out, r);
    }
    print_failures(out, r);
}
