/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of Linux's tracer: those that mean something, those that do not, broken ones. */
#include <check.h>

#include "trace/ftrace.h"

#include "support_main.h"

#define HEAD "    kworker/u2:1-24      [000] d..1.     4.669710: "

static struct ftrace_op op;

START_TEST(a_map_has_addresses_and_size)
{
    ck_assert_int_eq(ftrace_parse_line(HEAD "map: IOMMU: iova=0x00000000fffff000 - "
                                            "0x0000000100000000 paddr=0x0000000003c35000 "
                                            "size=4096\n",
                                       &op),
                     FTRACE_PARSED);
    ck_assert_int_eq(op.kind, FTRACE_MAP);
    ck_assert_uint_eq(op.usec, 4669710);
    ck_assert_uint_eq(op.iova, 0xfffff000);
    ck_assert_uint_eq(op.size, 4096);
    ck_assert_uint_eq(op.gpa, 0x3c35000);
}
END_TEST

START_TEST(an_unmap_has_the_size_that_was_unmapped)
{
    ck_assert_int_eq(ftrace_parse_line(HEAD "unmap: IOMMU: iova=0x00000000ffffc000 - "
                                            "0x00000000ffffe000 size=8192 "
                                            "unmapped_size=4096\n",
                                       &op),
                     FTRACE_PARSED);
    ck_assert_int_eq(op.kind, FTRACE_UNMAP);
    ck_assert_uint_eq(op.size, 4096);
}
END_TEST

START_TEST(a_submission_has_four_words)
{
    ck_assert_int_eq(ftrace_parse_line(HEAD "qi_submit: iotlb_inv dmar0: 0x300f2 "
                                            "0xffffd001 0x0 0x7\n",
                                       &op),
                     FTRACE_PARSED);
    ck_assert_int_eq(op.kind, FTRACE_SUBMIT);
    ck_assert_uint_eq(op.words[0], 0x300f2);
    ck_assert_uint_eq(op.words[1], 0xffffd001);
    ck_assert_uint_eq(op.words[3], 7);
}
END_TEST

START_TEST(devices_come_and_go)
{
    ck_assert_int_eq(ftrace_parse_line(HEAD "add_device_to_group: IOMMU: groupID=4 "
                                            "device=0000:01:1f.2\n",
                                       &op),
                     FTRACE_PARSED);
    ck_assert_int_eq(op.kind, FTRACE_COMES);
    ck_assert_uint_eq(op.sid, 0x1fa);
    ck_assert_int_eq(ftrace_parse_line(HEAD "remove_device_from_group: IOMMU: groupID=4 "
                                            "device=0000:01:00.0\n",
                                       &op),
                     FTRACE_PARSED);
    ck_assert_int_eq(op.kind, FTRACE_GOES);
    ck_assert_uint_eq(op.sid, 0x100);
}
END_TEST

START_TEST(lost_events_are_told)
{
    ck_assert_int_eq(ftrace_parse_line("CPU:3 [LOST 1234 EVENTS]\n", &op), FTRACE_PARSED);
    ck_assert_int_eq(op.kind, FTRACE_LOST);
}
END_TEST

START_TEST(an_event_in_the_midst_of_a_broken_one_is_taken)
{
    ck_assert_int_eq(ftrace_parse_line(HEAD "map: IOMMU: iova=0x00000000f" HEAD
                                            "qi_submit: iotlb_inv dmar0: 0x300f2 "
                                            "0xffffd001 0x0 0x7\n",
                                       &op),
                     FTRACE_PARSED);
    ck_assert_int_eq(op.kind, FTRACE_SUBMIT);
    ck_assert_uint_eq(op.words[0], 0x300f2);
}
END_TEST

START_TEST(other_lines_are_skipped)
{
    static const char *const lines[] = {
        "",
        "# tracer: nop\n",
        "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION: map: x\n",
        "            init-1       [000] .N...     4.448300: tracing_mark_write: map: "
        "no\n",
        HEAD "attach_device_to_domain: IOMMU: device=0000:01:00.0\n",
        "map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=4096\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_int_eq(ftrace_parse_line(lines[i], &op), FTRACE_SKIPPED);
    }
}
END_TEST

START_TEST(broken_events_are_malformed)
{
    static const char *const lines[] = {
        HEAD "map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000\n",
        HEAD "map: IOMMU: iova=0x1000 - 0x2000 paddr=0x3000 size=8192\n",
        HEAD "unmap: IOMMU: iova=0x1000\n",
        HEAD "qi_submit: iotlb_inv dmar0: 0x300f2\n",
        HEAD "add_device_to_group: IOMMU: groupID=4\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_int_eq(ftrace_parse_line(lines[i], &op), FTRACE_MALFORMED);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("trace_ftrace");
    TCase *tc = tcase_create("lines");

    tcase_add_test(tc, a_map_has_addresses_and_size);
    tcase_add_test(tc, an_unmap_has_the_size_that_was_unmapped);
    tcase_add_test(tc, a_submission_has_four_words);
    tcase_add_test(tc, devices_come_and_go);
    tcase_add_test(tc, lost_events_are_told);
    tcase_add_test(tc, an_event_in_the_midst_of_a_broken_one_is_taken);
    tcase_add_test(tc, other_lines_are_skipped);
    tcase_add_test(tc, broken_events_are_malformed);
    suite_add_tcase(s, tc);
    return s;
}
