/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all IOMMUs share, and the one that translates nothing. */
#include <check.h>
#include <string.h>

#include "iommu/iommu.h"
#include "support_main.h"
#include "support_papr.h"

/* --- a model that is busy as long as it is told to be --- */

struct toy {
    struct iommu iommu;
    bool working;
};

static bool
toy_busy(const struct iommu *m)
{
    return ((const struct toy *)m)->working;
}

static const struct iommu_ops toy_ops = { .busy = toy_busy };

static void
count(void *self)
{
    (*(unsigned *)self)++;
}

START_TEST(who_waits_for_an_idle_queue_is_called_at_once)
{
    struct toy toy = { .iommu = { .ops = &toy_ops } };
    unsigned calls = 0;

    iommu_when_idle(&toy.iommu, count, &calls);
    ck_assert_uint_eq(calls, 1);
    iommu_idle(&toy.iommu);
    ck_assert_uint_eq(calls, 1);
}
END_TEST

START_TEST(who_waits_for_a_busy_queue_is_called_once_when_it_runs_dry)
{
    struct toy toy = { .iommu = { .ops = &toy_ops }, .working = true };
    unsigned calls = 0;

    iommu_when_idle(&toy.iommu, count, &calls);
    ck_assert_uint_eq(calls, 0);
    toy.working = false;
    iommu_idle(&toy.iommu);
    iommu_idle(&toy.iommu);
    ck_assert_uint_eq(calls, 1);
}
END_TEST

/* --- hypercalls among several IOMMUs --- */

START_TEST(a_hypercall_goes_to_the_owner_of_its_window)
{
    struct iommu_papr_config second = papr_config();
    struct hcall h = {
        .op = HCALL_PUT_TCE, .liobn = 0x80000100, .ioba = 0x1000, .tce = 0x200003
    };

    second.id = "phb1";
    second.liobn = 0x80000100;
    phb_default(spec_quirks);
    struct iommu *all[] = { iommu_none_new("none", &phb.env), phb.iommu,
                            papr_new(&second, &phb.env) };

    iommu_hcall(all, 3, &h);
    ck_assert_int_eq(h.ret, PAPR_H_SUCCESS);
    ck_assert_ptr_eq(h.served_by, all[2]);
    ck_assert_uint_eq(phb.returned, 0);
    iommu_hcall_return(&h);
    ck_assert_uint_eq(phb.returned, 1);
    ck_assert_uint_eq(entry(0x1000), 0);

    h.liobn = 0x80000200;
    iommu_hcall(all, 3, &h);
    ck_assert_int_eq(h.ret, PAPR_H_PARAMETER);
    ck_assert_ptr_null(h.served_by);
    iommu_hcall_return(&h);
    ck_assert_uint_eq(phb.returned, 1);
    iommu_free(all[2]);
    iommu_free(all[0]);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    iommu_free(NULL);
}
END_TEST

/* --- none --- */

START_TEST(without_an_iommu_every_address_is_its_own_translation)
{
    const struct iommu_request q = iommu_request(8, 0x12345, PERM_W);
    struct xlate x;

    phb_default(spec_quirks);
    struct iommu *none = iommu_none_new("none", &phb.env);

    ck_assert_int_eq(none->ops->translate(none, &q, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x12345);
    ck_assert_uint_eq(x.first, 0);
    ck_assert_uint_eq(x.last, UINT64_MAX);
    ck_assert_int_eq(x.perm, PERM_RW);
    ck_assert_uint_eq(none->ops->faults(none), 0);
    iommu_free(none);
}
END_TEST

START_TEST(without_an_iommu_subscribers_see_ram)
{
    phb_default(spec_quirks);
    struct iommu *none = iommu_none_new("none", &phb.env);
    struct space *s = none->ops->attach(none, 8, "nic0", NULL);

    ck_assert_ptr_eq(none->ops->attach(none, 16, "nic1", NULL), s);
    ck_assert(space_is_bypass(s));
    ck_assert_uint_eq(s->n, 1);
    ck_assert_uint_eq(s->sections[0].last, RAM_SIZE - 1);
    iommu_free(none);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("iommu/iommu");
    TCase *c = tcase_create("iommu");

    tcase_add_checked_fixture(c, NULL, phb_fini);
    tcase_add_test(c, who_waits_for_an_idle_queue_is_called_at_once);
    tcase_add_test(c, who_waits_for_a_busy_queue_is_called_once_when_it_runs_dry);
    tcase_add_test(c, a_hypercall_goes_to_the_owner_of_its_window);
    tcase_add_test(c, freeing_nothing_is_fine);
    tcase_add_test(c, without_an_iommu_every_address_is_its_own_translation);
    tcase_add_test(c, without_an_iommu_subscribers_see_ram);
    suite_add_tcase(s, c);
    return s;
}
