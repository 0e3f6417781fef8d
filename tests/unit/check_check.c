/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts on real models and subscribers: each class and blame that these parts can
 * produce, beside a twin that must stay silent.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "iommu/iommu.h"
#include "iommu/papr_fmt.h"
#include "iommu/vtd_fmt.h"
#include "subscriber/subscriber.h"

enum {
    LIOBN = 0x80000000u,
    SEEN_MAX = 64,
    ROOT = 0x1000000,
    CONTEXTS = 0x1001000,
    QUEUE = 0x1002000,
    STATUS = 0x1003000,
    TABLES = 0x1010000, /* level 3, 2, 1 */
    SID = 0x18,
};

struct seen {
    enum violation_class class;
    enum blame blame;
    char subject[32], have[40], want[40], hint[40];
    uint64_t first, last;
    struct origin origin;
};

static struct rig {
    struct env env;
    struct trace trace;
    struct check *check;
    struct iommu *iommu;
    struct space *space;
    struct truth_device *device;
    struct subscriber *subs[4];
    unsigned n_subs;
    struct seen seen[SEEN_MAX];
    unsigned n;
    uint64_t tail; /* of the queue */
    uint32_t waits;
} rig;

static void
copy(char *to, const char *from)
{
    strncpy(to, from != NULL ? from : "", 31);
}

static void
on_violation(void *self, const struct violation *v)
{
    struct rig *r = self;
    ck_assert_uint_lt(r->n, SEEN_MAX);
    struct seen *s = &r->seen[r->n++];

    s->class = v->class;
    s->blame = v->blame;
    s->first = v->first;
    s->last = v->last;
    s->origin = v->origin;
    copy(s->subject, v->subject);
    copy(s->have, v->have);
    copy(s->want, v->want);
    copy(s->hint, v->hint);
    if (getenv("IOMMUSIM_TEST_SHOW") != NULL) {
        fprintf(stderr, "# %s %s %#lx..%#lx have %s want %s blame %s hint %s\n", s->subject,
               violation_name(s->class), (unsigned long)s->first, (unsigned long)s->last,
               s->have, s->want, blame_name(s->blame), s->hint);
    }
}

static void
begin(void)
{
    memset(&rig, 0, sizeof(rig));
    rig.env.sim = sim_new(1);
    rig.env.trace = &rig.trace;
    rig.env.mem = mem_new(NULL);
    mem_add_range(rig.env.mem, 0, (UINT64_C(1) << 30) - 1, MEM_RAM);
    latencies_init(&rig.env.latency, rig.env.sim);
    rig.check = check_new(&rig.env, on_violation, &rig);
}

static void
finish(void)
{
    for (unsigned i = 0; i < rig.n_subs; i++) {
        if (rig.subs[i] != NULL) {
            subscriber_detach(rig.subs[i]);
            check_remove_subscriber(rig.check, rig.subs[i]);
            subscriber_free(rig.subs[i]);
        }
    }
    rig.iommu->ops->detach(rig.iommu, SID);
    check_remove_device(rig.device);
    check_free(rig.check);
    iommu_free(rig.iommu);
    mem_free(rig.env.mem);
    sim_free(rig.env.sim);
}

static struct subscriber *
subscribe(const char *kind, const char *name, bool replay)
{
    struct subscriber_config c = { .name = name, .device = "dev", .replay = replay };
    struct subscriber *s = subscriber_new(subscriber_kind(kind), &c, &rig.env);
    struct err e;

    check_add_subscriber(rig.check, s, rig.device);
    if (subscriber_attach(s, rig.space, (struct translator){ 0 }, &e)) {
        check_attached(rig.check, s);
    }
    rig.subs[rig.n_subs++] = s;
    return s;
}

static void
quirk(enum quirk q)
{
    quirk_set(&rig.env.quirks, q, true);
}

static void
plug(struct iommu *m)
{
    struct err e;

    rig.iommu = m;
    rig.space = m->ops->attach(m, SID, "dev", &e);
    rig.device = check_add_device(rig.check, m, "dev", SID);
}

static void
step(uint32_t line)
{
    check_step(rig.check, "t.yaml", line);
}

/* ---- PAPR ---- */

static void
papr(void)
{
    struct iommu_papr_config c = { .id = "phb0", .liobn = LIOBN, .has_window = true,
                                   .window_size = 1 << 28, .page_lg2 = 12 };

    plug(papr_new(&c, &rig.env));
}

static int64_t
put(uint64_t ioba, uint64_t tce)
{
    struct hcall h = { .op = HCALL_PUT_TCE, .liobn = LIOBN, .ioba = ioba, .tce = tce };

    iommu_hcall(&rig.iommu, 1, &h);
    iommu_hcall_return(&h);
    return h.ret;
}

static void
expect_one(enum violation_class class, enum blame blame, uint64_t first, uint64_t last)
{
    ck_assert_uint_eq(rig.n, 1);
    ck_assert_str_eq(violation_name(rig.seen[0].class), violation_name(class));
    ck_assert_str_eq(blame_name(rig.seen[0].blame), blame_name(blame));
    ck_assert_uint_eq(rig.seen[0].first, first);
    ck_assert_uint_eq(rig.seen[0].last, last);
}

START_TEST(N13_a_mirror_that_is_told_everything_is_right)
{
    begin();
    papr();
    subscribe("vfio", "dev/vfio", true);
    put(0x1000, 0x20003);
    put(0x2000, 0x30001);
    put(0x1000, 0x40003);
    put(0x2000, 0);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    finish();
}
END_TEST

START_TEST(P12_lone_map_leaves_the_old_target_and_the_iommu_is_to_blame)
{
    begin();
    quirk(QUIRK_PAPR_LONE_MAP);
    papr();
    subscribe("vfio", "dev/vfio", true);
    step(10);
    put(0x5000, 0x300003);
    step(11);
    put(0x5000, 0x301003);
    expect_one(VIOLATION_WRONG_TARGET, BLAME_IOMMU, 0x5000, 0x5fff);
    ck_assert_str_eq(rig.seen[0].have, "0x300000:rw");
    ck_assert_str_eq(rig.seen[0].want, "0x301000:rw");
    ck_assert_str_eq(rig.seen[0].hint, "misordered-change");
    ck_assert_uint_eq(rig.seen[0].origin.line, 11);
    check_all(rig.check); /* still wrong: not repeated */
    ck_assert_uint_eq(rig.n, 1);
    put(0x5000, 0); /* right again */
    put(0x5000, 0x300003);
    put(0x5000, 0x302003); /* and wrong anew */
    ck_assert_uint_eq(rig.n, 2);
    finish();
}
END_TEST

START_TEST(N15_the_same_change_as_unmap_and_map_is_silent)
{
    begin();
    papr();
    subscribe("vfio", "dev/vfio", true);
    put(0x5000, 0x300003);
    put(0x5000, 0x301003);
    put(0x5000, 0x301001);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    finish();
}
END_TEST

START_TEST(a_subscriber_that_drops_unmaps_is_to_blame_itself)
{
    begin();
    quirk(QUIRK_SUB_DROP_UNMAP);
    papr();
    subscribe("vfio", "dev/vfio", true);
    put(0x1000, 0x20003);
    put(0x1000, 0);
    expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    finish();
}
END_TEST

START_TEST(P31_a_core_without_replay_is_to_blame_for_what_a_newcomer_lacks)
{
    begin();
    quirk(QUIRK_CORE_NO_REPLAY);
    papr();
    put(0x1000, 0x20003);
    put(0x2000, 0x21003);
    put(0x5000, 0x20003);
    put(0x2000, 0);
    subscribe("vfio", "dev/vfio", true);
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 2); /* 0x1000 and 0x5000 */
    ck_assert_int_eq(rig.seen[0].class, VIOLATION_MISSING_MAPPING);
    ck_assert_int_eq(rig.seen[0].blame, BLAME_CORE);
    ck_assert_int_eq(rig.seen[1].blame, BLAME_CORE);
    ck_assert_uint_eq(rig.seen[1].first, 0x5000);
    finish();
}
END_TEST

START_TEST(a_subscriber_that_asks_for_no_replay_is_to_blame_itself)
{
    begin();
    papr();
    put(0x1000, 0x20003);
    put(0x2000, 0x30003);
    subscribe("vfio", "dev/vfio", false);
    put(0x2000, 0); /* that one is settled by the unmap */
    check_all(rig.check);
    expect_one(VIOLATION_MISSING_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    finish();
}
END_TEST

START_TEST(N19_replay_makes_the_newcomer_right)
{
    begin();
    papr();
    put(0x1000, 0x20003);
    put(0xffff000, 0x30002);
    subscribe("vfio", "dev/vfio", true);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    finish();
}
END_TEST

START_TEST(adjacent_pages_make_one_verdict)
{
    begin();
    quirk(QUIRK_SUB_DROP_UNMAP);
    papr();
    subscribe("vfio", "dev/vfio", true);
    for (uint64_t i = 0; i < 8; i++) {
        put(0x10000 + i * 0x1000, 0x100003 + i * 0x1000);
    }
    struct hcall h = { .op = HCALL_STUFF_TCE, .liobn = LIOBN, .ioba = 0x10000, .npages = 8 };
    iommu_hcall(&rig.iommu, 1, &h);
    iommu_hcall_return(&h);
    expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x10000, 0x17fff);
    finish();
}
END_TEST

START_TEST(S31_what_the_host_cannot_map_is_missing_and_explained)
{
    begin();
    quirk(QUIRK_PAPR_PER_ENTRY); /* takes a page number outside RAM */
    papr();
    subscribe("vfio", "dev/vfio", true);
    ck_assert_int_eq(put(0x1000, 0x40000003), PAPR_H_SUCCESS);
    expect_one(VIOLATION_MISSING_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    ck_assert_str_eq(rig.seen[0].hint, "unrepresentable");
    finish();
}
END_TEST

START_TEST(an_observer_is_judged_by_events_alone)
{
    begin();
    quirk(QUIRK_PAPR_LONE_MAP);
    papr();
    subscribe("observer", "dev/observer", true);
    put(0x1000, 0x20003);
    put(0x1000, 0x20003);
    expect_one(VIOLATION_DUPLICATE_MAP, BLAME_IOMMU, 0x1000, 0x1fff);
    put(0x1000, 0x30003);
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_int_eq(rig.seen[1].class, VIOLATION_MISORDERED_CHANGE);
    finish();
}
END_TEST

START_TEST(a_write_only_page_held_as_rw_is_right_unless_told_to_be_strict)
{
    begin();
    papr();
    struct subscriber *s = subscribe("vfio", "dev/vfio", true);
    put(0x1000, 0x20002);
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    put(0x1000, 0);
    s->config.strict_permissions = true;
    put(0x1000, 0x20002);
    expect_one(VIOLATION_EXCESS_PERMISSION, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    finish();
}
END_TEST

static void
access_page(struct subscriber *s, uint64_t iova, enum perm access, bool ok, uint64_t gpa)
{
    check_dma(rig.check, &(struct check_dma){ .device = rig.device, .subscriber = s,
                                              .iova = iova, .len = 8, .access = access,
                                              .ok = ok, .gpa = gpa });
}

START_TEST(accesses_are_held_against_the_tables)
{
    begin();
    papr();
    put(0x1000, 0x20001);
    access_page(NULL, 0x1008, PERM_R, true, 0x20008);
    access_page(NULL, 0x1008, PERM_W, false, 0);
    access_page(NULL, 0x2000, PERM_R, false, 0);
    ck_assert_uint_eq(rig.n, 0);
    access_page(NULL, 0x1010, PERM_R, false, 0);
    expect_one(VIOLATION_DMA_LOST, BLAME_IOMMU, 0x1010, 0x1017);
    access_page(NULL, 0x1010, PERM_R, true, 0x20010); /* right again */
    access_page(NULL, 0x1010, PERM_W, true, 0x20010);
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_int_eq(rig.seen[1].class, VIOLATION_DMA_BREACH);
    access_page(NULL, 0x2000, PERM_R, true, 0x999000);
    ck_assert_uint_eq(rig.n, 3);
    ck_assert_str_eq(rig.seen[2].want, "none");
    finish();
}
END_TEST

/* ---- VT-d ---- */

static void
mmio(uint64_t off, unsigned width, uint64_t v)
{
    iommu_mmio_write(rig.iommu, off, width, v);
}

static void
word(uint64_t gpa, uint64_t v)
{
    mem_write64le(rig.env.mem, GPA(gpa), v);
}

static void
submit(struct vtd_pair d)
{
    word(QUEUE + rig.tail, d.lo);
    word(QUEUE + rig.tail + 8, d.hi);
    rig.tail = (rig.tail + 16) % 4096;
}

static void
ring(void)
{
    submit(vtd_desc_wait(VTD_DESC_WAIT_SW, STATUS, ++rig.waits));
    mmio(VTD_IQT, 8, rig.tail);
    ck_assert_uint_eq(mem_read32le(rig.env.mem, GPA(STATUS)), rig.waits);
}

static void
leaf(uint64_t iova, uint64_t entry)
{
    word(TABLES + 0x2000 + 8 * vtd_ss_index(iova, 1), entry);
}

static void
flush_page(uint64_t iova)
{
    submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, iova, 0, true));
    ring();
}

static void
vtd(bool caching_mode)
{
    struct iommu_vtd_config c = {
        .id = "vtd0", .base = 0xfed90000, .caching_mode = caching_mode,
        .pass_through = true, .queued_invalidation = true, .aw_bits = 39,
        .superpages = 3, .mamv = 18, .domains_lg2 = 16,
        .iotlb = { .entries = 64 }, .context_cache = { .entries = 64 },
    };

    plug(vtd_new(&c, &rig.env));
    word(ROOT, CONTEXTS | 1);
    word(CONTEXTS + 16 * SID + 8, vtd_ctx_hi(1, 5));
    word(CONTEXTS + 16 * SID, vtd_ctx_lo(VTD_TT_TRANSLATE, TABLES));
    word(TABLES, (TABLES + 0x1000) | 3);
    word(TABLES + 0x1000, (TABLES + 0x2000) | 3);
    mmio(VTD_IQA, 8, QUEUE);
    mmio(VTD_RTADDR, 8, ROOT);
    mmio(VTD_GCMD, 4, VTD_GCMD_SRTP);
    mmio(VTD_GCMD, 4, VTD_GCMD_QIE);
    mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE);
}

START_TEST(an_unmap_without_its_invalidation_is_the_guests_fault_at_the_end)
{
    begin();
    vtd(true);
    subscribe("vfio", "dev/vfio", true);
    step(20);
    leaf(0x4000, 0x80003);
    flush_page(0x4000);
    step(21);
    leaf(0x4000, 0);
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0); /* open records are lawful */
    check_end(rig.check);
    expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    ck_assert_str_eq(rig.seen[0].subject, "dev");
    ck_assert_uint_eq(rig.seen[0].origin.line, 21);
    finish();
}
END_TEST

START_TEST(V15_a_new_mapping_needs_its_invalidation_with_caching_mode)
{
    begin();
    vtd(true);
    subscribe("vfio", "dev/vfio", true);
    leaf(0x4000, 0x80003);
    check_all(rig.check); /* absent is allowed until then */
    ck_assert_uint_eq(rig.n, 0);
    flush_page(0x4000);
    leaf(0x5000, 0x90003);
    check_end(rig.check);
    expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x5000, 0x5fff);
    finish();
}
END_TEST

START_TEST(V16_without_caching_mode_a_new_mapping_needs_none)
{
    begin();
    vtd(false);
    leaf(0x4000, 0x80003);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    finish();
}
END_TEST

START_TEST(V39_reuse_before_the_flush_is_the_guests_fault_at_once)
{
    begin();
    vtd(false);
    leaf(0x4000, 0x80003);
    leaf(0x4000, 0);
    ck_assert_uint_eq(rig.n, 0);
    leaf(0x4000, 0x90003);
    expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    flush_page(0x4000);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 1);
    finish();
}
END_TEST

START_TEST(V10_an_access_may_use_the_old_entry_until_the_invalidation_completes)
{
    struct exposure_stats x;

    begin();
    vtd(false);
    leaf(0x4000, 0x80003);
    leaf(0x4000, 0);
    access_page(NULL, 0x4000, PERM_R, true, 0x80000);
    ck_assert_uint_eq(rig.n, 0);
    flush_page(0x4000);
    access_page(NULL, 0x4000, PERM_R, true, 0x80000);
    expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x4000, 0x4007);
    check_exposure(rig.check, &x);
    ck_assert_uint_eq(x.count, 1);
    ck_assert_uint_eq(x.bytes, 4096);
    finish();
}
END_TEST

START_TEST(V11_a_flush_of_the_wrong_domain_completes_nothing)
{
    begin();
    vtd(true);
    leaf(0x4000, 0x80003);
    flush_page(0x4000);
    leaf(0x4000, 0);
    submit(vtd_desc_iotlb(VTD_GRAN_FINE, 6, 0x4000, 0, true));
    ring();
    check_end(rig.check);
    expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    finish();
}
END_TEST

START_TEST(V31_a_table_taken_away_is_one_change_of_all_below_it)
{
    begin();
    vtd(true);
    subscribe("vfio", "dev/vfio", true);
    for (uint64_t i = 0; i < 4; i++) {
        leaf(i * 0x1000, 0x80003 + i * 0x1000);
    }
    submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0, 2, true));
    ring();
    word(TABLES + 0x1000, 0);
    submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0, 2, true)); /* IH=1: not enough */
    ring();
    check_end(rig.check);
    expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0, 0x3fff);
    rig.n = 0;
    submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0, 9, false));
    ring();
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    finish();
}
END_TEST

START_TEST(V34_a_cleared_context_needs_more_than_a_domain_flush)
{
    begin();
    vtd(true);
    subscribe("vfio", "dev/vfio", true);
    leaf(0x4000, 0x80003);
    flush_page(0x4000);
    word(CONTEXTS + 16 * SID, 0);
    submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    ring();
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    check_end(rig.check);
    ck_assert_uint_ge(rig.n, 1);
    ck_assert_int_eq(rig.seen[0].class, VIOLATION_GUEST_MISSING_INVALIDATION);
    finish();
}
END_TEST

START_TEST(V33_a_cleared_context_with_its_invalidations_is_silent)
{
    begin();
    vtd(true);
    struct subscriber *s = subscribe("vfio", "dev/vfio", true);
    struct range_piece p;
    leaf(0x4000, 0x80003);
    flush_page(0x4000);
    ck_assert(s->ops->lookup(s, 0x4000, &p));
    word(CONTEXTS + 16 * SID, 0);
    submit(vtd_desc_context(VTD_GRAN_FINE, 5, SID, 0));
    ring();
    submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    ring();
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    ck_assert(!s->ops->next(s, 0, &p));
    finish();
}
END_TEST

START_TEST(N26_a_mirror_without_caching_mode_starves)
{
    begin();
    quirk(QUIRK_VTD_MAP_WITHOUT_CM);
    vtd(false);
    subscribe("vfio", "dev/vfio", true);
    leaf(0x4000, 0x80003);
    expect_one(VIOLATION_MISSING_MAPPING, BLAME_IOMMU, 0x4000, 0x4fff);
    finish();
}
END_TEST

START_TEST(N27_bypass_is_held_against_ram_one_to_one)
{
    begin();
    vtd(true);
    struct subscriber *s = subscribe("vfio", "dev/vfio", true);
    struct range_piece p;
    leaf(0x4000, 0x80003);
    flush_page(0x4000);
    mmio(VTD_GCMD, 4, VTD_GCMD_QIE); /* translation off */
    ck_assert(s->ops->lookup(s, 0x4000, &p));
    ck_assert_uint_eq(p.target + (0x4000 - p.first), 0x4000);
    check_all(rig.check);
    mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE);
    ck_assert(s->ops->lookup(s, 0x4000, &p));
    ck_assert_uint_eq(p.target, 0x80000);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    finish();
}
END_TEST

START_TEST(stores_from_anywhere_into_a_table_are_seen)
{
    uint8_t bytes[3] = { 0x03, 0x00, 0x08 }; /* an entry written byte by byte */

    begin();
    vtd(true);
    mem_write(rig.env.mem, GPA(TABLES + 0x2000 + 8 * 4), bytes, 3);
    check_end(rig.check);
    expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    finish();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("check/check");
    TCase *tc = tcase_create("verdicts");

    tcase_add_test(tc, N13_a_mirror_that_is_told_everything_is_right);
    tcase_add_test(tc, P12_lone_map_leaves_the_old_target_and_the_iommu_is_to_blame);
    tcase_add_test(tc, N15_the_same_change_as_unmap_and_map_is_silent);
    tcase_add_test(tc, a_subscriber_that_drops_unmaps_is_to_blame_itself);
    tcase_add_test(tc, P31_a_core_without_replay_is_to_blame_for_what_a_newcomer_lacks);
    tcase_add_test(tc, a_subscriber_that_asks_for_no_replay_is_to_blame_itself);
    tcase_add_test(tc, N19_replay_makes_the_newcomer_right);
    tcase_add_test(tc, adjacent_pages_make_one_verdict);
    tcase_add_test(tc, S31_what_the_host_cannot_map_is_missing_and_explained);
    tcase_add_test(tc, an_observer_is_judged_by_events_alone);
    tcase_add_test(tc, a_write_only_page_held_as_rw_is_right_unless_told_to_be_strict);
    tcase_add_test(tc, accesses_are_held_against_the_tables);
    tcase_add_test(tc, an_unmap_without_its_invalidation_is_the_guests_fault_at_the_end);
    tcase_add_test(tc, V15_a_new_mapping_needs_its_invalidation_with_caching_mode);
    tcase_add_test(tc, V16_without_caching_mode_a_new_mapping_needs_none);
    tcase_add_test(tc, V39_reuse_before_the_flush_is_the_guests_fault_at_once);
    tcase_add_test(tc, V10_an_access_may_use_the_old_entry_until_the_invalidation_completes);
    tcase_add_test(tc, V11_a_flush_of_the_wrong_domain_completes_nothing);
    tcase_add_test(tc, V31_a_table_taken_away_is_one_change_of_all_below_it);
    tcase_add_test(tc, V34_a_cleared_context_needs_more_than_a_domain_flush);
    tcase_add_test(tc, V33_a_cleared_context_with_its_invalidations_is_silent);
    tcase_add_test(tc, N26_a_mirror_without_caching_mode_starves);
    tcase_add_test(tc, N27_bypass_is_held_against_ram_one_to_one);
    tcase_add_test(tc, stores_from_anywhere_into_a_table_are_seen);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
