/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole machines, as a program that uses the library sees them. */
#include "machine/machine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"

#define PAPR                                                                             \
    "iommusim: 1\n"                                                                      \
    "name: t\n"                                                                          \
    "machine:\n"                                                                         \
    "  ram: 1GiB\n"                                                                      \
    "  iommus: {phb0: {model: papr-tce}}\n"                                              \
    "  devices: {nic0: {iommu: phb0, backend: vfio}}\n"
#define VTD                                                                              \
    "iommusim: 1\n"                                                                      \
    "name: t\n"                                                                          \
    "machine:\n"                                                                         \
    "  ram: 1GiB\n"                                                                      \
    "  iommus: {vtd0: {model: intel-vtd}}\n"                                             \
    "  devices: {nic0: {iommu: vtd0, backend: vfio}, e0: {iommu: vtd0}}\n"
#define MAP   "  - map: {device: nic0, iova: 0x1000, size: 8KiB, gpa: 0x20000}\n"
#define UNMAP "  - unmap: {device: nic0, iova: 0x1000, size: 8KiB}\n"

/* A machine with all that it borrows. */
struct rig {
    struct scenario *sc;
    char *text; /* its trace */
    size_t len;
    FILE *out;
    struct trace *trace;
    struct machine *m;
    struct err e;
    enum machine_end end;
    const struct machine_result *res;
};

static void
rig_build(struct rig *r, const char *yaml, struct machine_config config)
{
    struct scenario_errors errs;
    struct trace_options to = { .format = TRACE_FORMAT_TEXT, .level = TRACE_NORMAL };

    *r = (struct rig){ 0 };
    if (!scenario_load_buffer("t.yaml", yaml, strlen(yaml), &r->sc, &errs)) {
        scenario_errors_print(&errs, stderr);
        ck_abort_msg("the scenario is bad");
    }
    scenario_errors_fini(&errs);
    r->out = tmpfile();
    ck_assert_ptr_nonnull(r->out);
    to.fd = fileno(r->out);
    r->trace = trace_new(&to, &r->e);
    config.scenario = r->sc;
    config.expect = config.expect != NULL ? config.expect : &r->sc->keys.expect;
    config.seed = r->sc->keys.seed;
    config.trace = r->trace;
    for (size_t i = 0; i < r->sc->keys.n_quirks; i++) {
        quirk_set(&config.quirks, r->sc->keys.quirks[i].id, r->sc->keys.quirks[i].on);
    }
    r->m = machine_new(&config, &r->e);
    ck_assert_ptr_nonnull(r->m);
}

static void
rig_run(struct rig *r)
{
    r->end = machine_run(r->m, &r->e);
    r->res = machine_result(r->m);
    ck_assert(trace_flush(r->trace, NULL));
    fseek(r->out, 0, SEEK_END);
    r->len = (size_t)ftell(r->out);
    r->text = calloc(1, r->len + 1);
    rewind(r->out);
    ck_assert_uint_eq(fread(r->text, 1, r->len, r->out), r->len);
}

static void
rig_free(struct rig *r)
{
    machine_free(r->m);
    ck_assert(trace_close(r->trace, NULL));
    scenario_free(r->sc);
    fclose(r->out);
    free(r->text);
}

static void
rig_begin(struct rig *r, const char *yaml)
{
    rig_build(r, yaml, (struct machine_config){ 0 });
    rig_run(r);
}

static const char work_papr[] =
    PAPR "timeline:\n"
         "  - workload: {device: nic0, ring: 16, buffer: {size: 4KiB}, count: 30000}\n";
static const char work_vtd[] =
    VTD "timeline:\n  - map: {device: e0, iova: 0x1000, size: 4KiB, gpa: 0x20000}\n"
        "  - dma: {device: e0, iova: 0x1000, size: 8, access: read}\n"
        "  - unmap: {device: e0, iova: 0x1000, size: 4KiB}\n"
        "expect: {refused: [nic0/vfio]}\n";

static void
run_other(void *self, uint64_t events, sim_time now)
{
    struct rig *other = self;

    (void)events;
    (void)now;
    if (other->res == NULL) {
        rig_run(other);
    }
}

START_TEST(two_machines_run_inside_one_another_as_each_runs_alone)
{
    struct rig alone[2], inner, outer;

    rig_begin(&alone[0], work_papr);
    rig_begin(&alone[1], work_vtd);
    rig_build(&inner, work_vtd, (struct machine_config){ 0 });
    rig_build(&outer, work_papr,
              (struct machine_config){ .tick = run_other, .tick_self = &inner });
    rig_run(&outer);
    ck_assert_ptr_nonnull(inner.res); /* it ran, from within the other */
    ck_assert_str_eq(outer.text, alone[0].text);
    ck_assert_str_eq(inner.text, alone[1].text);
    ck_assert_uint_eq(outer.res->dmas, 30000);
    ck_assert_uint_eq(inner.res->dmas, 1);
    ck_assert(outer.res->held && inner.res->held);
    rig_free(&inner);
    rig_free(&outer);
    rig_free(&alone[0]);
    rig_free(&alone[1]);
}
END_TEST

START_TEST(what_holds_is_held_and_counted)
{
    struct rig r;

    rig_begin(&r,
              PAPR "timeline:\n" MAP "  - after: 3us\n"
                   "    dma: {device: nic0, iova: 0x1000, size: 8, access: read}\n" UNMAP
                   "expect: {events: {nic0/vfio: {map: 2, unmap: 2}}, faults: 0,\n"
                   "         stats: {dma: '== 1', time: '<= 3us'}}\n");
    ck_assert_int_eq(r.end, MACHINE_COMPLETE);
    ck_assert(r.res->held);
    ck_assert_uint_eq(r.res->failed_expectations, 0);
    ck_assert_uint_eq(r.res->n_failures, 0);
    ck_assert_uint_eq(r.res->steps, 3);
    ck_assert_uint_eq(r.res->time, 3000);
    ck_assert_uint_eq(r.res->n_subscribers, 1);
    ck_assert_str_eq(r.res->subscribers[0].name, "nic0/vfio");
    ck_assert_uint_eq(r.res->subscribers[0].maps, 2);
    ck_assert_uint_eq(r.res->subscribers[0].unmaps, 2);
    ck_assert(machine_stat(r.res, STAT_DMA) == 1);
    ck_assert(machine_stat(r.res, STAT_TIME) == 3000);
    ck_assert(machine_stat(r.res, STAT_HYPERCALLS) == r.res->hypercalls);
    ck_assert(machine_stat(r.res, STAT_EXPOSURE_BYTES) == 8192);
    rig_free(&r);
}
END_TEST

START_TEST(every_failed_expectation_is_told_and_none_held)
{
    struct rig r;

    rig_begin(&r, PAPR "timeline:\n"
                       "  - h_put_tce: {liobn: 0x80000000, ioba: 0, tce: 0x20003}\n"
                       "    expect: {ret: H_PARAMETER}\n"
                       "expect: {events: {nic0/vfio: {map: 2}}, faults: 1,\n"
                       "         stats: {steps: '> 1'},\n"
                       "         shadow: {nic0/vfio: [{iova: 0, size: 4KiB, gpa: 0x30000,"
                       " perm: rw}]}}\n");
    ck_assert_int_eq(r.end, MACHINE_COMPLETE);
    ck_assert(!r.res->held);
    ck_assert_uint_eq(r.res->failed_expectations, 5);
    ck_assert_uint_eq(r.res->n_failures, 5);
    ck_assert_str_eq(r.res->failures[0],
                     "t.yaml:9: ret: want H_PARAMETER, got H_SUCCESS");
    ck_assert_uint_eq(r.res->violations, 0);
    rig_free(&r);
}
END_TEST

START_TEST(violations_are_counted_by_class_and_a_pattern_makes_them_expected)
{
    struct rig r;

    rig_begin(&r, PAPR "quirks: [sub.drop-unmap]\n"
                       "timeline:\n" MAP UNMAP);
    ck_assert(!r.res->held);
    ck_assert_uint_eq(r.res->violations, 1);
    ck_assert_uint_eq(r.res->unexpected, 1);
    ck_assert_uint_eq(r.res->by_class[VIOLATION_STALE_MAPPING], 1);
    ck_assert(machine_stat(r.res, STAT_VIOLATIONS) == 1);
    rig_free(&r);
    rig_begin(&r, PAPR "quirks: [sub.drop-unmap]\n"
                       "timeline:\n" MAP UNMAP "expect: {violations: [{class: "
                       "stale-mapping, subscriber: nic0/vfio, blame: subscriber}]}\n");
    ck_assert(r.res->held);
    ck_assert_uint_eq(r.res->violations, 1);
    ck_assert_uint_eq(r.res->unexpected, 0);
    rig_free(&r);
    rig_begin(&r, PAPR "timeline:\n" MAP UNMAP
                       "expect: {violations: [{class: stale-mapping}]}\n");
    ck_assert(!r.res->held); /* nothing matched the pattern */
    rig_free(&r);
}
END_TEST

START_TEST(a_run_stops_at_the_first_violation_if_asked)
{
    struct rig r;

    rig_build(&r,
              PAPR "quirks: [sub.drop-unmap]\n"
                   "timeline:\n" MAP UNMAP MAP "  - check\n",
              (struct machine_config){ .stop_on_violation = true });
    rig_run(&r);
    ck_assert_int_eq(r.end, MACHINE_VIOLATION);
    ck_assert_uint_eq(r.res->steps, 2);
    ck_assert_uint_eq(r.res->violations, 1);
    ck_assert_ptr_nonnull(strstr(r.text, " shadow iova=0x1000 "));
    rig_free(&r);
}
END_TEST

static const struct {
    const char *limit, *message;
} limits[] = {
    { "events: 2", "limit of 2 events reached" },
    { "time: 5us", "limit of 5000 ns of simulated time reached" },
    { "memory: 4KiB", "limit of 4096 bytes of memory reached" },
    { "violations: 1", "limit of 1 violation reached" },
};

START_TEST(a_limit_ends_the_run_and_says_which)
{
    char yaml[2048];
    struct rig r;

    snprintf(yaml, sizeof(yaml),
             PAPR "quirks: [sub.drop-unmap]\n"
                  "timeline:\n" MAP UNMAP "  - after: 1ms\n    check: {}\n"
                  "  - check\nlimits: {%s}\n",
             limits[_i].limit);
    rig_begin(&r, yaml);
    ck_assert_int_eq(r.end, MACHINE_LIMIT);
    ck_assert_str_eq(r.e.text, limits[_i].message);
    ck_assert_ptr_nonnull(strstr(r.text, " run limit what="));
    rig_free(&r);
}
END_TEST

START_TEST(a_refused_subscriber_fails_the_run_unless_expected)
{
    struct rig r;

    rig_begin(&r, VTD "timeline:\n"
                      "  - dma: {device: nic0, iova: 0, size: 8, access: read}\n"
                      "    expect: {result: refused}\n");
    ck_assert_int_eq(r.end, MACHINE_COMPLETE);
    ck_assert(!r.res->held);
    ck_assert(r.res->subscribers[0].refused);
    rig_free(&r);
    rig_begin(&r, VTD "timeline: [check]\nexpect: {refused: [nic0/vfio]}\n");
    ck_assert(r.res->held);
    rig_free(&r);
    rig_begin(&r, PAPR "timeline: [check]\nexpect: {refused: [nic0/vfio]}\n");
    ck_assert(!r.res->held); /* it was not */
    rig_free(&r);
}
END_TEST

START_TEST(an_entry_of_runs_has_expectations_of_its_own)
{
    static const char yaml[] = PAPR "timeline:\n" MAP UNMAP "runs:\n"
                                    "  - name: two maps\n"
                                    "    expect: {events: {nic0/vfio: {map: 2}}}\n"
                                    "  - name: nine maps\n"
                                    "    expect: {events: {nic0/vfio: {map: 9}}}\n";
    struct scenario_errors errs;
    struct scenario *sc;

    ck_assert(scenario_load_buffer("t.yaml", yaml, strlen(yaml), &sc, &errs));
    scenario_errors_fini(&errs);
    ck_assert_uint_eq(sc->n_runs, 2);
    for (size_t i = 0; i < sc->n_runs; i++) {
        struct rig r;

        rig_build(&r, yaml,
                  (struct machine_config){ .expect = &sc->runs[i].keys.expect });
        rig_run(&r);
        ck_assert_int_eq(r.res->held, i == 0);
        rig_free(&r);
    }
    scenario_free(sc);
}
END_TEST

START_TEST(announce_replays_once_more_to_one_subscriber)
{
    struct rig r;

    rig_begin(&r, PAPR "timeline:\n"
                       "  - map: {device: nic0, iova: 0x1000, size: 8KiB, gpa: 0x20000}\n"
                       "  - subscribe: {device: nic0, backend: observer, name: o}\n"
                       "  - announce: {device: nic0, name: o}\n"
                       "  - announce: {device: nic0, backend: observer, name: o}\n");
    ck_assert_int_eq(r.end, MACHINE_COMPLETE);
    ck_assert_str_eq(r.res->subscribers[1].name, "nic0/o");
    ck_assert_uint_eq(r.res->subscribers[1].maps, 6);
    rig_free(&r);
}
END_TEST

START_TEST(a_subscriber_of_a_recording_outlives_its_line)
{
    struct rig r;
    FILE *f = fopen("machine_machine.script", "w");

    ck_assert_ptr_nonnull(f);
    fputs("subscribe device=nic0 backend=observer name=o range=0x0-0xffff flags=unmap\n"
          "map device=nic0 iova=0x1000 size=8KiB gpa=0x20000\n"
          "unmap device=nic0 iova=0x1000 size=8KiB\n"
          "unsubscribe device=nic0 name=o\n",
          f);
    fclose(f);
    rig_begin(&r, PAPR "timeline:\n"
                       "  - replay: {capture: machine_machine.script, from: script}\n");
    remove("machine_machine.script");
    ck_assert_int_eq(r.end, MACHINE_COMPLETE);
    ck_assert(r.res->held);
    ck_assert_uint_eq(r.res->n_subscribers, 2);
    ck_assert_str_eq(r.res->subscribers[1].name, "nic0/o");
    ck_assert_uint_eq(r.res->subscribers[1].unmaps, 2);
    ck_assert_uint_eq(r.res->subscribers[1].maps, 0);
    rig_free(&r);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("machine");
    TCase *t = tcase_create("machine");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, two_machines_run_inside_one_another_as_each_runs_alone);
    tcase_add_test(t, what_holds_is_held_and_counted);
    tcase_add_test(t, every_failed_expectation_is_told_and_none_held);
    tcase_add_test(t, violations_are_counted_by_class_and_a_pattern_makes_them_expected);
    tcase_add_test(t, a_run_stops_at_the_first_violation_if_asked);
    tcase_add_loop_test(t, a_limit_ends_the_run_and_says_which, 0,
                        (int)(sizeof(limits) / sizeof(limits[0])));
    tcase_add_test(t, a_refused_subscriber_fails_the_run_unless_expected);
    tcase_add_test(t, an_entry_of_runs_has_expectations_of_its_own);
    tcase_add_test(t, announce_replays_once_more_to_one_subscriber);
    tcase_add_test(t, a_subscriber_of_a_recording_outlives_its_line);
    suite_add_tcase(s, t);
    return s;
}
