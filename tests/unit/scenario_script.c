/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams of script lines, actor lines of traces, and the unrolling of loops. */
#include "scenario/script.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support_main.h"

#define MACHINE                                                                          \
    "iommusim: 1\n"                                                                      \
    "machine: {iommus: {v: {model: intel-vtd}}, devices: {n: {iommu: v, backend: "       \
    "vfio}}}\n"

static char path[] = "scenario_script.XXXXXX";
static struct scenario *sc;
static struct script_reader *reader;
static struct err err;

/* A scenario that replays `text`, and a reader on it. */
static void
open_script(const char *from, const char *text)
{
    struct scenario_errors errs;
    char yaml[512];
    int fd;

    strcpy(path, "scenario_script.XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
    snprintf(yaml, sizeof(yaml),
             MACHINE "timeline: [{replay: {capture: %s, from: %s}}]\n", path, from);
    ck_assert(scenario_load_buffer("x.yaml", yaml, strlen(yaml), &sc, &errs));
    scenario_errors_fini(&errs);
    ck_assert_str_eq(sc->files[sc->actors[0].steps->u.replay.file].name, path);
    reader = script_open(sc, &sc->actors[0].steps->u.replay, &err);
    ck_assert_ptr_nonnull(reader);
}

static void
close_script(void)
{
    script_close(reader);
    scenario_free(sc);
    reader = NULL;
    sc = NULL;
    unlink(path);
}

static const struct step *
next(void)
{
    const struct step *s = NULL;
    enum script_next got = script_next(reader, &s, &err);

    ck_assert_msg(got == SCRIPT_STEP, "%s", got == SCRIPT_ERROR ? err.text : "the end");
    return s;
}

START_TEST(lines_are_the_words_of_the_steps)
{
    open_script("script", "# a comment\n"
                          "\n"
                          "map device=n iova=0x1000 size=4KiB gpa=0x20000 perm=r # more\n"
                          "  +5us dma device=n iova=0x1010 size=64 access=write\r\n"
                          "@1ms\tunmap size=4KiB iova=0x1000 device=n wait=off\n"
                          "hotplug n\n"
                          "check");
    const struct step *s = next();

    ck_assert(s->kind == STEP_MAP && s->timing == STEP_READY && s->pos.line == 3);
    ck_assert(s->u.map.iova == 0x1000 && s->u.map.size == 4096 &&
              s->u.map.gpa == 0x20000);
    ck_assert(s->u.map.perm == PERM_R && s->u.map.has_gpa && s->u.map.device == 0);
    s = next();
    ck_assert(s->kind == STEP_DMA && s->timing == STEP_AFTER && s->when == 5000);
    ck_assert(s->pos.line == 4 && s->pos.col == 8 && s->wait);
    s = next();
    ck_assert(s->kind == STEP_UNMAP && s->timing == STEP_AT && s->when == 1000000 &&
              !s->wait);
    s = next();
    ck_assert(s->kind == STEP_HOTPLUG && s->u.target.device == 0);
    ck_assert_int_eq(next()->kind, STEP_CHECK);
    ck_assert_int_eq(script_next(reader, &s, &err), SCRIPT_END);
    ck_assert_int_eq(script_next(reader, &s, &err), SCRIPT_END);
}
END_TEST

START_TEST(lists_have_commas_and_results_are_expectations)
{
    open_script("script", "mem gpa=0x1000 u64=1,0x2,3\n"
                          "dma device=n iova=0 size=2 access=write data=7,8 result=fault "
                          "done=0\n");
    const struct step *s = next();

    ck_assert(s->u.mem.n == 3 && s->u.mem.values[1] == 2);
    s = next();
    ck_assert_mem_eq(s->u.dma.data, "\7\10", 2);
    ck_assert_uint_eq(s->opt->expect->given, EXPECT_RESULT | EXPECT_DONE);
    ck_assert_int_eq(s->opt->expect->result, RESULT_FAULT);
}
END_TEST

START_TEST(an_error_ends_the_stream_with_its_place)
{
    const struct step *s;

    open_script("script",
                "check\nmap device=n iova=0x1000 size=4KiB gpa=0x2O000\ncheck\n");
    next();
    ck_assert_int_eq(script_next(reader, &s, &err), SCRIPT_ERROR);
    ck_assert_str_eq(err.file, path);
    ck_assert(err.line == 2 && err.col == 40);
    ck_assert_str_eq(err.text,
                     "bad value '0x2O000' for 'gpa': expected a size such as 4096, "
                     "0x1000 or 4KiB (B, KiB, MiB, GiB, TiB, PiB)");
    ck_assert_int_eq(script_next(reader, &s, &err), SCRIPT_END);
}
END_TEST

START_TEST(control_characters_are_refused)
{
    const struct step *s;

    open_script("script", "check\x01 again\n");
    ck_assert_int_eq(script_next(reader, &s, &err), SCRIPT_ERROR);
    ck_assert_str_eq(err.text, "a control character");
    ck_assert_uint_eq(err.col, 6);
}
END_TEST

START_TEST(long_files_are_read_through_a_small_buffer)
{
    enum { LINES = 20000 };
    char *text = malloc(LINES * 80);
    size_t len = 0;

    for (unsigned i = 0; i < LINES; i++) {
        len += (size_t)sprintf(text + len, "dma device=n iova=0x%x size=%u access=read\n",
                               i, 1 + i % 1000);
    }
    open_script("script", text);
    free(text);
    for (unsigned i = 0; i < LINES; i++) {
        const struct step *s = next();

        ck_assert(s->u.dma.iova == i && s->u.dma.size == 1 + i % 1000 &&
                  s->pos.line == i + 1);
    }
    const struct step *s;

    ck_assert_int_eq(script_next(reader, &s, &err), SCRIPT_END);
}
END_TEST

START_TEST(traces_give_their_actor_lines_with_their_times)
{
    open_script(
        "iommusim",
        "# iommusim-trace 1\n"
        "0 v invalidate kind=iotlb granularity=page\n"
        "10 guest map device=n iova=0x1000 size=0x1000 gpa=0x20000 perm=rw result=ok\n"
        "10 n/vfio MAP iova=0x1000 size=0x1000 gpa=0x20000 perm=rw cause=map\n"
        "12 n dma access=read iova=0x1000 size=0x4 result=ok gpa=0x20000\n"
        "13 guest workload device=n ring=2 count=4 result=ok\n"
        "14 guest reset target=machine result=ok\n"
        "15 guest violation class=stale-mapping\n");
    const struct step *s = next();

    ck_assert(s->kind == STEP_MAP && s->timing == STEP_AT && s->when == 10);
    ck_assert(s->opt->expect == NULL && s->u.map.perm == PERM_RW);
    s = next();
    ck_assert(s->kind == STEP_DMA && s->u.dma.device == 0 && s->when == 12 &&
              !s->u.dma.write);
    s = next();
    ck_assert(s->kind == STEP_RESET && s->u.target.device == SCENARIO_NONE);
    ck_assert_int_eq(script_next(reader, &s, &err), SCRIPT_END);
}
END_TEST

/* ---- loops -------------------------------------------------------------- */

static void
load_timeline(const char *timeline)
{
    struct scenario_errors errs;
    char yaml[2048];

    snprintf(yaml, sizeof(yaml), MACHINE "timeline:\n%s", timeline);
    if (!scenario_load_buffer("x.yaml", yaml, strlen(yaml), &sc, &errs)) {
        ck_abort_msg("%s", scenario_errors_text(&errs));
    }
    scenario_errors_fini(&errs);
}

/* Walk the timeline and compare the iova of each dma with `want`, n of them. */
static void
expect_iovas(const uint64_t *want, size_t n)
{
    struct step_cursor c;
    struct step s;

    step_cursor_init(&c, sc->actors[0].steps);
    for (size_t i = 0; i < n; i++) {
        ck_assert(step_cursor_next(&c, &s));
        ck_assert_int_eq(s.kind, STEP_DMA);
        ck_assert_msg(s.u.dma.iova == want[i], "%zu: %llx", i,
                      (unsigned long long)s.u.dma.iova);
    }
    ck_assert(!step_cursor_next(&c, &s));
    ck_assert(!step_cursor_next(&c, &s));
}

#define DMA(iova) "dma: {device: n, iova: " #iova ", size: 1, access: read}"

START_TEST(strides_add_up_through_nested_loops)
{
    static const uint64_t want[] = { 0,      0x100,  0x200,  0x110,  0x210, 0x1000,
                                     0x1100, 0x1200, 0x1110, 0x1210, 7 };

    load_timeline(
        "  - repeat: 2\n"
        "    stride: {iova: 4KiB}\n"
        "    steps:\n"
        "      - " DMA(0) "\n"
                          "      - repeat: 2\n"
                          "        stride: {iova: 0x10}\n"
                          "        steps:\n"
                          "          - " DMA(0x100) "\n"
                                                    "            repeat: 2\n"
                                                    "            stride: {iova: 0x100}\n"
                                                    "  - " DMA(7) "\n");
    expect_iovas(want, sizeof(want) / sizeof(want[0]));
}
END_TEST

START_TEST(a_script_repeats_as_a_whole)
{
    static const uint64_t want[] = { 0, 5, 0x10, 0x15, 0x20, 0x25 };

    load_timeline("  - repeat: 3\n"
                  "    stride: {iova: 0x10}\n"
                  "    script: |\n"
                  "      dma device=n iova=0 size=1 access=read\n"
                  "      dma device=n iova=5 size=1 access=read\n");
    expect_iovas(want, sizeof(want) / sizeof(want[0]));
}
END_TEST

START_TEST(at_holds_for_the_first_iteration_only)
{
    struct step_cursor c;
    struct step s;

    load_timeline("  - {at: 5us, repeat: 2, check: }\n");
    step_cursor_init(&c, sc->actors[0].steps);
    ck_assert(step_cursor_next(&c, &s) && s.timing == STEP_AT && s.when == 5000);
    ck_assert(step_cursor_next(&c, &s) && s.timing == STEP_READY);
    ck_assert(!step_cursor_next(&c, &s));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("scenario_script");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, NULL, close_script);
    tcase_add_test(t, lines_are_the_words_of_the_steps);
    tcase_add_test(t, lists_have_commas_and_results_are_expectations);
    tcase_add_test(t, an_error_ends_the_stream_with_its_place);
    tcase_add_test(t, control_characters_are_refused);
    tcase_add_test(t, long_files_are_read_through_a_small_buffer);
    tcase_add_test(t, traces_give_their_actor_lines_with_their_times);
    tcase_add_test(t, strides_add_up_through_nested_loops);
    tcase_add_test(t, a_script_repeats_as_a_whole);
    tcase_add_test(t, at_holds_for_the_first_iteration_only);
    suite_add_tcase(s, t);
    return s;
}
