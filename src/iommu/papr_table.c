/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCE tables: storage, notification, and the notifier region's view of them. See
 * papr_table.h.
 *
 * To find live entries in a window of billions, the table remembers which pages of
 * its memory were ever written. Pages that became empty are forgotten when a search
 * comes across them, so that no page is searched in vain twice.
 */
#include "iommu/papr_table.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

#include "iommu/papr_fmt.h"

enum {
    ENTRY_BYTES = 8,
    ENTRIES_A_PAGE = PAGE_BYTES / ENTRY_BYTES,
};

/* --- storage --- */

/* The page of the table's memory that holds an entry. */
static uint64_t
page_of(uint64_t index)
{
    return align_down(index * ENTRY_BYTES, PAGE_LG2);
}

/* The entries of a page of the table's memory, in place; NULL: all are 0. */
static const uint64_t *
page_words(const struct papr_table *t, uint64_t page)
{
    return mem_page_words(t->tces, GPA(page));
}

uint64_t
papr_table_get(const struct papr_table *t, uint64_t index)
{
    const uint64_t *words = page_words(t, page_of(index));

    return words == NULL ? 0 : le64toh(words[index % ENTRIES_A_PAGE]);
}

static void
remember_page(struct papr_table *t, uint64_t page)
{
    if (page == t->touched_last) {
        return;
    }
    if (!rangemap_any(&t->touched, page, page | PAGE_MASK)) {
        rangemap_insert(&t->touched, page, page | PAGE_MASK, 0, PERM_NONE);
    }
    t->touched_last = page;
}

static void
forget_page(struct papr_table *t, uint64_t page)
{
    rangemap_remove(&t->touched, page, page | PAGE_MASK);
    if (page == t->touched_last) {
        t->touched_last = UINT64_MAX;
    }
}

static void
store(struct papr_table *t, uint64_t index, uint64_t tce)
{
    if (tce != 0) {
        remember_page(t, page_of(index));
    }
    mem_write64le(t->tces, GPA(index * ENTRY_BYTES), tce);
}

/* --- announcements --- */

/* What an entry lets devices do, as it is announced. */
static enum perm
announced_perm(const struct papr_table *t, uint64_t tce)
{
    if (!papr_tce_present(tce) && tce != 0 &&
        env_quirk(t->env, QUIRK_PAPR_PERM_INCLUDES_RPN)) {
        return PERM_R;
    }
    return papr_tce_perm(tce);
}

/* `tce` is the entry's new value. */
static struct notify_event
event_of(const struct papr_table *t, uint64_t index, uint64_t tce, unsigned type,
         enum notify_cause cause)
{
    const bool absolute = env_quirk(t->env, QUIRK_PAPR_EVENT_ABSOLUTE);

    return (struct notify_event){
        .type = type,
        .cause = cause,
        .perm = type == NOTIFY_MAP ? announced_perm(t, tce) : PERM_NONE,
        .iova = (index << t->page_lg2) + (absolute ? t->base : 0),
        .mask = (UINT64_C(1) << t->page_lg2) - 1,
        .target = GPA(papr_tce_target(tce, t->page_lg2)),
    };
}

static void
announce(struct papr_table *t, uint64_t index, uint64_t tce, unsigned type,
         enum notify_cause cause)
{
    const struct notify_event ev = event_of(t, index, tce, type, cause);

    notify_all(&t->region, 0, &ev);
}

static enum notify_cause
cause_of(bool was, bool is, bool same)
{
    if (!is) {
        return CAUSE_UNMAP;
    }
    return was && !same ? CAUSE_CHANGE : CAUSE_MAP;
}

/* An entry has changed from `old` to `tce`; both may be alike. */
static void
announce_write(struct papr_table *t, uint64_t index, uint64_t old, uint64_t tce)
{
    bool was = papr_tce_present(old), is = announced_perm(t, tce) != PERM_NONE;
    bool same = papr_tce_same(old, tce, t->page_lg2);
    enum notify_cause cause = cause_of(was, is, same);

    if (t->manners.lone_map) {
        announce(t, index, tce, is ? NOTIFY_MAP : NOTIFY_UNMAP, cause);
        return;
    }
    if (same) {
        return;
    }
    if (was) {
        announce(t, index, tce, NOTIFY_UNMAP, cause);
    }
    if (is) {
        announce(t, index, tce, NOTIFY_MAP, cause);
    }
}

/* An entry that is `old`, and nobody is told. */
static void
replace(struct papr_table *t, uint64_t index, uint64_t old, uint64_t tce)
{
    assert(index < t->entries);
    if (old != tce) {
        t->live += papr_tce_present(tce);
        t->live -= papr_tce_present(old);
        store(t, index, tce);
    }
}

/* Store an entry and tell nobody. */
static void
set(struct papr_table *t, uint64_t index, uint64_t tce)
{
    replace(t, index, papr_table_get(t, index), tce);
}

void
papr_table_set_in_kernel(struct papr_table *t, uint64_t index, uint64_t tce)
{
    uint64_t old = papr_table_get(t, index);

    replace(t, index, old, tce);
    if (!papr_tce_same(old, tce, t->page_lg2)) {
        const struct notify_event ev = event_of(
            t, index, tce, papr_tce_present(tce) ? NOTIFY_MAP : NOTIFY_UNMAP, CAUSE_MAP);
        notify_kernel_store(&t->region, &ev);
    }
}

void
papr_table_put(struct papr_table *t, uint64_t index, uint64_t tce)
{
    uint64_t old = papr_table_get(t, index);

    replace(t, index, old, tce);
    announce_write(t, index, old, tce);
}

/* Whether the entries map memory that goes on from each to the next, over empty ones. */
static bool
is_new_run(const struct papr_table *t, uint64_t index, const uint64_t *tces, uint64_t n)
{
    const uint64_t page = UINT64_C(1) << t->page_lg2;

    for (uint64_t k = 0; k < n; k++) {
        if (papr_tce_present(papr_table_get(t, index + k)) ||
            !papr_tce_present(tces[k]) ||
            (k > 0 && !papr_tce_same(tces[k], tces[k - 1] + page, t->page_lg2))) {
            return false;
        }
    }
    return n > 0;
}

void
papr_table_put_list(struct papr_table *t, uint64_t index, const uint64_t *tces,
                    uint64_t n)
{
    if (!env_quirk(t->env, QUIRK_IOMMU_MAP_UNSPLIT) || !is_new_run(t, index, tces, n)) {
        for (uint64_t k = 0; k < n; k++) {
            papr_table_put(t, index + k, tces[k]);
        }
        return;
    }
    struct notify_event ev = event_of(t, index, tces[0], NOTIFY_MAP, CAUSE_MAP);

    for (uint64_t k = 0; k < n; k++) {
        set(t, index + k, tces[k]);
    }
    ev.mask = (n << t->page_lg2) - 1;
    notify_all(&t->region, 0, &ev);
}

/* Somebody had this table do too much. */
static void
overspend(const struct papr_table *t, const char *subject, const char *what,
          uint64_t steps)
{
    if (steps > PAPR_WORK_BUDGET) {
        observe(t->env, overspent, subject, BLAME_IOMMU, what, steps);
    }
}

void
papr_table_fill(struct papr_table *t, uint64_t index, uint64_t count, uint64_t tce,
                bool tell)
{
    bool told_of_holes = tell && t->manners.lone_map && t->region.head != NULL;
    bool skip_clear = tce == 0 && (!told_of_holes || count > PAPR_WORK_BUDGET);

    if (told_of_holes) {
        overspend(t, t->name, "fill", count);
    }
    for (uint64_t i = index, end = index + count; i < end && !t->env->aborted;) {
        if (skip_clear && page_words(t, page_of(i)) == NULL) {
            i = (i | (ENTRIES_A_PAGE - 1)) + 1;
        } else if (tell) {
            papr_table_put(t, i++, tce);
        } else {
            papr_table_set_in_kernel(t, i++, tce);
        }
    }
}

/* --- live entries --- */

/* The first live entry at or after *index; the cost follows the live entries. */
static bool
next_live(struct papr_table *t, uint64_t *index)
{
    uint64_t from = page_of(*index);
    unsigned i = *index % ENTRIES_A_PAGE;
    struct range_piece p;

    while (t->live != 0 && rangemap_next(&t->touched, from, &p)) {
        const uint64_t *words = page_words(t, p.first);
        bool whole = p.first != from || i == 0;
        uint64_t any = 0;

        for (i = whole ? 0 : i; words != NULL && i < ENTRIES_A_PAGE; i++) {
            any |= words[i];
            if (papr_tce_present(le64toh(words[i]))) {
                *index = p.first / ENTRY_BYTES + i;
                return true;
            }
        }
        if (whole && any == 0) {
            forget_page(t, p.first);
        }
        from = p.last + 1;
        i = 0;
    }
    return false;
}

void
papr_table_revoke(struct papr_table *t, uint64_t first, uint64_t last,
                  enum notify_cause cause)
{
    const uint64_t base = t->region_base, end = papr_table_last(t);

    if (!ranges_overlap(first, last, base, end)) {
        return;
    }
    uint64_t stop = ((last < end ? last : end) - base) >> t->page_lg2;

    for (uint64_t i = first > base ? (first - base) >> t->page_lg2 : 0;
         next_live(t, &i) && i <= stop; i++) {
        announce(t, i, 0, NOTIFY_UNMAP, cause);
    }
}

void
papr_table_clear(struct papr_table *t)
{
    struct range_piece p;

    for (uint64_t from = 0; rangemap_next(&t->touched, from, &p); from = p.last + 1) {
        mem_fill(t->tces, GPA(p.first), 0, p.last - p.first + 1);
    }
    rangemap_clear(&t->touched);
    t->touched_last = UINT64_MAX;
    t->live = 0;
}

/* --- migration --- */

static struct mem *
new_entries(struct env *env)
{
    struct mem *tces = mem_new(env->budget);

    mem_add_range(tces, 0, PAPR_ENTRIES_MAX * ENTRY_BYTES - 1, MEM_RAM);
    return tces;
}

struct mem *
papr_table_take_entries(struct papr_table *t)
{
    struct mem *taken = t->tces;

    t->tces = new_entries(t->env);
    rangemap_clear(&t->touched);
    t->touched_last = UINT64_MAX;
    t->live = 0;
    return taken;
}

void
papr_table_load(struct papr_table *t, const struct mem *tces)
{
    gpa_t page;

    for (uint64_t at = 0; mem_next_touched(tces, GPA(at), &page);
         at = page.v + PAGE_BYTES) {
        const uint64_t *words = mem_page_words(tces, page);

        for (unsigned i = 0; i < ENTRIES_A_PAGE; i++) {
            if (words[i] != 0) {
                set(t, page.v / ENTRY_BYTES + i, le64toh(words[i]));
            }
        }
    }
}

/* --- the region --- */

static int
flags_changed(struct notify_region *r, unsigned old_flags, unsigned new_flags,
              struct err *e)
{
    struct papr_table *t = r->self;

    (void)old_flags;
    if (new_flags & NOTIFY_DEVIOTLB_UNMAP) {
        err_set(e, "a TCE table sends no device-TLB events");
        return -EINVAL;
    }
    if (new_flags != 0 && t->manners.acceleration == PAPR_UNTIL_HEARD) {
        t->in_kernel = false; /* moved, with all entries, until it is switched on anew */
    }
    return 0;
}

static void
region_translate(struct notify_region *r, uint64_t iova, unsigned index,
                 struct notify_entry *out)
{
    const struct papr_table *t = r->self;
    uint64_t i = iova >> t->page_lg2;

    (void)index;
    if (i >= t->entries) {
        *out = (struct notify_entry){ .mask = UINT64_MAX };
        return;
    }
    uint64_t tce = papr_table_get(t, i);

    *out = (struct notify_entry){
        .iova = align_down(iova, t->page_lg2),
        .mask = (UINT64_C(1) << t->page_lg2) - 1,
        .target = GPA(papr_tce_target(tce, t->page_lg2)),
        .perm = papr_tce_perm(tce),
    };
    if (env_quirk(t->env, QUIRK_IOMMU_ECHOES_FLAG)) {
        out->perm = PERM_NONE; /* the access that was asked about: none */
    }
}

static uint64_t
region_min_page(struct notify_region *r)
{
    const struct papr_table *t = r->self;

    return UINT64_C(1) << t->page_lg2;
}

static bool
region_next_mapped(struct notify_region *r, uint64_t from, uint64_t *next)
{
    struct papr_table *t = r->self;
    uint64_t index = from >> t->page_lg2;

    if (!next_live(t, &index)) {
        return false;
    }
    uint64_t iova = index << t->page_lg2;

    *next = iova > from ? iova : from;
    return true;
}

/* The events are those of the live entries; the steps in between are only counted. */
static void
region_replay_all(struct notify_region *r, struct notifier *n)
{
    struct papr_table *t = r->self;

    if (t->is_new && !env_quirk(t->env, QUIRK_PAPR_REPLAY_NEW_WINDOW)) {
        return;
    }
    overspend(t, n->subject, "replay", t->entries);
    for (uint64_t i = 0; next_live(t, &i); i++) {
        struct notify_entry e;

        region_translate(r, i << t->page_lg2, n->index, &e);
        const struct notify_event ev = {
            .type = NOTIFY_MAP,
            .cause = CAUSE_REPLAY,
            .perm = e.perm,
            .iova = e.iova,
            .mask = e.mask,
            .target = e.target,
        };
        if (e.iova > r->last || !notify_unasked(n, &ev)) {
            return;
        }
    }
}

static const struct notify_region_ops region_ops = {
    .flags_changed = flags_changed,
    .translate = region_translate,
    .min_page = region_min_page,
    .next_mapped = region_next_mapped,
};

static const struct notify_region_ops region_ops_replay_all = {
    .flags_changed = flags_changed,
    .translate = region_translate,
    .min_page = region_min_page,
    .replay = region_replay_all,
};

/* --- life --- */

void
papr_table_init(struct papr_table *t, uint64_t liobn, const char *name, struct env *env,
                const struct papr_manners *manners)
{
    *t = (struct papr_table){
        .liobn = liobn,
        .manners = *manners,
        .env = env,
        .name = name,
        .tces = new_entries(env),
        .touched_last = UINT64_MAX,
    };
    rangemap_init(&t->touched, RANGEMAP_CONSTANT, env->budget);
}

void
papr_table_fini(struct papr_table *t)
{
    if (t->entries != 0) {
        notify_region_fini(&t->region);
    }
    rangemap_fini(&t->touched);
    mem_free(t->tces);
}

void
papr_table_enable(struct papr_table *t, uint64_t base, unsigned page_lg2,
                  uint64_t entries)
{
    assert(t->entries == 0 && t->live == 0 && is_aligned(base, page_lg2));
    assert(entries > 0 && entries < PAPR_ENTRIES_MAX);
    t->base = base;
    t->page_lg2 = page_lg2;
    t->entries = entries;
    t->region_base = base;
    t->in_kernel = t->manners.acceleration != PAPR_IN_MONITOR;
    notify_region_init(&t->region,
                       t->manners.replay_all ? &region_ops_replay_all : &region_ops, t,
                       t->name, t->env, (entries << page_lg2) - 1, 1);
}

void
papr_table_reinterpret(struct papr_table *t, uint64_t base, unsigned page_lg2)
{
    assert(t->entries != 0 && t->live == 0);
    t->base = base;
    t->page_lg2 = page_lg2;
}

void
papr_table_disable(struct papr_table *t)
{
    assert(t->live == 0);
    notify_region_fini(&t->region);
    t->base = t->region_base = 0;
    t->page_lg2 = 0;
    t->entries = 0;
    t->in_kernel = false;
    t->is_default = false;
}
