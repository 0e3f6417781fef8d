/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See fail_nth.h. */
#include "cli/fail_nth.h"

#include <inttypes.h>
#include <string.h>

#include "cli/message.h"
#include "cli/options.h"
#include "util/names.h"

/* What is left of a run once its machine is gone. */
struct run {
    enum machine_end end;
    uint64_t points;
    uint64_t refused, errors, unexpected, not_mirrored;
    uint64_t by_class[VIOLATION_COUNT];
    char subject[64], at[80];
    struct fail_hit hit; /* its texts are gone: see subject and at */
};

enum outcome { NO_EFFECT, ROLLED_BACK, REPORTED, LEFT_BEHIND, DIED, OUTCOMES };

static const char *const outcome_names[OUTCOMES] = {
    [NO_EFFECT] = "no effect",     [ROLLED_BACK] = "rolled back", [REPORTED] = "reported",
    [LEFT_BEHIND] = "left behind", [DIED] = "ended the monitor",
};

static void
note_hit(struct run *run)
{
    const struct fail_hit *h = &run->hit;

    snprintf(run->subject, sizeof(run->subject), "%s", h->subject);
    if (h->file == NULL) {
        snprintf(run->at, sizeof(run->at), "start");
    } else {
        const char *slash = strrchr(h->file, '/');
        snprintf(run->at, sizeof(run->at), "%s:%u", slash != NULL ? slash + 1 : h->file,
                 h->line);
    }
}

/* False: it could not be run, which *e explains. */
static bool
run_one(const struct machine_config *config, uint64_t nth, struct run *run, struct err *e)
{
    struct machine_config c = *config;

    c.fail_nth = nth;
    struct machine *m = machine_new(&c, e);
    if (m == NULL) {
        return false;
    }
    *run = (struct run){ .end = machine_run(m, e) };
    const struct machine_result *r = machine_result(m);
    run->points = r->fail_points;
    run->unexpected = r->unexpected;
    run->not_mirrored = r->not_mirrored;
    run->hit = r->hit;
    memcpy(run->by_class, r->by_class, sizeof(run->by_class));
    for (size_t i = 0; i < r->n_subscribers; i++) {
        run->refused += r->subscribers[i].refused;
        run->errors += r->subscribers[i].errors;
    }
    if (run->hit.subject != NULL) {
        note_hit(run);
    }
    machine_free(m);
    return run->end != MACHINE_LIMIT && run->end != MACHINE_FAILED;
}

/*
 * What can be undone, a plug or a registration, must be. What cannot, a mapping that the
 * guest has made and the host refuses, must be told: then it is missing, as the checker
 * says, and nothing is left behind.
 */
static enum outcome
judge(const struct run *plain, const struct run *run)
{
    if (run->end == MACHINE_ABORTED && plain->end != MACHINE_ABORTED) {
        return DIED;
    }
    const bool told = run->errors > plain->errors;
    const uint64_t lawful = told ? run->not_mirrored : 0;
    if (run->unexpected - lawful > plain->unexpected) {
        return LEFT_BEHIND;
    }
    if (run->refused > plain->refused) {
        return ROLLED_BACK;
    }
    return told ? REPORTED : NO_EFFECT;
}

/* The classes of which there are more than without the failure. */
static void
print_classes(FILE *out, const struct run *plain, const struct run *run)
{
    const char *separator = ": ";

    for (unsigned c = 0; c < VIOLATION_COUNT; c++) {
        if (run->by_class[c] > plain->by_class[c]) {
            fprintf(out, "%s%" PRIu64 " %s", separator,
                    run->by_class[c] - plain->by_class[c],
                    violation_name((enum violation_class)c));
            separator = ", ";
        }
    }
}

static void
print_row(FILE *out, uint64_t nth, const struct run *plain, const struct run *run,
          enum outcome outcome)
{
    fprintf(out, "%6" PRIu64 "  %12" PRIu64 "  %-20s %-9s %-8s  %-24s %s", nth,
            run->hit.time, run->subject, fail_op_name(run->hit.op),
            errno_name(run->hit.error), run->at, outcome_names[outcome]);
    if (outcome == LEFT_BEHIND || outcome == REPORTED) {
        print_classes(out, plain, run);
    }
    fputc('\n', out);
}

static int
failed(FILE *errors, const struct machine_config *config, const struct err *e)
{
    struct err placed = *e;

    if (placed.file == NULL) {
        placed.file = config->scenario->files[0].name;
    }
    cli_print_error(errors, &placed);
    return STATUS_FAIL;
}

int
fail_nth_run(const struct machine_config *config, const char *title, FILE *out,
             FILE *errors)
{
    uint64_t count[OUTCOMES] = { 0 };
    struct err e = { 0 };
    struct run plain, run;

    if (!run_one(config, 0, &plain, &e)) {
        return failed(errors, config, &e);
    }
    fprintf(out, "%s: %" PRIu64 " point%s\n", title, plain.points,
            plain.points == 1 ? "" : "s");
    if (plain.points > 0) {
        fprintf(out, "%6s  %12s  %-20s %-9s %-8s  %-24s %s\n", "point", "time (ns)",
                "subscriber", "op", "errno", "at", "outcome");
    }
    for (uint64_t nth = 1; nth <= plain.points; nth++) {
        if (!run_one(config, nth, &run, &e)) {
            return failed(errors, config, &e);
        }
        const enum outcome outcome = judge(&plain, &run);
        count[outcome]++;
        print_row(out, nth, &plain, &run, outcome);
    }
    for (unsigned i = 0; i < OUTCOMES; i++) {
        if (count[i] != 0) {
            fprintf(out, "  %" PRIu64 " %s\n", count[i], outcome_names[i]);
        }
    }
    return count[LEFT_BEHIND] + count[DIED] > 0 ? STATUS_DIFFER : STATUS_OK;
}
