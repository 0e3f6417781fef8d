/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Running scenarios from the command line: once plainly and once for each entry of
 * `runs`, into one trace.
 */
#include <config.h>

#include "cli/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fail_nth.h"
#include "cli/known.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/summary.h"
#include "cli/test.h"
#include "machine/machine.h"
#include "scenario/scenario.h"
#include "util/alloc.h"

/* Where a run's words go. */
struct voice {
    FILE *errors;        /* messages */
    FILE *summary;       /* NULL: none */
    size_t runs;         /* begun so far */
    struct known *known; /* NULL: nothing was named to look for */
};

static int
worse(int a, int b)
{
    return a > b ? a : b;
}

/* ---- one run ---- */

static struct quirk_set
quirks_of(const struct scenario_keys *keys, const struct options *o,
          const struct profile_info **profile)
{
    struct quirk_set q;

    *profile = o->profile != NULL ? o->profile : keys->profile;
    profile_apply(*profile, &q);
    for (size_t i = 0; i < keys->n_quirks; i++) {
        quirk_set(&q, keys->quirks[i].id, keys->quirks[i].on);
    }
    for (size_t i = 0; i < o->n_quirks; i++) {
        quirk_set(&q, o->quirks[i].id, o->quirks[i].on);
    }
    return q;
}

static void
write_header(struct trace *t, const struct scenario *sc, const char *run, uint64_t seed,
             const struct profile_info *profile, const struct quirk_set *q,
             const struct options *o)
{
    const char *names[QUIRK_COUNT];
    enum { MOST = QUIRK_COUNT + 3 };
    char *overrides[MOST];
    size_t n = 0, n_overrides = 0;

    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        if (quirk_on(q, (enum quirk)i)) {
            names[n++] = quirk_info((enum quirk)i)->name;
        }
    }
    if (o->has_seed) {
        overrides[n_overrides++] = xasprintf("seed=%llu", (unsigned long long)o->seed);
    }
    if (o->profile != NULL) {
        overrides[n_overrides++] = xasprintf("profile=%s", o->profile->name);
    }
    if (o->fail_nth != 0) {
        overrides[n_overrides++] = xasprintf("fail-nth=%u", o->fail_nth);
    }
    for (size_t i = 0; i < o->n_quirks && n_overrides < MOST; i++) {
        overrides[n_overrides++] = xasprintf("quirk=%s%s", o->quirks[i].on ? "" : "-",
                                             quirk_info(o->quirks[i].id)->name);
    }
    char *title = run == NULL ? xstrdup(sc->name) : xasprintf("%s [%s]", sc->name, run);
    trace_write_header(t, &(struct trace_header){
                              .version = PACKAGE_VERSION,
                              .scenario = title,
                              .hash = sc->hash,
                              .seed = seed,
                              .profile = profile->name,
                              .quirks = names,
                              .n_quirks = n,
                              .overrides = (const char *const *)overrides,
                              .n_overrides = n_overrides,
                          });
    free(title);
    for (size_t i = 0; i < n_overrides; i++) {
        free(overrides[i]);
    }
}

static int
status_of(enum machine_end end, const struct machine_result *r)
{
    if (end == MACHINE_LIMIT || end == MACHINE_FAILED) {
        return STATUS_FAIL;
    }
    return r->held ? STATUS_OK : STATUS_DIFFER;
}

/* An error that names no place is about the scenario. */
static void
print_about(FILE *out, const struct scenario *sc, const struct err *e)
{
    struct err placed = *e;

    if (placed.file == NULL) {
        placed.file = sc->files[0].name;
    }
    cli_print_error(out, &placed);
}

static int
run_once(const struct scenario *sc, const char *run, const struct scenario_keys *keys,
         const struct options *o, struct trace *t, struct voice *v)
{
    const struct profile_info *profile;
    struct progress progress = { 0 };
    struct machine_config config = {
        .scenario = sc,
        .expect = &keys->expect,
        .seed = o->has_seed ? o->seed : keys->seed,
        .quirks = quirks_of(keys, o, &profile),
        .trace = t,
        .verbose = o->level == TRACE_VERBOSE,
        .stop_on_violation = o->stop_on_violation,
        .fail_nth = o->fail_nth,
        .tick = o->progress && isatty(STDERR_FILENO) ? progress_tick : NULL,
        .tick_self = &progress,
    };
    struct err e = { 0 };

    v->runs++;
    if (o->fail_table) {
        char *title =
            run == NULL ? xstrdup(sc->name) : xasprintf("%s [%s]", sc->name, run);
        int status = fail_nth_run(&config, title, stdout, v->errors);
        free(title);
        return status;
    }
    write_header(t, sc, run, config.seed, profile, &config.quirks, o);
    struct machine *m = machine_new(&config, &e);
    if (m == NULL) {
        print_about(v->errors, sc, &e);
        return STATUS_FAIL;
    }
    enum machine_end end = machine_run(m, &e);
    progress_end(&progress);
    trace_flush(t, NULL); /* on a terminal what follows comes after the trace */
    if (!trace_ok(t)) {   /* its own message comes when it is closed */
        machine_free(m);
        return STATUS_FAIL;
    }
    if (end == MACHINE_LIMIT || end == MACHINE_FAILED) {
        print_about(v->errors, sc, &e);
    }
    if (o->fail_nth > machine_result(m)->fail_points) {
        fprintf(v->errors, "iommusim: %s: no point %u can fail: there are %llu\n",
                sc->name, o->fail_nth,
                (unsigned long long)machine_result(m)->fail_points);
    }
    int status = status_of(end, machine_result(m));
    if (v->summary != NULL) {
        summary_print(v->summary, sc->name, run, machine_result(m), end);
    } else if (status == STATUS_DIFFER) {
        summary_print_failures(v->errors, sc->name, run, machine_result(m), end);
    }
    machine_free(m);
    return status;
}

/* ---- one scenario ---- */

static struct scenario *
load(const char *path, FILE *errors)
{
    struct scenario *sc = NULL;
    struct scenario_errors errs;

    if (!scenario_load(path, &sc, &errs)) {
        scenario_errors_print(&errs, errors);
    }
    scenario_errors_fini(&errs);
    return sc;
}

static int
run_scenario(const char *path, const struct options *o, struct trace *t, struct voice *v)
{
    struct scenario *sc = load(path, v->errors);

    if (sc == NULL) {
        return STATUS_FAIL;
    }
    if (v->known != NULL) {
        known_note(v->known, o, sc);
    }
    int status = run_once(sc, NULL, &sc->keys, o, t, v);
    for (size_t i = 0; i < sc->n_runs && trace_ok(t); i++) {
        status =
            worse(status, run_once(sc, sc->runs[i].name, &sc->runs[i].keys, o, t, v));
    }
    scenario_free(sc);
    return status;
}

/* ---- the commands ---- */

int
cli_run(const struct options *o)
{
    struct trace_options to;
    struct err e = { 0 };

    options_trace(o, &to);
    if (o->fail_table) {
        to = (struct trace_options){ .format = TRACE_FORMAT_NONE, .fd = -1 };
    }
    bool to_file = to.path != NULL || to.split_dir != NULL;
    struct voice v = {
        .errors = stderr,
        .summary = o->level == TRACE_QUIET ? NULL
                   : to_file               ? stdout
                                           : stderr,
    };
    struct trace *t = trace_new(&to, &e);
    if (t == NULL) {
        cli_print_error(stderr, &e);
        return STATUS_FAIL;
    }
    struct known known = { 0 };
    v.known = &known;
    int status = STATUS_OK;
    for (size_t i = 0; i < o->n_operands && trace_ok(t); i++) {
        status = worse(status, run_scenario(o->operands[i], o, t, &v));
    }
    if (!known_report(&known, o)) {
        status = STATUS_FAIL;
    }
    if (v.runs == 0) {
        trace_discard(t);
    } else if (!trace_close(t, &e)) {
        cli_print_error(stderr, &e);
        status = STATUS_FAIL;
    }
    return status;
}

int
cli_check(const struct options *o)
{
    int status = STATUS_OK;

    for (size_t i = 0; i < o->n_operands; i++) {
        struct scenario *sc = load(o->operands[i], stderr);
        if (sc == NULL) {
            status = STATUS_FAIL;
        }
        scenario_free(sc);
    }
    return status;
}

bool
test_run_scenario(const char *path, const char *trace_out_path, struct test_result *res)
{
    struct options o = { .level = TRACE_NORMAL };
    struct trace_options to = {
        .format = trace_out_path != NULL ? TRACE_FORMAT_TEXT : TRACE_FORMAT_NONE,
        .level = TRACE_NORMAL,
        .path = trace_out_path,
        .fd = -1,
    };
    struct err e = { 0 };
    size_t len;
    FILE *say = open_memstream(&res->text, &len);
    struct trace *t = trace_new(&to, &e);

    res->status = STATUS_FAIL;
    if (t != NULL) {
        res->status =
            run_scenario(path, &o, t, &(struct voice){ .errors = say, .summary = say });
        if (!trace_close(t, &e)) {
            res->status = STATUS_FAIL;
        }
    }
    if (e.text[0] != '\0') {
        cli_print_error(say, &e);
    }
    fclose(say);
    return res->status != STATUS_FAIL;
}
