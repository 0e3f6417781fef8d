/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Captures as scenarios: the text that is written, and that the loader takes it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/import.h"
#include "scenario/scenario.h"

#include "support_main.h"

#define P      "1@10.5:"
#define TABLE0 P "spapr_iommu_new_table liobn=0x80000000 table=0x5 fd=-1\n"
#define TABLE1 P "spapr_iommu_new_table liobn=0x80000001 table=0x5 fd=-1\n"
#define VIO2   P "spapr_iommu_new_table liobn=0x71000002 table=0x5 fd=-1\n"
#define MAP    P "spapr_iommu_pci_put liobn=0x80000000 ioba=0x1000 tce=0x4bec001 ret=0\n"
#define GET_BEYOND                                                                       \
    P "spapr_iommu_pci_get liobn=0x80000000 ioba=0x4000000 ret=-4 tce=0x0\n"
#define INDIRECT                                                                         \
    P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x2000 tcelist=0x1000 iobaN=0x2 "  \
      "tceN=0x22003 ret=0\n"
#define INDIRECT1                                                                        \
    P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x2000 tcelist=0x1000 iobaN=0x0 "  \
      "tceN=0x22003 ret=0\n"
#define STUFF                                                                            \
    P "spapr_iommu_pci_stuff liobn=0x80000000 ioba=0x5000 tcevalue=0x0 npages=3 ret=0\n"
#define START P "vhost_dev_start 0x55a9:virtio-net vrings:0\n"
#define STOP  P "vhost_dev_stop 0x55a9:virtio-net vrings:0\n"
#define CREATE1                                                                          \
    P "spapr_iommu_ddw_create buid=0x800000020000000 addr=0x0, page size=0x1000000, "    \
      "requested=0x40000000, start addr=0x800000000000000, liobn=0x80000001\n"

static const char *const vfio[] = { "vfio" };
static const char *const two[] = { "vfio", "vhost" };

static char capture[32], result[32], written[1 << 14];
static struct err failure;

static void
make_file(char name[static 32])
{
    strcpy(name, "import-XXXXXX");
    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

/* Import a log; what was written is in `written`. */
static bool
import_text(const char *log, const char *const *backends, size_t n, bool dump)
{
    struct trace_output out;

    make_file(capture);
    make_file(result);
    FILE *f = fopen(capture, "w");

    fputs(log, f);
    fclose(f);
    ck_assert(trace_output_init_path(&out, result, &failure));
    const struct import_wish wish = { backends, n, dump, true };
    bool ok = import_qemu_log(capture, &wish, &out, &failure);

    ck_assert(trace_output_fini(&out, true, NULL));
    f = fopen(result, "r");
    written[fread(written, 1, sizeof(written) - 1, f)] = '\0';
    fclose(f);
    unlink(capture);
    unlink(result);
    return ok;
}

/* Everything from the line that begins so. */
static const char *
from_line(const char *begin)
{
    const char *at = strstr(written, begin);

    ck_assert_msg(at != NULL, "no line '%s' in:\n%s", begin, written);
    return at;
}

static void
check_loads(void)
{
    struct scenario_errors errs;
    struct scenario *sc;

    if (!scenario_load_buffer("imported.yaml", written, strlen(written), &sc, &errs)) {
        char *text = scenario_errors_text(&errs);

        ck_abort_msg("%s", text);
    }
    scenario_errors_fini(&errs);
    scenario_free(sc);
}

START_TEST(a_log_becomes_machine_and_calls)
{
    ck_assert(import_text(VIO2 TABLE0 MAP INDIRECT STUFF GET_BEYOND, vfio, 1, false));
    ck_assert_str_eq(
        from_line("machine:"),
        "machine:\n"
        "  ram: 0x5000000\n"
        "  iommus:\n"
        "    vio71000002: {model: papr-vio, liobn: 0x71000002, window: {base: 0, size: "
        "0x10000000, page: 4KiB}}\n"
        "    phb0: {model: papr-tce, liobn: 0x80000000, window: {base: 0, size: "
        "0x4000000, "
        "page: 4KiB}}\n"
        "  devices:\n"
        "    vio71000002-dev: {iommu: vio71000002, backend: vfio}\n"
        "    phb0-dev: {iommu: phb0, backend: vfio}\n"
        "guest: {driver: manual}\n"
        "timeline:\n"
        "  - script: |\n"
        "      h_put_tce liobn=0x80000000 ioba=0x1000 tce=0x4bec001 ret=H_SUCCESS\n"
        "      h_put_tce_indirect liobn=0x80000000 ioba=0x2000 "
        "list=0x20003,0x21003,0x22003 "
        "npages=3 ret=H_SUCCESS\n"
        "      h_stuff_tce liobn=0x80000000 ioba=0x2000 tce=0x0 npages=3 ret=H_SUCCESS\n"
        "      h_get_tce liobn=0x80000000 ioba=0x4000000 ret=H_PARAMETER\n"
        "  - check: {}\n");
    ck_assert_ptr_null(strstr(written, "profile"));
    check_loads();
}
END_TEST

START_TEST(a_list_of_one_entry_stays_a_list)
{
    ck_assert(import_text(TABLE0 INDIRECT1, vfio, 1, false));
    ck_assert_ptr_nonnull(strstr(written, " list=0x22003,0 npages=1 ret=H_SUCCESS\n"));
    check_loads();
}
END_TEST

START_TEST(a_dump_and_several_back_ends_on_request)
{
    ck_assert(import_text(TABLE0 MAP, two, 2, true));
    from_line("    phb0-dev: {iommu: phb0, backend: [vfio, vhost]}\n");
    ck_assert_str_eq(from_line("  - check"), "  - check: {}\n  - dump: tables\n");
    check_loads();
}
END_TEST

START_TEST(a_subscriber_that_comes_and_goes_subscribes_for_that_span)
{
    ck_assert(import_text(TABLE0 START TABLE0 MAP START STOP STOP MAP, vfio, 1, false));
    ck_assert_str_eq(
        from_line("    phb0-dev: "),
        "    phb0-dev: {iommu: phb0}\n"
        "guest: {driver: manual}\n"
        "timeline:\n"
        "  - subscribe: {device: phb0-dev, backend: vfio}\n"
        "  - script: |\n"
        "      h_put_tce liobn=0x80000000 ioba=0x1000 tce=0x4bec001 ret=H_SUCCESS\n"
        "  - unsubscribe: {device: phb0-dev, name: vfio}\n"
        "  - script: |\n"
        "      h_put_tce liobn=0x80000000 ioba=0x1000 tce=0x4bec001 ret=H_SUCCESS\n"
        "  - check: {}\n");
    check_loads();
}
END_TEST

START_TEST(a_reset_stands_between_scripts)
{
    ck_assert(import_text(VIO2 TABLE0 MAP TABLE0 MAP, vfio, 1, false));
    ck_assert_ptr_nonnull(strstr(written, "ret=H_SUCCESS\n  - reset: phb0\n"
                                          "  - reset: vio71000002\n  - script: |\n"));
    check_loads();
}
END_TEST

START_TEST(dynamic_windows_are_calls_of_the_firmware)
{
    ck_assert(import_text(TABLE0 MAP TABLE1 CREATE1, vfio, 1, false));
    ck_assert_ptr_nonnull(strstr(from_line("  - {rtas: {call: create-pe-dma-window, "),
                                 "args: [0, 0x8000000, 0x20000000, 24, 30]}, "
                                 "expect: {rets: [0, 0x80000001, 0x8000000, 0x0]}}\n"));
    check_loads();
}
END_TEST

START_TEST(a_log_without_tables_is_refused)
{
    ck_assert(!import_text("nothing to see\n", vfio, 1, false));
    ck_assert_str_eq(failure.file, capture);
    ck_assert_ptr_nonnull(strstr(failure.text, "no TCE table"));
}
END_TEST

START_TEST(a_malformed_log_is_refused_with_its_line)
{
    ck_assert(!import_text(TABLE0 P "spapr_iommu_pci_put liobn=?\n", vfio, 1, false));
    ck_assert_uint_eq(failure.line, 2);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("cli/import");
    TCase *c = tcase_create("import");

    tcase_add_test(c, a_log_becomes_machine_and_calls);
    tcase_add_test(c, a_list_of_one_entry_stays_a_list);
    tcase_add_test(c, a_dump_and_several_back_ends_on_request);
    tcase_add_test(c, a_subscriber_that_comes_and_goes_subscribes_for_that_span);
    tcase_add_test(c, a_reset_stands_between_scripts);
    tcase_add_test(c, dynamic_windows_are_calls_of_the_firmware);
    tcase_add_test(c, a_log_without_tables_is_refused);
    tcase_add_test(c, a_malformed_log_is_refused_with_its_line);
    suite_add_tcase(s, c);
    return s;
}
