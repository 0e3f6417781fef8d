/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines that a VT-d unit writes: what it executed, faults, what it caches, and
 * with -v each step. The same actions give the same lines (V40).
 */
#include "trace/trace.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/vtd_caches.h"
#include "support_main.h"
#include "support_vtd_sm.h"
#include "trace/format.h"
#include "util/alloc.h"

static struct bench *const b = &bench;
static char lines[16384];

static void
keep(void *self, const struct trace_rec *r)
{
    char *line = trace_format_string(r);

    (void)self;
    ck_assert_uint_lt(strlen(lines) + strlen(line) + 2, sizeof(lines));
    strcat(lines, line);
    strcat(lines, "\n");
    free(line);
}

static void
trace_at(enum trace_level level)
{
    const struct trace_options opts = { .format = TRACE_FORMAT_NONE, .level = level };
    struct err e;
    struct trace *t = trace_new(&opts, &e);

    trace_set_hook(t, keep, NULL);
    b->env.trace = t;
    lines[0] = '\0';
}

static void
trace_off(void)
{
    trace_close(b->env.trace, NULL);
    b->env.trace = &b->trace;
}

static void
expect(const char *want)
{
    ck_assert_str_eq(lines, want);
    lines[0] = '\0';
}

START_TEST(executed_commands_and_faults_give_lines)
{
    struct xlate x;

    bench_up(b);
    bench_attached(b, SID_A, 1, 4);
    trace_at(TRACE_NORMAL);
    bench_flush_page(b, 1, 0x12345000, 4);
    bench_flush_domain(b, 1);
    bench_flush_global(b);
    expect("0 vtd0 invalidate kind=iotlb granularity=page did=1 iova=0x12340000 "
           "size=0x10000 "
           "am=4 ih=0\n"
           "0 vtd0 wait-done addr=0x102000 value=0x3\n"
           "0 vtd0 invalidate kind=iotlb granularity=domain did=1\n"
           "0 vtd0 wait-done addr=0x102000 value=0x4\n"
           "0 vtd0 invalidate kind=iotlb granularity=global\n"
           "0 vtd0 wait-done addr=0x102000 value=0x5\n");
    bench_flush_context(b, SID_A, 1);
    bench_do(b, vtd_desc_context(VTD_GRAN_DOMAIN, 1, 0, 0));
    bench_do(b, vtd_desc_iec(false, 7, 0));
    expect("0 vtd0 invalidate kind=context granularity=device did=1 sid=0x18\n"
           "0 vtd0 wait-done addr=0x102000 value=0x6\n"
           "0 vtd0 invalidate kind=context granularity=domain did=1\n"
           "0 vtd0 wait-done addr=0x102000 value=0x7\n"
           "0 vtd0 invalidate kind=iec granularity=index index=7\n"
           "0 vtd0 wait-done addr=0x102000 value=0x8\n");
    bench_push(b, vtd_desc_context(VTD_GRAN_FINE, 1, SID_A, 3));
    bench_ring(b);
    expect("0 vtd0 invalidate kind=context granularity=device did=1 sid=0x18 mask=0x7\n");
    ck_assert_int_eq(bench_translate(b, SID_A, 0x5678, PERM_W, &x), XLATE_FAULT);
    b->m->ops->reset(b->m);
    expect("0 vtd0 fault reason=0x05 sid=0x18 addr=0x5000 access=write\n"
           "0 vtd0 reset\n");
    trace_off();
}
END_TEST

START_TEST(interrupts_that_are_sent_give_lines)
{
    struct xlate x;

    bench_up(b);
    bench_write(b, VTD_FEADDR, 0xfee01004);
    bench_write(b, VTD_FEDATA, 0x41);
    bench_write(b, VTD_IEADDR, 0xfee02004);
    bench_write(b, VTD_IEDATA, 0x42);
    bench_write(b, VTD_IECTL, 0);
    trace_at(TRACE_NORMAL);
    bench_push(b, vtd_desc_wait(VTD_DESC_WAIT_IF, 0, 0));
    bench_ring(b);
    expect("0 vtd0 wait-done\n"
           "0 vtd0 interrupt kind=wait addr=0xfee02004 data=0x42\n");
    ck_assert_int_eq(bench_translate(b, SID_A, 0x5678, PERM_R, &x), XLATE_FAULT);
    expect("0 vtd0 fault reason=0x01 sid=0x18 addr=0x5000 access=read\n");
    bench_write(b, VTD_FECTL, 0); /* was masked */
    expect("0 vtd0 interrupt kind=fault addr=0xfee01004 data=0x41\n");
    trace_off();
}
END_TEST

START_TEST(fault_lines_say_in_which_of_several_records)
{
    struct iommu_vtd_config c = bench_config();
    struct xlate x;

    c.fault_records = 2;
    bench_start(b, &c);
    trace_at(TRACE_NORMAL);
    for (uint16_t sid = 0; sid < 3; sid++) {
        ck_assert_int_eq(bench_translate(b, sid, 0x5678, PERM_R, &x), XLATE_FAULT);
    }
    expect("0 vtd0 fault reason=0x01 sid=0x0 addr=0x5000 access=read index=0\n"
           "0 vtd0 fault reason=0x01 sid=0x1 addr=0x5000 access=read index=1\n"
           "0 vtd0 fault reason=0x01 sid=0x2 addr=0x5000 access=read\n");
    trace_off();
}
END_TEST

START_TEST(dump_lists_the_caches_in_order)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_context(b, SID_B, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(2, 9));
    bench_entry(b, table, 4, GIB, 2, 0x600000 | VTD_SS_PS | VTD_SS_R);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_B, 0x1000, 0x1000));
    ck_assert(bench_reads(b, SID_A, GIB, 0x600000));
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    ck_assert(bench_faults(b, SID_A, 0x2000, PERM_R, VTD_FAULT_READ));
    ck_assert(bench_faults(b, 0x10, 0x2000, PERM_R, VTD_FAULT_CONTEXT_P));
    trace_at(TRACE_NORMAL);
    b->m->ops->dump_caches(b->m);
    expect("0 vtd0 cached kind=context sid=0x10 did=0 type=absent\n"
           "0 vtd0 cached kind=context sid=0x18 did=1 type=translate\n"
           "0 vtd0 cached kind=context sid=0x120 did=9 type=passthrough\n"
           "0 vtd0 cached kind=iotlb did=1 iova=0x1000 size=0x1000 gpa=0x20000 perm=rw\n"
           "0 vtd0 cached kind=iotlb did=1 iova=0x2000 size=0x1000 perm=none\n"
           "0 vtd0 cached kind=iotlb did=1 iova=0x40000000 size=0x200000 gpa=0x600000 "
           "perm=r\n");
    trace_off();
}
END_TEST

START_TEST(verbose_shows_walks_hits_and_fills)
{
    struct iommu_vtd_config c = bench_config();

    c.iotlb.entries = 1;
    bench_start(b, &c);
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    bench_entry(b, table, 3, 0x1000, 1, 0x20000 | RW);
    bench_entry(b, table, 3, 0x2000, 1, 0x21000 | RW);
    trace_at(TRACE_VERBOSE);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    ck_assert(bench_reads(b, SID_A, 0x1008, 0x20008));
    ck_assert(bench_reads(b, SID_A, 0x2000, 0x21000));
    expect(
        "0 vtd0 context-fill sid=0x18 did=1 type=translate lo=0x103001 hi=0x101\n"
        "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=3 addr=0x103000 entry=0x105003\n"
        "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=2 addr=0x105000 entry=0x106003\n"
        "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=1 addr=0x106008 entry=0x20003\n"
        "0 vtd0 iotlb-fill sid=0x18 did=1 iova=0x1000 size=0x1000 gpa=0x20000 perm=rw\n"
        "0 vtd0 context-hit sid=0x18 did=1 type=translate\n"
        "0 vtd0 iotlb-hit sid=0x18 did=1 iova=0x1000 size=0x1000 gpa=0x20000 perm=rw\n"
        "0 vtd0 context-hit sid=0x18 did=1 type=translate\n"
        "0 vtd0 walk sid=0x18 did=1 iova=0x2000 level=3 addr=0x103000 entry=0x105003\n"
        "0 vtd0 walk sid=0x18 did=1 iova=0x2000 level=2 addr=0x105000 entry=0x106003\n"
        "0 vtd0 walk sid=0x18 did=1 iova=0x2000 level=1 addr=0x106010 entry=0x21003\n"
        "0 vtd0 iotlb-drop did=1 iova=0x1000 size=0x1000 gpa=0x20000 perm=rw "
        "cause=evict\n"
        "0 vtd0 iotlb-fill sid=0x18 did=1 iova=0x2000 size=0x1000 gpa=0x21000 perm=rw\n");
    bench_flush_domain(b, 1);
    expect("0 vtd0 register-write reg=IQT value=0x60 width=8\n"
           "0 vtd0 descriptor kind=iotlb index=4 lo=0x100e2 hi=0x0\n"
           "0 vtd0 invalidate kind=iotlb granularity=domain did=1\n"
           "0 vtd0 iotlb-drop cause=invalidate count=1\n"
           "0 vtd0 descriptor kind=wait index=5 lo=0x300000025 hi=0x102000\n"
           "0 vtd0 wait-done addr=0x102000 value=0x3\n");
    trace_off();
}
END_TEST

/* What is not there is not filled. */
START_TEST(no_fills_of_caches_without_entries)
{
    struct iommu_vtd_config c = bench_config();

    c.iotlb.entries = c.context_cache.entries = 0;
    bench_start(b, &c);
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    bench_entry(b, table, 3, 0x1000, 1, 0x20000 | RW);
    trace_at(TRACE_VERBOSE);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        expect("0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=3 addr=0x103000 "
               "entry=0x105003\n"
               "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=2 addr=0x105000 "
               "entry=0x106003\n"
               "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=1 addr=0x106008 "
               "entry=0x20003\n");
    }
    trace_off();
}
END_TEST

static void
ask_with_pasid(uint32_t pasid, uint64_t iova)
{
    struct iommu_request q = iommu_request(SID_A, iova, PERM_R);
    struct xlate x;

    q.pasid = pasid;
    ck_assert_int_eq(b->m->ops->translate(b->m, &q, &x), XLATE_OK);
}

START_TEST(verbose_shows_PASID_entries_and_tables_too)
{
    sm_up(b);
    uint64_t table = sm_first(b, sm_context(b, SID_A, 0), 5, 1);
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    sm_map(b, table, 0x2000, 1, 0x21000 | FS_R);
    trace_at(TRACE_VERBOSE);
    ask_with_pasid(5, 0x1000);
    expect("0 vtd0 context-fill sid=0x18 did=0 type=scalable lo=0x104e09 hi=0x0\n"
           "0 vtd0 pasid-fill sid=0x18 did=1 pasid=5 type=first\n"
           "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=4 addr=0x105000 entry=0x107007 "
           "pasid=5 type=first\n"
           "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=3 addr=0x107000 entry=0x108007 "
           "pasid=5 type=first\n"
           "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=2 addr=0x108000 entry=0x109007 "
           "pasid=5 type=first\n"
           "0 vtd0 walk sid=0x18 did=1 iova=0x1000 level=1 addr=0x109008 entry=0x20007 "
           "pasid=5 type=first\n"
           "0 vtd0 table-fill sid=0x18 did=1 pasid=5 iova=0x0 size=0x8000000000 level=4 "
           "table=0x107000\n"
           "0 vtd0 table-fill sid=0x18 did=1 pasid=5 iova=0x0 size=0x40000000 level=3 "
           "table=0x108000\n"
           "0 vtd0 table-fill sid=0x18 did=1 pasid=5 iova=0x0 size=0x200000 level=2 "
           "table=0x109000\n"
           "0 vtd0 iotlb-fill sid=0x18 did=1 pasid=5 iova=0x1000 size=0x1000 gpa=0x20000 "
           "perm=rw\n");
    ask_with_pasid(5, 0x2000);
    expect("0 vtd0 context-hit sid=0x18 did=0 type=scalable\n"
           "0 vtd0 pasid-hit sid=0x18 did=1 pasid=5 type=first\n"
           "0 vtd0 table-hit sid=0x18 did=1 pasid=5 iova=0x0 size=0x200000 level=2 "
           "table=0x109000\n"
           "0 vtd0 walk sid=0x18 did=1 iova=0x2000 level=1 addr=0x109010 entry=0x21005 "
           "pasid=5 type=first\n"
           "0 vtd0 iotlb-fill sid=0x18 did=1 pasid=5 iova=0x2000 size=0x1000 gpa=0x21000 "
           "perm=r\n");
    b->m->ops->dump_caches(b->m);
    expect("0 vtd0 cached kind=context sid=0x18 did=0 type=scalable\n"
           "0 vtd0 cached kind=pasid sid=0x18 did=1 pasid=5 type=first\n"
           "0 vtd0 cached kind=iotlb did=1 pasid=5 iova=0x1000 size=0x1000 gpa=0x20000 "
           "perm=rw\n"
           "0 vtd0 cached kind=iotlb did=1 pasid=5 iova=0x2000 size=0x1000 gpa=0x21000 "
           "perm=r\n"
           "0 vtd0 cached kind=first-table did=1 pasid=5 iova=0x0 size=0x200000 "
           "gpa=0x109000 perm=rw\n"
           "0 vtd0 cached kind=first-table did=1 pasid=5 iova=0x0 size=0x40000000 "
           "gpa=0x108000 perm=rw\n"
           "0 vtd0 cached kind=first-table did=1 pasid=5 iova=0x0 size=0x8000000000 "
           "gpa=0x107000 perm=rw\n");
    const struct invalidation all[] = {
        { .kind = INVAL_PASID_IOTLB, .scope = INVAL_PASID, .did = 1, .pasid = 5 },
        { .kind = INVAL_PASID_CACHE, .scope = INVAL_DOMAIN, .did = 1 },
        { .kind = INVAL_CONTEXT, .scope = INVAL_DOMAIN, .did = 1 },
    };
    for (unsigned i = 0; i < 3; i++) {
        vtd_caches_invalidate(vtd_of(b->m), &all[i]);
    }
    expect("0 vtd0 iotlb-drop cause=invalidate count=2\n"
           "0 vtd0 table-drop cause=invalidate count=3\n"
           "0 vtd0 pasid-drop cause=invalidate count=1\n"
           "0 vtd0 context-drop cause=invalidate count=1\n");
    trace_off();
}
END_TEST

/* Random replacement included: it draws from the seed. */
static char *
run_once(void)
{
    struct iommu_vtd_config c = bench_config();

    c.iotlb = (struct iommu_cache_config){ 8, IOMMU_CACHE_RANDOM };
    bench_start(b, &c);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    for (uint64_t p = 0; p < 32; p++) {
        bench_map(b, table, p << 12, (p << 12) | RW);
    }
    trace_at(TRACE_NORMAL);
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t iova = (i * 7 % 32) << 12;
        ck_assert(bench_reads(b, SID_A, iova, iova));
        if (i % 50 == 0) {
            b->m->ops->dump_caches(b->m);
        }
    }
    trace_off();
    return xstrdup(lines);
}

START_TEST(V40_same_seed_same_lines)
{
    char *one = run_once(), *two = run_once();

    ck_assert_uint_gt(strlen(one), 500);
    ck_assert_str_eq(one, two);
    free(one);
    free(two);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_trace");
    TCase *tc = tcase_create("lines");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_test(tc, executed_commands_and_faults_give_lines);
    tcase_add_test(tc, interrupts_that_are_sent_give_lines);
    tcase_add_test(tc, fault_lines_say_in_which_of_several_records);
    tcase_add_test(tc, dump_lists_the_caches_in_order);
    tcase_add_test(tc, verbose_shows_walks_hits_and_fills);
    tcase_add_test(tc, no_fills_of_caches_without_entries);
    tcase_add_test(tc, verbose_shows_PASID_entries_and_tables_too);
    tcase_add_test(tc, V40_same_seed_same_lines);
    suite_add_tcase(s, tc);
    return s;
}
