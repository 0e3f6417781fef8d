/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long what was taken away could be reached, and how long what was wrong was. */
#include <check.h>
#include <string.h>

#include "check/exposure.h"
#include "support_check.h"
#include "support_main.h"

static void
nothing(void *self, uint64_t arg)
{
    (void)self;
    (void)arg;
}

static void
pass(sim_time ns)
{
    sim_at(rig.env.sim, sim_now(rig.env.sim) + ns, nothing, NULL, 0);
    ck_assert(sim_step(rig.env.sim));
}

/* The account of `subject`: of lawful spans, or of a class. */
static struct exposure_stats
account(const char *subject, enum violation_class class)
{
    struct exposure_stats x;

    for (size_t i = 0; check_exposure_of(rig.check, i, &x); i++) {
        if (strcmp(x.subject, subject) == 0 && x.class == class) {
            return x;
        }
    }
    memset(&x, 0, sizeof(x));
    return x;
}

static void
expect(const char *subject, enum violation_class class, uint64_t count, uint64_t max,
       uint64_t bytes)
{
    const struct exposure_stats x = account(subject, class);

    ck_assert_uint_eq(x.count, count);
    ck_assert_uint_eq(x.max_ns, max);
    ck_assert_uint_eq(x.bytes, bytes);
}

/* The unit carries out what was submitted; nobody waits for it yet. */
static void
run_queue(void)
{
    rig_mmio(VTD_IQT, 8, rig.tail);
}

static void
flush(uint64_t iova, unsigned am)
{
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, iova, am, true));
    run_queue();
}

START_TEST(a_mirror_is_charged_until_it_lets_go_and_a_device_until_the_record_closes)
{
    rig_begin();
    rig_vtd(true);
    struct truth_device *other = check_add_device(rig.check, rig.iommu, "other", SID);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x5000, 0x81003);
    flush(0x4000, 1);
    rig_ring();
    expect("dev/vfio", EXPOSURE_LAWFUL, 0, 0, 0); /* nothing was taken away */

    pass(1000);
    rig_step(7);
    rig_leaf(0x4000, 0);
    rig_leaf(0x5000, 0);
    pass(300);
    flush(0x4000, 1);
    expect("dev/vfio", EXPOSURE_LAWFUL, 1, 300, 0x2000);
    pass(700);
    rig_ring();
    expect("dev/vfio", EXPOSURE_LAWFUL, 1, 300, 0x2000); /* not once more */
    expect("other", EXPOSURE_LAWFUL, 1, 1000, 0x2000);
    const struct exposure_stats x = account("other", EXPOSURE_LAWFUL);
    ck_assert_uint_eq(x.worst_first, 0x4000);
    ck_assert_uint_eq(x.worst_last, 0x5fff);
    ck_assert_uint_eq(x.worst_origin.time, 1000);
    ck_assert_uint_eq(x.worst_origin.line, 7);
    ck_assert_uint_eq(x.byte_ns, 0x2000 * 1000);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    check_remove_device(other);
    rig_end();
}
END_TEST

START_TEST(without_latencies_all_is_over_at_once)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    pass(50);
    rig_leaf(0x4000, 0);
    rig_flush_page(0x4000);
    expect("dev/vfio", EXPOSURE_LAWFUL, 1, 0, 0x1000);
    expect("dev", EXPOSURE_LAWFUL, 0, 0, 0); /* the mirror stands between */
    rig_end();
}
END_TEST

START_TEST(rights_that_grow_take_nothing_away)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80001);
    rig_flush_page(0x4000);
    rig_leaf(0x4000, 0x80003);
    pass(100);
    rig_flush_page(0x4000);
    expect("dev/vfio", EXPOSURE_LAWFUL, 0, 0, 0);
    rig_leaf(0x4000, 0x80001); /* but rights that shrink do, and moves */
    pass(100);
    rig_flush_page(0x4000);
    expect("dev/vfio", EXPOSURE_LAWFUL, 1, 100, 0x1000);
    rig_leaf(0x4000, 0x90001);
    pass(200);
    rig_flush_page(0x4000);
    expect("dev/vfio", EXPOSURE_LAWFUL, 2, 200, 0x2000);
    rig_end();
}
END_TEST

START_TEST(a_page_that_is_lost_again_before_its_record_closes_counts_again)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_leaf(0x4000, 0);
    pass(10);
    flush(0x4000, 0); /* let go after 10, complete much later */
    rig_leaf(0x4000, 0x90003);
    flush(0x4000, 0); /* told of the new page */
    pass(5);
    rig_leaf(0x4000, 0);
    pass(30);
    flush(0x4000, 0); /* let go after 30 */
    expect("dev/vfio", EXPOSURE_LAWFUL, 2, 30, 0x2000);
    pass(100);
    rig_ring();
    expect("dev/vfio", EXPOSURE_LAWFUL, 2, 30, 0x2000);
    ck_assert_uint_eq(account("dev/vfio", EXPOSURE_LAWFUL).total_ns, 40);
    rig_end();
}
END_TEST

START_TEST(part_of_what_was_taken_away_is_let_go_of_first)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    for (uint64_t at = 0x4000; at < 0x8000; at += 0x1000) {
        rig_leaf(at, 0x80003 + at);
    }
    flush(0x4000, 2);
    rig_ring();
    for (uint64_t at = 0x4000; at < 0x8000; at += 0x1000) {
        rig_leaf(at, 0);
    }
    pass(10);
    flush(0x4000, 0);
    pass(10);
    flush(0x5000, 0);
    pass(10);
    flush(0x6000, 1);
    rig_ring();
    expect("dev/vfio", EXPOSURE_LAWFUL, 3, 30, 0x4000);
    const struct exposure_stats x = account("dev/vfio", EXPOSURE_LAWFUL);
    ck_assert_uint_eq(x.byte_ns, 0x1000 * (10 + 20) + 0x2000 * 30);
    ck_assert_uint_eq(x.worst_first, 0x6000);
    ck_assert_uint_eq(x.worst_last, 0x7fff);
    rig_end();
}
END_TEST

START_TEST(what_a_mirror_keeps_is_wrong_since_the_change_until_it_lets_go)
{
    rig_begin();
    rig_quirk(QUIRK_SUB_DROP_UNMAP);
    rig_vtd(true);
    struct subscriber *s = rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    pass(100);
    rig_leaf(0x4000, 0);
    pass(10);
    rig_flush_page(0x4000);
    rig_expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x4000, 0x4fff);
    expect("dev/vfio", EXPOSURE_LAWFUL, 1, 10, 0x1000);
    expect("dev/vfio", VIOLATION_STALE_MAPPING, 0, 0, 0); /* it lasts */
    pass(500);
    rig_access(s, 0x4000, PERM_R, true, 0x80000);
    rig_access(s, 0x4008, PERM_R, true, 0x80008);
    ck_assert_uint_eq(rig.n, 2);
    expect("dev/vfio", VIOLATION_DMA_BREACH, 2, 0, 16); /* reported once, counted twice */
    quirk_set(&rig.env.quirks, QUIRK_SUB_DROP_UNMAP, false);
    const struct notify_event ev = { .type = NOTIFY_UNMAP,
                                     .iova = 0x4000,
                                     .mask = PAGE_MASK };
    notify_all(s->bindings->notifier.region, 0, &ev);
    expect("dev/vfio", VIOLATION_STALE_MAPPING, 1, 510, 0x1000);
    pass(1000);
    check_end(rig.check);
    expect("dev/vfio", VIOLATION_STALE_MAPPING, 1, 510, 0x1000);
    rig_end();
}
END_TEST

START_TEST(what_stays_wrong_is_wrong_until_the_end)
{
    rig_begin();
    rig_quirk(QUIRK_SUB_DROP_UNMAP);
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_leaf(0x4000, 0);
    rig_flush_page(0x4000);
    pass(250);
    check_end(rig.check);
    expect("dev/vfio", VIOLATION_STALE_MAPPING, 1, 250, 0x1000);
    rig_end();
}
END_TEST

START_TEST(a_missing_invalidation_lasts_from_the_change_until_it_comes_or_the_end)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x5000, 0x81003);
    flush(0x4000, 1);
    rig_ring();
    rig_leaf(0x4000, 0);
    pass(40);
    rig_leaf(0x4000, 0x90003); /* reused: reported */
    check_say(rig.check);
    ck_assert_uint_eq(rig.n, 1);
    pass(60);
    rig_flush_page(0x4000);
    expect("dev", VIOLATION_GUEST_MISSING_INVALIDATION, 1, 100, 0x1000);
    rig_leaf(0x5000, 0);
    pass(300);
    check_end(rig.check);
    expect("dev", VIOLATION_GUEST_MISSING_INVALIDATION, 2, 300, 0x2000);
    expect("dev/vfio", EXPOSURE_LAWFUL, 1, 100, 0x1000); /* what closed, in the end */
    rig_end();
}
END_TEST

START_TEST(who_comes_after_a_change_or_leaves_before_its_end)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/early", true);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_leaf(0x4000, 0);
    pass(20);
    rig_subscribe("vfio", "dev/mirror", true);
    rig_subscribe("vhost", "dev/cache", false);
    pass(30);
    struct subscriber *early = rig.subs[0];
    subscriber_detach(early);
    check_remove_subscriber(rig.check, early);
    subscriber_free(early);
    rig.subs[0] = NULL;
    pass(50);
    rig_ring();
    rig_flush_page(0x4000);
    expect("dev/early", EXPOSURE_LAWFUL, 1, 50, 0x1000);
    expect("dev/mirror", EXPOSURE_LAWFUL, 0, 0, 0); /* it never held it */
    expect("dev/cache", EXPOSURE_LAWFUL, 1, 80, 0x1000);
    rig_end();
}
END_TEST

START_TEST(a_device_tlb_is_charged_until_it_is_told_not_when_others_are)
{
    rig_begin();
    rig_scalable(false);
    struct subscriber *atc = rig_atc(IOMMU_NO_PASID, "dev/ats");
    rig_word(TABLES + 0x3000 + 8 * 4, 0x80003);
    ck_assert(rig_atc_access(atc, 0x4000, PERM_R));
    rig_word(TABLES + 0x3000 + 8 * 4, 0);
    pass(100);
    rig_flush_page(0x4000);
    expect("dev/ats", EXPOSURE_LAWFUL, 0, 0, 0);
    pass(400);
    rig_submit(vtd_desc_dev_iotlb(SID, 0, 0x4000, 12));
    rig_ring();
    expect("dev/ats", EXPOSURE_LAWFUL, 1, 500, 0x1000);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(translation_switched_off_ends_what_is_open)
{
    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x4000, 0);
    pass(70);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE);
    expect("dev", EXPOSURE_LAWFUL, 1, 70, 0x1000);
    pass(70);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(what_a_device_leaves_behind_counts_from_its_own_change)
{
    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x4000, 0);
    pass(70);
    rig_word(CONTEXTS + 16 * SID, 0); /* before that was invalidated */
    pass(30);
    rig_submit(vtd_desc_context(VTD_GRAN_FINE, 5, SID, 0));
    rig_submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    rig_ring();
    expect("dev", EXPOSURE_LAWFUL, 1, 100, 0x1000);
    rig_end();
}
END_TEST

START_TEST(a_gibibyte_is_one_span)
{
    rig_begin();
    rig_vtd(false);
    rig_word(TABLES, 0x3 | VTD_SS_PS); /* a leaf of 1 GiB over the tables */
    rig_submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    rig_ring();
    rig_word(TABLES, 0);
    pass(10);
    rig_submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    rig_ring();
    expect("dev", EXPOSURE_LAWFUL, 1, 10, UINT64_C(1) << 30);
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/spans");
    TCase *tc = tcase_create("spans");

    tcase_add_test(
        tc, a_mirror_is_charged_until_it_lets_go_and_a_device_until_the_record_closes);
    tcase_add_test(tc, without_latencies_all_is_over_at_once);
    tcase_add_test(tc, rights_that_grow_take_nothing_away);
    tcase_add_test(tc, a_page_that_is_lost_again_before_its_record_closes_counts_again);
    tcase_add_test(tc, part_of_what_was_taken_away_is_let_go_of_first);
    tcase_add_test(tc, what_a_mirror_keeps_is_wrong_since_the_change_until_it_lets_go);
    tcase_add_test(tc, what_stays_wrong_is_wrong_until_the_end);
    tcase_add_test(
        tc, a_missing_invalidation_lasts_from_the_change_until_it_comes_or_the_end);
    tcase_add_test(tc, who_comes_after_a_change_or_leaves_before_its_end);
    tcase_add_test(tc, a_device_tlb_is_charged_until_it_is_told_not_when_others_are);
    tcase_add_test(tc, translation_switched_off_ends_what_is_open);
    tcase_add_test(tc, what_a_device_leaves_behind_counts_from_its_own_change);
    tcase_add_test(tc, a_gibibyte_is_one_span);
    suite_add_tcase(s, tc);
    return s;
}
