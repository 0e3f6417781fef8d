/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Actions that store one entry of VT-d's tables: pte, root, context, pasid_dir, pasid. */
#include <string.h>

#include "scenario/action.h"
#include "scenario/entry_layout.h"

/* ---- paging entries ----------------------------------------------------- */

enum { PTE_DOMAIN, PTE_IOVA, PTE_LEVEL, PTE_VALUE };

TABLE(pte, "pte",
      {
          [PTE_DOMAIN] = { "domain", field_domain, U(pte.domain), FIELD_REQUIRED, NULL },
          [PTE_IOVA] = { "iova", field_size, U(pte.iova), FIELD_REQUIRED, NULL },
          [PTE_LEVEL] = { "level", field_u8, U(pte.level), 0, NULL },
          [PTE_VALUE] = { "value", field_u64, U(pte.value), FIELD_REQUIRED, NULL },
      });

/* Whether the tables of d have an entry for iova: any that is canonical, in a first
 * stage. */
static bool
has_entry(const struct scenario_domain *d, uint64_t iova)
{
    bool first = d->type == DOMAIN_FIRST_STAGE || d->type == DOMAIN_NESTED;
    uint64_t high = iova >> (d->aw_bits - (first ? 1 : 0));

    return high == 0 || (first && high == UINT64_MAX >> (d->aw_bits - 1));
}

void
finish_pte(struct loader *l, const struct action *a, struct step *s,
           const struct args *args)
{
    struct step_pte *p = &s->u.pte;
    const struct scenario_domain *d = &l->sc->guest.domains[p->domain];

    (void)a;
    p->level = args_has(args, PTE_LEVEL) ? p->level : 1;
    if (d->type == DOMAIN_PASSTHROUGH) {
        load_error(l, arg_at(args, PTE_DOMAIN),
                   "'%s' is a passthrough domain: it has no tables", d->id);
        return;
    }
    if (d->aw_bits == 0) {
        return; /* reported where it was declared */
    }
    unsigned levels = (d->aw_bits - 12) / 9;

    if (p->level == 0 || p->level > levels) {
        load_error(l, arg_at(args, PTE_LEVEL),
                   "the tables of this domain have levels 1 to %u", levels);
    }
    if (!has_entry(d, p->iova)) {
        load_error(l, arg_at(args, PTE_IOVA),
                   "'iova' passes the %u bits that are translated", d->aw_bits);
    }
}

/* ---- values of fields --------------------------------------------------- */

static struct step_entry *
entry_of(struct step *s)
{
    union { /* the loader made it, readers get it as const */
        const struct step_entry *read;
        struct step_entry *made;
    } e = { .read = s->u.entry };

    return e.made;
}

/* Words for the numbers from 1 on. */
static const char *const widths[] = { [1] = "39", "48", "57" };
static const char *const stages[] = {
    [1] = "first-stage", "second-stage", "nested", "passthrough"
};

/* A word that means a number; false: it is none. */
static bool
named_value(const struct entry_field *f, struct val v, uint64_t *x)
{
    const char *const *words = f->value == ENTRY_AW ? widths : stages;
    size_t n = f->value == ENTRY_AW     ? LEN(widths)
               : f->value == ENTRY_PGTT ? LEN(stages)
                                        : 0;

    for (*x = 1; *x < n; ++*x) {
        if (val_is(v, words[*x])) {
            return true;
        }
    }
    return false;
}

static bool
read_field(struct loader *l, const struct entry_field *f, struct val v, uint64_t *x)
{
    const struct field as = { .name = f->name };
    uint64_t before = l->errors;
    bool bit = false;

    if (f->value == ENTRY_BIT) {
        field_bit(l, &as, v, &bit);
        *x = bit;
        return l->errors == before;
    }
    if (named_value(f, v, x)) {
        return true;
    }
    *x = 0;
    if (f->value == ENTRY_TABLE) {
        field_size(l, &as, v, x);
        if ((*x & PAGE_MASK) != 0) {
            load_error(l, v, "'%s' must be a multiple of 4KiB", f->name);
        }
        *x >>= PAGE_LG2;
    } else if (f->value == ENTRY_PGTT && v.len > 0 && (v.s[0] < '0' || v.s[0] > '9')) {
        load_bad_choice(l, v, f->name, stages, LEN(stages));
    } else {
        field_u64(l, &as, v, x);
        if (*x >> f->bits != 0) {
            load_error(l, v, "'%s' has %u bits", f->name, (unsigned)f->bits);
        }
    }
    return l->errors == before;
}

static void
set_field(struct loader *l, struct step_entry *e, const struct entry_field *f,
          struct val v)
{
    uint64_t x;

    if (read_field(l, f, v, &x)) {
        e->value[f->word] = (e->value[f->word] & ~entry_mask(f)) | x << f->shift;
        e->given[f->word] |= entry_mask(f);
    }
}

static void
field_entry(struct loader *l, const struct field *f, struct val v, void *out)
{
    set_field(l, entry_of(out), f->arg, v);
}

static void
unknown_field(struct loader *l, const struct entry_layout *layout, struct val key)
{
    const char *names[FIELDS_MAX];

    for (size_t i = 0; i < layout->n; i++) {
        names[i] = layout->fields[i].name;
    }
    load_unknown(l, key, "field", names, layout->n);
}

/* Several at once, as a trace writes them: NAME=VALUE:NAME=VALUE. */
static void
set_fields(struct loader *l, struct step_entry *e, struct val rest)
{
    const struct entry_layout *layout = entry_layout((enum entry_layout_id)e->layout);

    if (!want_scalar(l, "fields", rest)) {
        return;
    }
    while (rest.len > 0) {
        struct val v = next_part(&rest, ':');
        struct val key = next_part(&v, '=');
        size_t i = 0;

        while (i < layout->n && !val_is(key, layout->fields[i].name)) {
            i++;
        }
        if (i == layout->n) {
            unknown_field(l, layout, key);
            return;
        }
        set_field(l, e, &layout->fields[i], v);
    }
}

/* ---- the steps ---------------------------------------------------------- */

#define E(member) offsetof(struct step_entry, member)

static const struct field members[] = {
    { "iommu", field_iommu, E(iommu), 0, NULL },
    { "device", field_device, E(device), 0, NULL },
    { "domain", field_domain, E(domain), 0, NULL },
    { "pasid", field_u32, E(pasid), 0, NULL },
};

static void
in_entry(struct loader *l, const struct field *f, struct val v, void *out)
{
    const struct field *inner = f->arg;

    inner->read(l, inner, v, (char *)entry_of(out) + inner->offset);
}

enum { IOMMU, DEVICE, RAW, FIELDS, COMMON };

#define COMMON_FIELDS                                                                    \
    [IOMMU] = { "iommu", in_entry, 0, 0, &members[0] },                                  \
    [DEVICE] = { "device", in_entry, 0, FIELD_REQUIRED, &members[1] },                   \
    [RAW] = { "raw", field_ignore, 0, 0, NULL },                                         \
    [FIELDS] = { "fields", field_ignore, 0, 0, NULL },
#define ENTRY(name, word, low, bits, kind)                                               \
    { #name, field_entry, 0, 0,                                                          \
      &(const struct entry_field){ #name, word, low, bits, ENTRY_##kind } },

enum { CONTEXT_MODE = COMMON, CONTEXT_DOMAIN, CONTEXT_ANY };
enum { CONTEXT_LEGACY = CONTEXT_ANY + 2, CONTEXT_SCALABLE = CONTEXT_LEGACY + 4 };
enum { PASID_PASID = COMMON, PASID_DOMAIN };

/* clang-format off */
TABLE(root, "root", { COMMON_FIELDS ENTRY_ROOT_FIELDS(ENTRY) });
TABLE(context, "context",
      { COMMON_FIELDS
        [CONTEXT_MODE] = { "mode", field_ignore, 0, 0, NULL },
        [CONTEXT_DOMAIN] = { "domain", in_entry, 0, 0, &members[2] },
        ENTRY_ANY_CONTEXT_FIELDS(ENTRY)
        ENTRY_CONTEXT_FIELDS(ENTRY)
        ENTRY_SM_CONTEXT_FIELDS(ENTRY) });
TABLE(pasid_dir, "pasid_dir",
      { COMMON_FIELDS
        [PASID_PASID] = { "pasid", in_entry, 0, FIELD_REQUIRED, &members[3] },
        ENTRY_PASID_DIR_FIELDS(ENTRY) });
TABLE(pasid, "pasid",
      { COMMON_FIELDS
        [PASID_PASID] = { "pasid", in_entry, 0, FIELD_REQUIRED, &members[3] },
        [PASID_DOMAIN] = { "domain", in_entry, 0, 0, &members[2] },
        ENTRY_PASID_FIELDS(ENTRY) });
/* clang-format on */

static void
set_raw(struct loader *l, struct step_entry *e, const struct args *args, bool fields)
{
    const struct entry_layout *layout = entry_layout((enum entry_layout_id)e->layout);
    size_t n = 0;
    const uint64_t *raw = read_numbers(l, "raw", args->v[RAW], UINT64_MAX, &n);

    if (raw != NULL && n != layout->words) {
        load_error(l, arg_at(args, RAW), "'raw' takes the %u words of a %s",
                   layout->words, layout->what);
    } else if (fields) {
        load_error(l, arg_at(args, RAW),
                   "'raw' is the whole entry; give no other fields");
    } else if (raw != NULL) {
        e->has_raw = true;
        for (size_t i = 0; i < n; i++) {
            e->value[i] = raw[i];
            e->given[i] = UINT64_MAX;
        }
    }
}

WORDS(mode_words, { "legacy", "scalable" });

/* Which of the two layouts of a context entry; fields of the other are errors. */
static void
choose_context(struct loader *l, struct step_entry *e, const struct args *args)
{
    size_t mode = l->sc->iommus[e->iommu].vtd.scalable;
    bool has_mode = args_has(args, CONTEXT_MODE);

    if (has_mode && !read_choice(l, "mode", args->v[CONTEXT_MODE], &mode_words, &mode)) {
        return;
    }
    if (mode == 1 && !l->sc->iommus[e->iommu].vtd.scalable) {
        load_error(l, arg_at(args, CONTEXT_MODE), "'%s' has no scalable mode",
                   l->sc->iommus[e->iommu].id);
    }
    e->layout = mode == 1 ? ENTRY_SM_CONTEXT : ENTRY_CONTEXT;
    for (unsigned i = CONTEXT_LEGACY; i < context_schema.n; i++) {
        bool scalable = i >= CONTEXT_SCALABLE;

        if (args_has(args, i) && scalable != (mode == 1)) {
            load_error(l, arg_at(args, i), "'%s' is a field of %s context entries",
                       context_schema.fields[i].name, scalable ? "scalable" : "legacy");
        }
    }
    if (args_has(args, CONTEXT_DOMAIN) && mode == 1) {
        load_error(l, arg_at(args, CONTEXT_DOMAIN),
                   "a scalable context entry names no domain; 'pasid' stores the entry "
                   "that does");
    }
}

static void
check_pasid_entry(struct loader *l, const struct action *a, struct step_entry *e,
                  const struct args *args)
{
    if (!l->sc->iommus[e->iommu].vtd.scalable) {
        load_error(l, args->whole, "'%s' needs an iommu with 'mode: scalable'",
                   a->doc.name);
    }
    if (e->pasid >> 20 != 0) {
        load_error(l, arg_at(args, PASID_PASID), "'pasid' has 20 bits");
    }
}

void
finish_entry(struct loader *l, const struct action *a, struct step *s,
             const struct args *args)
{
    static const enum entry_layout_id layouts[] = { [STEP_ROOT] = ENTRY_ROOT,
                                                    [STEP_CONTEXT] = ENTRY_CONTEXT,
                                                    [STEP_PASID_DIR] = ENTRY_PASID_DIR,
                                                    [STEP_PASID] = ENTRY_PASID };
    struct step_entry *e = entry_of(s);
    uint64_t before = l->errors, fields = args->given >> COMMON;

    e->layout = (uint8_t)layouts[s->kind];
    if (e->iommu == SCENARIO_NONE) {
        e->iommu = l->sc->devices[e->device].iommu;
    }
    if (e->iommu == SCENARIO_NONE || !want_vtd(l, a, args, &e->iommu)) {
        return;
    }
    if (l->sc->devices[e->device].iommu != e->iommu) {
        load_error(l, arg_at(args, DEVICE), "the device is behind another iommu");
    }
    if (s->kind == STEP_CONTEXT) {
        choose_context(l, e, args);
        fields &= ~UINT64_C(1); /* the mode is none */
    } else if (s->kind != STEP_ROOT) {
        check_pasid_entry(l, a, e, args);
        fields &= ~UINT64_C(1); /* nor is the PASID */
    }
    if (e->domain != SCENARIO_NONE && l->sc->guest.domains[e->domain].iommu != e->iommu) {
        load_error(l, arg_at(args, s->kind == STEP_PASID ? PASID_DOMAIN : CONTEXT_DOMAIN),
                   "the domain belongs to another iommu");
    }
    if (l->errors == before && args_has(args, FIELDS)) {
        set_fields(l, e, args->v[FIELDS]);
    }
    if (l->errors == before && args_has(args, RAW)) {
        set_raw(l, e, args, fields != 0 || args_has(args, FIELDS));
    }
}
