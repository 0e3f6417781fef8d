/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Captures: the grammar of lines, what a table that appears means, and what a machine
 * needs for the replay.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/capture.h"
#include "trace/capture_line.h"

#include "support_main.h"

#define P      "1@10.5:" /* of every event */
#define TABLE0 P "spapr_iommu_new_table liobn=0x80000000 table=0x5 fd=-1\n"
#define TABLE1 P "spapr_iommu_new_table liobn=0x80000001 table=0x5 fd=-1\n"
#define OTHER0 P "spapr_iommu_new_table liobn=0x80000100 table=0x5 fd=-1\n"
#define VIO2   P "spapr_iommu_new_table liobn=0x71000002 table=0x5 fd=-1\n"
#define PUT    P "spapr_iommu_pci_put liobn=0x80000000 ioba=0x1000 tce=0x4bec001 ret=0\n"
#define START  P "vhost_dev_start 0x55a9:virtio-net vrings:0\n"
#define STOP   P "vhost_dev_stop 0x55a9:virtio-net vrings:0\n"
#define CREATE(liobn, start)                                                             \
    P "spapr_iommu_ddw_create buid=0x800000020000000 addr=0x0, page size=0x1000000, "    \
      "requested=0x40000000, start addr=" start ", liobn=" liobn "\n"
#define CREATE1 CREATE("0x80000001", "0x800000000000000")
#define RESET   P "spapr_iommu_ddw_reset buid=0x800000020000000 addr=0x0\n"
#define REMOVE1 P "spapr_iommu_ddw_remove liobn=0x80000001\n"
#define CREATE_OF(page, size)                                                            \
    P "spapr_iommu_ddw_create buid=0x800000020000000 addr=0x0, page size=" page          \
      ", requested=" size ", start addr=0x0, liobn=0x80000000\n"
#define LOAD(liobn, was, is, ps)                                                         \
    P "spapr_iommu_post_load liobn=" liobn " " was " => 0x" is " bus_offset=0x0 ps=" ps  \
      "\n"
#define LOAD0(was, is, ps) LOAD("80000000", was, is, ps)
#define LOAD1(was, is, ps) LOAD("80000001", was, is, ps)
#define REMOVE0            P "spapr_iommu_ddw_remove liobn=0x80000000\n"
#define STUFFED(ioba, npages, ret)                                                       \
    P "spapr_iommu_pci_stuff liobn=0x80000000 ioba=" ioba " tcevalue=0x0 npages=" npages \
      " ret=" ret "\n"
#define FREE(reg) P "spapr_vio_free_crq CRQ for dev " reg " freed\n"

static char file[64];

static void
write_file(const char *text)
{
    snprintf(file, sizeof(file), "capture-XXXXXX");
    int fd = mkstemp(file);

    ck_assert_int_ge(fd, 0);
    FILE *f = fdopen(fd, "w");

    ck_assert_int_eq(fputs(text, f) < 0, 0);
    ck_assert_int_eq(fclose(f), 0);
}

/*
 * The ops of a text as words: one for each kind, a LIOBN's last digits; in brackets what
 * is assumed.
 */
static const char *
words_of(const char *text, char *buf, size_t size)
{
    static const char *const letters[] = {
        "bridge", "vio", "reset",    "vioreset", "query", "create", "remove", "winreset",
        "loaded", "put", "indirect", "stuff",    "get",   "xlate",  "start",  "stop",
    };
    struct capture_op op;
    struct err e;
    size_t len = 0;

    write_file(text);
    struct capture *c = capture_open(file, &e);

    ck_assert_ptr_nonnull(c);
    unlink(file);
    buf[0] = '\0';
    enum capture_result r;

    while ((r = capture_next(c, &op, &e)) == CAPTURE_OP) {
        len += (size_t)snprintf(buf + len, size - len, "%s%s%s", len > 0 ? " " : "",
                                op.assumed ? "[" : "", letters[op.kind]);
        if (op.kind <= CAPTURE_BRIDGE_RESET ||
            (op.kind >= CAPTURE_WINDOW_CREATE && op.kind <= CAPTURE_WINDOWS_LOADED)) {
            len += (size_t)snprintf(buf + len, size - len, ":%" PRIx64, op.liobn & 0xfff);
        }
        len += (size_t)snprintf(buf + len, size - len, "%s%s", op.restored ? "+" : "",
                                op.assumed ? "]" : "");
    }
    ck_assert_int_eq(r, CAPTURE_END);
    capture_close(c);
    return buf;
}

#define ck_assert_ops(text, words)                                                       \
    do {                                                                                 \
        char got_[1024];                                                                 \
        ck_assert_str_eq(words_of(text, got_, sizeof(got_)), words);                     \
    } while (0)

/* The first op of a text after `skip` others, those assumed not counted. */
static struct capture_op
op_at(const char *text, unsigned skip)
{
    struct capture_op op;

    write_file(text);
    struct capture *c = capture_open(file, NULL);

    ck_assert_ptr_nonnull(c);
    unlink(file);
    do {
        ck_assert_int_eq(capture_next(c, &op, NULL), CAPTURE_OP);
    } while (op.assumed || skip-- > 0);
    capture_close(c);
    return op;
}

/* --- lines --- */

static const struct {
    const char *text;
    enum capture_parse result;
    uint32_t col; /* of the mistake */
} lines[] = {
    { "776@1795226935.723760:spapr_iommu_pci_put liobn=0x80000000 ioba=0x0 tce=0x0 "
      "ret=0\n",
      CAPTURE_PARSED, 0 },
    { "1@1.2:spapr_iommu_put liobn=0x71000002 ioba=0x0 tce=0x0 ret=-4", CAPTURE_PARSED,
      0 },
    { "1@1.2:spapr_iommu_put liobn=0x71000002 ioba=0x0 tce=0x0 ret=-4\r\n",
      CAPTURE_PARSED, 0 },
    { "1@1.2:spapr_iommu_pci_get liobn=0x80000000 ioba=0x0 ret=0 tce=0x3\n",
      CAPTURE_PARSED, 0 },
    { "1@1.2:spapr_iommu_post_load liobn=80000001 0 => 0x40 bus_offset=0x800000000000000 "
      "ps=24\n",
      CAPTURE_PARSED, 0 },
    { "1@1.2:vhost_dev_stop anything at all\n", CAPTURE_PARSED, 0 },
    { "1@1.2:vhost_commit Started: 0 Changed: 0\n", CAPTURE_SKIPPED, 0 },
    { "1@1.2:spapr_iommu_pre_save liobn=80000000 40000 bus_offset=0x0 ps=12\n",
      CAPTURE_SKIPPED, 0 },
    { "a line of some other log\n", CAPTURE_SKIPPED, 0 },
    { "1@1.2 spapr_iommu_pci_put liobn=0x0\n", CAPTURE_SKIPPED, 0 },
    { "\n", CAPTURE_SKIPPED, 0 },
    { "1@1.2:spapr_iommu_pci_put\n", CAPTURE_MALFORMED, 26 },
    { "1@1.2:spapr_iommu_pci_put liobn=0x8000000g ioba=0x0 tce=0x0 ret=0\n",
      CAPTURE_MALFORMED, 42 },
    { "1@1.2:spapr_iommu_pci_put liobn=0x1 ioba=0x0 ret=0\n", CAPTURE_MALFORMED, 46 },
    { "1@1.2:spapr_iommu_pci_put liobn=0x1 ioba=0x0 tce=0x0 ret=0 more=1\n",
      CAPTURE_MALFORMED, 60 },
    { "1@1.2:spapr_iommu_pci_put liobn=0x10000000000000000 ioba=0x0 tce=0x0 ret=0\n",
      CAPTURE_MALFORMED, 33 },
    { "1@1.2:spapr_iommu_pci_stuff liobn=0x1 ioba=0x0 tcevalue=0x0 npages=0x1 ret=0\n",
      CAPTURE_MALFORMED, 69 },
};

START_TEST(lines_are_parsed_skipped_or_refused_with_the_column)
{
    struct capture_line l;
    struct err e = { .col = 0 };

    ck_assert_int_eq(capture_parse_line(lines[_i].text, &l, &e), lines[_i].result);
    ck_assert_uint_eq(e.col, lines[_i].col);
}
END_TEST

START_TEST(a_malformed_line_is_an_error_with_its_number)
{
    struct capture_op op;
    struct err e;

    write_file("noise\n" TABLE0 PUT P "spapr_iommu_pci_put liobn=0x80000000 ioba=\n" PUT);
    struct capture *c = capture_open(file, &e);

    unlink(file);
    ck_assert_int_eq(capture_next(c, &op, &e), CAPTURE_OP);
    ck_assert_int_eq(capture_next(c, &op, &e), CAPTURE_OP);
    ck_assert_int_eq(op.line, 3);
    ck_assert_int_eq(capture_next(c, &op, &e), CAPTURE_ERROR);
    ck_assert_str_eq(e.file, file);
    ck_assert_uint_eq(e.line, 4);
    ck_assert_ptr_nonnull(strstr(e.text, "spapr_iommu_pci_put"));
    ck_assert_int_eq(capture_next(c, &op, &e), CAPTURE_ERROR);
    capture_close(c);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_an_error)
{
    struct err e;

    ck_assert_ptr_null(capture_open("/nonexistent/x.trace", &e));
    ck_assert_str_eq(e.file, "/nonexistent/x.trace");
}
END_TEST

/* --- what a new_table line means --- */

START_TEST(tables_are_bridges_and_vio_tables_at_first)
{
    ck_assert_ops(VIO2 TABLE0 OTHER0 PUT, "vio:2 bridge:0 bridge:100 put");
}
END_TEST

START_TEST(a_table_after_a_subscriber_came_has_only_moved)
{
    ck_assert_ops(TABLE0 START TABLE0 PUT STOP, "bridge:0 start put stop");
}
END_TEST

START_TEST(a_table_after_the_next_call_or_leave_is_a_reset)
{
    ck_assert_ops(TABLE0 START TABLE0 PUT TABLE0, "bridge:0 start put reset:0");
    ck_assert_ops(TABLE0 START TABLE0 STOP TABLE0, "bridge:0 start stop reset:0");
}
END_TEST

START_TEST(a_table_before_a_create_is_that_window)
{
    ck_assert_ops(TABLE0 TABLE1 CREATE1, "bridge:0 create:1");
    ck_assert_ops(TABLE0 TABLE1 TABLE1 START CREATE1, "bridge:0 start create:1");
    ck_assert_ops(TABLE0 REMOVE0 TABLE0 CREATE("0x80000000", "0x0"),
                  "bridge:0 remove:0 create:0");
}
END_TEST

START_TEST(a_table_before_a_window_reset_belongs_to_it)
{
    ck_assert_ops(TABLE0 PUT TABLE0 RESET PUT, "bridge:0 put winreset:0 put");
    ck_assert_ops(TABLE0 TABLE1 CREATE1 REMOVE1 TABLE0 RESET,
                  "bridge:0 create:1 remove:1 winreset:0");
}
END_TEST

START_TEST(the_last_window_brings_the_default_one_back)
{
    ck_assert_ops(TABLE0 TABLE1 CREATE1 REMOVE0 REMOVE1 TABLE0 RESET PUT,
                  "bridge:0 create:1 remove:0 remove:1+ put");
    ck_assert_ops(TABLE0 TABLE1 CREATE1 REMOVE0 REMOVE1 TABLE0 RESET TABLE0 RESET,
                  "bridge:0 create:1 remove:0 remove:1+ winreset:0");
    ck_assert_ops(TABLE0 REMOVE0 TABLE0 RESET, "bridge:0 remove:0 winreset:0");
}
END_TEST

/* ---- logs with gaps --- */

#define PUT_AT(liobn, ioba, tce, ret)                                                    \
    P "spapr_iommu_pci_put liobn=" liobn " ioba=" ioba " tce=" tce " ret=" ret "\n"
#define PUT1 PUT_AT("0x80000001", "0x800000000030000", "0x50003", "0")
#define XLATE(liobn, addr, mask)                                                         \
    P "spapr_iommu_xlate liobn=" liobn " " addr " -> 0x1000000 perm=3 mask=" mask "\n"

START_TEST(a_call_that_was_served_shows_its_table)
{
    ck_assert_ops(PUT PUT, "[bridge:0] put put");
    ck_assert_ops(P "spapr_iommu_put liobn=0x71000002 ioba=0x0 tce=0x3 ret=0\n",
                  "[vio:2] put");
    ck_assert_ops(P "spapr_iommu_ddw_query buid=0x800000020000001 addr=0x0, 1 windows "
                    "available, max window size=0x1, mask=0x107\n",
                  "[bridge:100] query");
    ck_assert_ops(RESET, "[bridge:0] winreset:0");
    ck_assert_ops(CREATE1, "[bridge:0] create:1");
    ck_assert_ops(PUT_AT("0x80000000", "0x1000", "0x3", "-4"), "put");
    ck_assert_ops(PUT_AT("0x180000000", "0x1000", "0x3", "0"), "put");
    ck_assert_ops(PUT TABLE0 PUT, "[bridge:0] put reset:0 put");
}
END_TEST

START_TEST(a_window_that_is_used_was_made)
{
    ck_assert_ops(TABLE0 PUT1, "bridge:0 [create:1] put");
    ck_assert_ops(PUT1 PUT1, "[bridge:0] [create:1] put put");
    ck_assert_ops(REMOVE1, "[bridge:0] [create:1] remove:1");
    ck_assert_ops(TABLE0 REMOVE0 PUT, "bridge:0 remove:0 [winreset:0] put");
    ck_assert_ops(TABLE0 REMOVE0 REMOVE0, "bridge:0 remove:0 [winreset:0] remove:0");
    ck_assert_ops(TABLE0 REMOVE0 PUT1, "bridge:0 remove:0 [winreset:0] [create:1] put");
    ck_assert_ops(TABLE0 XLATE("0x80000001", "0x1000", "0xffff"),
                  "bridge:0 [create:1] xlate");
}
END_TEST

START_TEST(a_window_in_the_way_had_gone)
{
    ck_assert_ops(TABLE0 CREATE1 CREATE1, "bridge:0 create:1 [remove:1] create:1");
    ck_assert_ops(TABLE0 CREATE("0x80000000", "0x0"), "bridge:0 [remove:0] create:0");
    ck_assert_ops(TABLE0 CREATE1 CREATE("0x80000000", "0x0"),
                  "bridge:0 create:1 [remove:0] [remove:1+] [remove:0] create:0");
    ck_assert_ops(TABLE0 REMOVE0 CREATE1, "bridge:0 remove:0 [winreset:0] create:1");
    ck_assert_ops(TABLE0 CREATE1 PUT_AT("0x80000001", "0x800000000000000", "0x3", "-4"),
                  "bridge:0 create:1 [remove:1] put");
}
END_TEST

/* The geometry of the window that is assumed first. */
static struct capture_geometry
assumed_window(const char *text)
{
    struct capture_op op;

    write_file(text);
    struct capture *c = capture_open(file, NULL);

    ck_assert_ptr_nonnull(c);
    do {
        ck_assert_int_eq(capture_next(c, &op, NULL), CAPTURE_OP);
    } while (op.kind != CAPTURE_WINDOW_CREATE);
    ck_assert(op.assumed);
    unlink(file);
    capture_close(c);
    return (struct capture_geometry){ .base = op.base,
                                      .page_lg2 = op.page_lg2,
                                      .entries = op.entries };
}

#define ck_assert_window(text, b, p, n)                                                  \
    do {                                                                                 \
        const struct capture_geometry g_ = assumed_window(text);                         \
        ck_assert_uint_eq(g_.base, b);                                                   \
        ck_assert_uint_eq(g_.page_lg2, p);                                               \
        ck_assert_uint_eq(g_.entries, n);                                                \
    } while (0)

START_TEST(an_assumed_window_is_as_its_use_shows)
{
    const uint64_t far = UINT64_C(1) << 59;

    ck_assert_window(TABLE0 PUT1, far, 16, 4);
    ck_assert_window(TABLE0 PUT_AT("0x80000001", "0x800000000200000", "0x400003", "0"),
                     far, 21, 2);
    ck_assert_window(TABLE0 PUT1 PUT_AT("0x80000001", "0x800000000001000", "0x3", "0"),
                     far, 12, 64);
    ck_assert_window(
        TABLE0 PUT1 REMOVE1 PUT_AT("0x80000001", "0x900000000000000", "0x3", "0"), far,
        16, 4);
    ck_assert_window(TABLE0 P
                     "spapr_iommu_pci_indirect liobn=0x80000001 ioba=0x800000000000000 "
                     "tcelist=0x5000 iobaN=0x7f tceN=0x7f000003 ret=0\n",
                     far, 24, 128);
    ck_assert_window(TABLE0 P "spapr_iommu_pci_stuff liobn=0x80000001 "
                              "ioba=0x800000000080000 tcevalue=0x0 npages=8 ret=0\n",
                     far, 16, 8);
    ck_assert_window(TABLE0 PUT1 XLATE("0x80000001", "0x41234", "0xfff"), far, 12, 128);
    ck_assert_window(PUT_AT("0x80000001", "0x20000", "0x50003", "0"), 0, 16, 4);
    ck_assert_window(REMOVE1 PUT1, far, 16, 1);
    ck_assert_window(PUT_AT("0x80000001", "0xffffffffffff0000", "0x50003", "0"),
                     UINT64_C(1) << 63, 16, 1);
}
END_TEST

START_TEST(what_was_there_before_the_log_is_unknown_until_written)
{
    ck_assert(op_at(PUT XLATE("0x80000000", "0x2000", "0xfff"), 1).unknown);
    ck_assert(!op_at(PUT XLATE("0x80000000", "0x1000", "0xfff"), 1).unknown);
    ck_assert(!op_at(TABLE0 PUT XLATE("0x80000000", "0x2000", "0xfff"), 2).unknown);
    ck_assert(!op_at(PUT RESET XLATE("0x80000000", "0x2000", "0xfff"), 2).unknown);
}
END_TEST

START_TEST(a_line_that_was_cut_and_went_on_gives_the_second_event)
{
    ck_assert_ops(TABLE0 P "spapr_iommu_pci_put liobn=0x80000" PUT, "bridge:0 put");
    ck_assert_ops(TABLE0 P "spapr_iommu_pci_put liobn=0x80000000 ioba=0x1" PUT PUT,
                  "bridge:0 put put");
}
END_TEST

START_TEST(a_subscriber_that_leaves_first_was_there)
{
    write_file(TABLE0 STOP START STOP STOP);
    struct capture_summary s;

    ck_assert(capture_summarize(file, &s, NULL));
    unlink(file);
    ck_assert_uint_eq(s.subscribed, 2);
    ck_assert_uint_eq(s.subscriptions, 3);
    capture_summary_fini(&s);
}
END_TEST

START_TEST(a_machine_reset_names_each_bridge_and_the_vio_tables_once)
{
    ck_assert_ops(VIO2 TABLE0 OTHER0 PUT TABLE0 OTHER0 PUT,
                  "vio:2 bridge:0 bridge:100 put reset:0 vioreset reset:100 put");
}
END_TEST

START_TEST(vio_tables_are_reset_when_all_devices_lose_their_queue_in_a_row)
{
    ck_assert_ops(VIO2 TABLE0 PUT FREE("0x71000002") FREE("0x71000000") PUT,
                  "vio:2 bridge:0 put vioreset put");
    ck_assert_ops(VIO2 TABLE0 FREE("0x71000002") FREE("0x71000000") PUT FREE("0x71000002")
                      PUT,
                  "vio:2 bridge:0 vioreset put put");
    ck_assert_ops(VIO2 TABLE0 FREE("0x71000002") FREE("0x71000000") PUT FREE("0x71000002")
                      FREE("0x71000002") PUT,
                  "vio:2 bridge:0 vioreset put put");
}
END_TEST

START_TEST(incoming_migration_makes_and_removes_windows)
{
    ck_assert_ops(TABLE0 TABLE1 LOAD1("0", "40", "24") LOAD0("40000", "40000", "12")
                      LOAD1("40", "0", "0") PUT,
                  "bridge:0 loaded:0 put");
    ck_assert_ops(TABLE0 LOAD0("40000", "40000", "12") PUT, "bridge:0 put");
    ck_assert_ops(TABLE0 OTHER0 LOAD0("40000", "0", "0") TABLE1 LOAD1("0", "40", "24"),
                  "bridge:0 bridge:100 loaded:0");
}
END_TEST

START_TEST(a_loaded_table_has_the_geometry_of_the_stream)
{
    const struct capture_op op =
        op_at(TABLE0 LOAD0("40000", "40000", "16") TABLE1 LOAD1("0", "40", "24"), 1);

    ck_assert_int_eq(op.kind, CAPTURE_WINDOWS_LOADED);
    ck_assert_int_eq(op.loaded[0].state, CAPTURE_WINDOW_DYNAMIC);
    ck_assert_uint_eq(op.loaded[0].page_lg2, 16);
    ck_assert_uint_eq(op.loaded[0].entries, 0x40000);
    ck_assert_int_eq(op.loaded[1].state, CAPTURE_WINDOW_DYNAMIC);
    ck_assert_uint_eq(op.loaded[1].page_lg2, 24);
    ck_assert_uint_eq(op.loaded[1].entries, 0x40);
}
END_TEST

START_TEST(a_last_line_that_is_cut_off_is_no_line)
{
    ck_assert_ops(TABLE0 PUT P "spapr_iommu_pci_put liobn=0x800", "bridge:0 put");
    ck_assert_ops(TABLE0 PUT P "spapr_iommu_pci_put liobn=0x80000000 ioba=0x0 tce=0x0 "
                               "ret=0",
                  "bridge:0 put put");
}
END_TEST

START_TEST(lines_that_cannot_be_true_are_errors)
{
    static const char *const lies[] = {
        CREATE_OF("0x10000", "0x1000"),
        CREATE_OF("0x10000", "0x30000"),
        CREATE_OF("0x800", "0x1000"),
        LOAD0("40000", "30000", "12"),
        LOAD0("40000", "40001", "12"),
        LOAD0("40000", "20000", "64"),
        P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x0 tcelist=0x0 iobaN=0x200 "
          "tceN=0x0 ret=0\n",
    };
    char text[512];

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct capture_summary s;
        struct err e;

        snprintf(text, sizeof(text), "%s%s", TABLE0, lies[i]);
        write_file(text);
        ck_assert_msg(!capture_summarize(file, &s, &e), "%s", lies[i]);
        ck_assert_uint_eq(e.line, 2);
        unlink(file);
    }
}
END_TEST

/* --- what a call was --- */

START_TEST(a_stuff_began_where_its_loop_began)
{
    struct capture_op op = op_at(P "spapr_iommu_pci_stuff liobn=0x80000000 ioba=0x200000 "
                                   "tcevalue=0x0 npages=512 ret=0\n",
                                 0);

    ck_assert_uint_eq(op.ioba, 0);
    ck_assert_uint_eq(op.npages, 512);

    op = op_at(
        TABLE0 TABLE1 CREATE1 P
        "spapr_iommu_pci_stuff liobn=0x80000001 ioba=0x800000003000000 tcevalue=0x0 "
        "npages=3 ret=0\n",
        2);
    ck_assert_uint_eq(op.ioba, 0x800000000000000);
    ck_assert_uint_eq(op.page_lg2, 24);
    ck_assert_int_eq(op.window, CAPTURE_WINDOW_DYNAMIC);

    op = op_at(P "spapr_iommu_pci_stuff liobn=0x80000000 ioba=0x40000000 tcevalue=0x0 "
                 "npages=4 ret=-4\n",
               0);
    ck_assert_uint_eq(op.ioba, 0x40000000);
}
END_TEST

START_TEST(a_list_is_contiguous_up_to_its_last_entry)
{
    struct capture_op op =
        op_at(P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x30000000 "
                "tcelist=0x21b0000 iobaN=0xf tceN=0x21ff003 ret=0\n",
              0);

    ck_assert_uint_eq(op.list, 0x21b0000);
    ck_assert_uint_eq(op.npages, 16);
    ck_assert_uint_eq(capture_list_entry(&op, 0), 0x21f0003);
    ck_assert_uint_eq(capture_list_entry(&op, 15), 0x21ff003);
}
END_TEST

START_TEST(a_list_that_failed_has_one_entry_more_than_was_good)
{
    struct capture_op op =
        op_at(P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x3fffe000 "
                "tcelist=0x1000 iobaN=0x1 tceN=0x102003 ret=-4\n",
              0);

    ck_assert_uint_eq(op.npages, 3);
    ck_assert_uint_eq(capture_list_entry(&op, 2), 0x102003);
    op = op_at(P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x0 tcelist=0x1000 "
                 "iobaN=0x0 tceN=0x0 ret=-4\n",
               0);
    ck_assert_uint_eq(op.npages, 0);
}
END_TEST

START_TEST(a_list_that_cannot_be_contiguous_is_not_made_so)
{
    struct capture_op op = op_at(P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x0 "
                                   "tcelist=0x1000 iobaN=0xf tceN=0x1003 ret=0\n",
                                 0);

    ck_assert_uint_eq(capture_list_entry(&op, 0), 0x1003);
    op = op_at(P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x0 "
                 "tcelist=0x1000 iobaN=0x3 tceN=0x0 ret=0\n",
               0);
    ck_assert_uint_eq(capture_list_entry(&op, 1), 0);
}
END_TEST

START_TEST(a_translation_is_told_at_its_bus_address)
{
    struct capture_op op =
        op_at(TABLE0 TABLE1 CREATE1 P
              "spapr_iommu_xlate liobn=0x80000001 0x21e1002 -> 0x2000000 "
              "perm=3 mask=0xffffff\n",
              2);

    ck_assert_uint_eq(op.ioba, 0x8000000021e1002);
    ck_assert_uint_eq(op.gpa, 0x2000000);
    ck_assert_int_eq(op.perm, PERM_RW);
    ck_assert_uint_eq(op.page_lg2, 24);
}
END_TEST

START_TEST(times_and_lines_are_kept)
{
    struct capture_op op =
        op_at("\n7@1795226935.723760:spapr_iommu_pci_get liobn=0x80000000 "
              "ioba=0x5000 ret=-4 tce=0x0\n",
              0);

    ck_assert_uint_eq(op.usec, 1795226935723760);
    ck_assert_uint_eq(op.line, 2);
    ck_assert_int_eq(op.ret, -4);
}
END_TEST

/* --- summary --- */

static struct capture_summary
summary_of(const char *text)
{
    struct capture_summary s;
    struct err e;

    write_file(text);
    ck_assert_msg(capture_summarize(file, &s, &e), "%s", e.text);
    unlink(file);
    return s;
}

#define REFUSED(ioba)                                                                    \
    P "spapr_iommu_pci_put liobn=0x80000000 ioba=" ioba " tce=0x0 ret=-4\n"

START_TEST(a_machine_has_what_the_log_names)
{
    struct capture_summary s = summary_of(
        OTHER0 TABLE0 VIO2 PUT P
        "spapr_iommu_ddw_query buid=0x800000020000000 addr=0x0, 1 windows available, max "
        "window size=0x80000000, mask=0x107\n" TABLE1 CREATE1 START STOP TABLE0 TABLE1
            CREATE1);

    ck_assert_uint_eq(s.n_tables, 3);
    ck_assert_uint_eq(s.tables[0].liobn, 0x71000002);
    ck_assert(s.tables[0].vio);
    ck_assert_uint_eq(s.tables[0].size, 0x10000000);
    ck_assert_uint_eq(s.tables[1].liobn, 0x80000000);
    ck_assert_uint_eq(s.tables[1].size, 0x40000000);
    ck_assert_uint_eq(s.tables[2].liobn, 0x80000100);
    ck_assert_uint_eq(s.page_mask, 0x107);
    ck_assert_uint_eq(s.n_dynamics, 1);
    ck_assert_uint_eq(s.dynamics[0].entries, 64);
    ck_assert_uint_eq(s.calls, 1);
    ck_assert_uint_eq(s.subscriptions, 1);
    ck_assert_uint_eq(s.ram, 0x5000000);
    capture_summary_fini(&s);
}
END_TEST

START_TEST(a_bridge_after_the_first_call_was_plugged_in)
{
    struct capture_summary s = summary_of(TABLE0 PUT OTHER0);

    ck_assert(!s.tables[0].hotplugged);
    ck_assert(s.tables[1].hotplugged);
    capture_summary_fini(&s);
}
END_TEST

START_TEST(the_lowest_refused_address_above_accepted_ones_ends_the_window)
{
    struct capture_summary s =
        summary_of(TABLE0 REFUSED("0x800") REFUSED("0x5000000") PUT REFUSED("0x4000000"));

    ck_assert_uint_eq(s.tables[0].size, 0x4000000);
    capture_summary_fini(&s);
}
END_TEST

START_TEST(a_list_that_failed_ends_the_window_too)
{
    struct capture_summary s = summary_of(
        TABLE0 PUT P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x3fff000 "
                     "tcelist=0x1000 iobaN=0x0 tceN=0x22003 ret=-4\n");

    ck_assert_uint_eq(s.tables[0].size, 0x4000000);
    ck_assert(s.per_entry_checks);
    capture_summary_fini(&s);
}
END_TEST

START_TEST(what_lopar_would_have_answered_otherwise_is_noticed)
{
    static const struct {
        const char *text;
        bool per_entry, sticky;
    } logs[] = {
        { PUT CREATE1 REMOVE1 RESET, false, false },
        { REFUSED("0x5000000"), false, false },
        { STUFFED("0x200000", "512", "0"), false, false },
        { STUFFED("0x201000", "513", "0"), true, false },
        { STUFFED("0x201000", "0", "-4"), true, false },
        { STUFFED("0x40000000", "4", "-4"), false, false },
        { P
          "spapr_iommu_pci_put liobn=0x80000000 ioba=0x0 tce=0xfffffffffffff003 ret=0\n",
          true, false },
        { P
          "spapr_iommu_pci_put liobn=0x80000000 ioba=0x0 tce=0xfffffffffffff000 ret=0\n",
          false, false },
        { REMOVE0, false, false },
        { REMOVE0 CREATE("0x80000000", "0x0") REMOVE0, false, true },
        { CREATE1 REMOVE0 REMOVE1, false, false },
        { CREATE1 REMOVE0 CREATE("0x80000000", "0x800000000000000") REMOVE0, false,
          false },
    };
    char text[1024];

    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", TABLE0, logs[i].text);
        struct capture_summary s = summary_of(text);

        ck_assert_msg(s.per_entry_checks == logs[i].per_entry, "%s", text);
        ck_assert_msg(s.sticky_default == logs[i].sticky, "%s", text);
        capture_summary_fini(&s);
    }
}
END_TEST

START_TEST(refusals_while_the_default_window_is_gone_say_nothing)
{
    struct capture_summary s = summary_of(
        TABLE0 PUT P "spapr_iommu_ddw_remove liobn=0x80000000\n" REFUSED("0x4000000"));

    ck_assert_uint_eq(s.tables[0].size, 0x40000000);
    capture_summary_fini(&s);
}
END_TEST

START_TEST(ram_reaches_to_lists_and_to_the_ends_of_lists)
{
    struct capture_summary s =
        summary_of(TABLE0 P "spapr_iommu_pci_indirect liobn=0x80000000 ioba=0x0 "
                            "tcelist=0x5000000 iobaN=0x1 tceN=0x1003 ret=0\n");

    ck_assert_uint_eq(s.ram, 0x6000000);
    capture_summary_fini(&s);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("trace/capture");
    TCase *c = tcase_create("capture");

    tcase_add_loop_test(c, lines_are_parsed_skipped_or_refused_with_the_column, 0,
                        (int)(sizeof(lines) / sizeof(lines[0])));
    tcase_add_test(c, a_malformed_line_is_an_error_with_its_number);
    tcase_add_test(c, a_file_that_is_not_there_is_an_error);
    tcase_add_test(c, tables_are_bridges_and_vio_tables_at_first);
    tcase_add_test(c, a_table_after_a_subscriber_came_has_only_moved);
    tcase_add_test(c, a_table_after_the_next_call_or_leave_is_a_reset);
    tcase_add_test(c, a_table_before_a_create_is_that_window);
    tcase_add_test(c, a_table_before_a_window_reset_belongs_to_it);
    tcase_add_test(c, the_last_window_brings_the_default_one_back);
    tcase_add_test(c, a_call_that_was_served_shows_its_table);
    tcase_add_test(c, a_window_that_is_used_was_made);
    tcase_add_test(c, a_window_in_the_way_had_gone);
    tcase_add_test(c, an_assumed_window_is_as_its_use_shows);
    tcase_add_test(c, what_was_there_before_the_log_is_unknown_until_written);
    tcase_add_test(c, a_line_that_was_cut_and_went_on_gives_the_second_event);
    tcase_add_test(c, a_subscriber_that_leaves_first_was_there);
    tcase_add_test(c, a_machine_reset_names_each_bridge_and_the_vio_tables_once);
    tcase_add_test(c, vio_tables_are_reset_when_all_devices_lose_their_queue_in_a_row);
    tcase_add_test(c, incoming_migration_makes_and_removes_windows);
    tcase_add_test(c, a_loaded_table_has_the_geometry_of_the_stream);
    tcase_add_test(c, a_last_line_that_is_cut_off_is_no_line);
    tcase_add_test(c, lines_that_cannot_be_true_are_errors);
    tcase_add_test(c, a_stuff_began_where_its_loop_began);
    tcase_add_test(c, a_list_is_contiguous_up_to_its_last_entry);
    tcase_add_test(c, a_list_that_failed_has_one_entry_more_than_was_good);
    tcase_add_test(c, a_list_that_cannot_be_contiguous_is_not_made_so);
    tcase_add_test(c, a_translation_is_told_at_its_bus_address);
    tcase_add_test(c, times_and_lines_are_kept);
    tcase_add_test(c, a_machine_has_what_the_log_names);
    tcase_add_test(c, a_bridge_after_the_first_call_was_plugged_in);
    tcase_add_test(c, the_lowest_refused_address_above_accepted_ones_ends_the_window);
    tcase_add_test(c, a_list_that_failed_ends_the_window_too);
    tcase_add_test(c, what_lopar_would_have_answered_otherwise_is_noticed);
    tcase_add_test(c, refusals_while_the_default_window_is_gone_say_nothing);
    tcase_add_test(c, ram_reaches_to_lists_and_to_the_ends_of_lists);
    suite_add_tcase(s, c);
    return s;
}
