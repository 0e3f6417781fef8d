/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments of the portable actions: tables, and what they must agree on. */
#include <string.h>

#include "scenario/action.h"

WORDS(flush_words,
      { [FLUSH_NONE] = "none", "page", "domain", "global", "strict", "lazy" });
WORDS(scope_words, { [FLUSH_PAGE] = "page", "domain", "global" });

static const char auto_page[] = "auto";

/* ---- map, unmap, change ------------------------------------------------- */

enum {
    MAP_DEVICE,
    MAP_DOMAIN,
    MAP_IOVA,
    MAP_SIZE,
    MAP_FLUSH,
    MAP_GPA,
    MAP_PERM,
    MAP_PAGE
};

#define MAP_FIELDS(gpa_flags)                                                            \
    [MAP_DEVICE] = { "device", field_device, U(map.device), 0, NULL },                   \
    [MAP_DOMAIN] = { "domain", field_domain, U(map.domain), 0, NULL },                   \
    [MAP_IOVA] = { "iova", field_size, U(map.iova), FIELD_REQUIRED, NULL },              \
    [MAP_SIZE] = { "size", field_some, U(map.size), FIELD_REQUIRED, NULL },              \
    [MAP_FLUSH] = { "flush", field_enum8, U(map.flush), 0, &flush_words },               \
    [MAP_GPA] = { "gpa", field_size, U(map.gpa), gpa_flags, NULL },                      \
    [MAP_PERM] = { "perm", field_perm, U(map.perm), 0, NULL },                           \
    [MAP_PAGE] = { "page", field_page, U(map.page_lg2), 0, auto_page }

TABLE(map, "map", { MAP_FIELDS(FIELD_REQUIRED) });
TABLE(change, "change", { MAP_FIELDS(0) });
TABLE(unmap, "unmap",
      {
          [MAP_DEVICE] = { "device", field_device, U(map.device), 0, NULL },
          [MAP_DOMAIN] = { "domain", field_domain, U(map.domain), 0, NULL },
          [MAP_IOVA] = { "iova", field_size, U(map.iova), FIELD_REQUIRED, NULL },
          [MAP_SIZE] = { "size", field_some, U(map.size), FIELD_REQUIRED, NULL },
          [MAP_FLUSH] = { "flush", field_enum8, U(map.flush), 0, &flush_words },
      });

/*
 * The IOMMU that a device's or domain's tables belong to; NULL, reported, if it has none.
 */
static const struct scenario_iommu *
table_iommu(struct loader *l, const struct action *a, const struct args *args,
            uint32_t device, uint32_t domain)
{
    const struct scenario *sc = l->sc;

    if ((device == SCENARIO_NONE) == (domain == SCENARIO_NONE)) {
        load_error(l, args->whole, "'%s' needs 'device' or 'domain'%s", a->doc.name,
                   device == SCENARIO_NONE ? "" : ", not both");
        return NULL;
    }
    uint32_t i = device != SCENARIO_NONE ? sc->devices[device].iommu
                                         : sc->guest.domains[domain].iommu;

    if (i == SCENARIO_NONE) {
        return NULL; /* reported where it was declared */
    }
    if (sc->iommus[i].unread) {
        return NULL; /* nor can anything be said of it */
    }
    if (sc->iommus[i].model == IOMMU_NONE) {
        load_error(l, arg_at(args, MAP_DEVICE),
                   "'%s' cannot be done here: '%s' does not translate", a->doc.name,
                   sc->iommus[i].id);
        return NULL;
    }
    return &sc->iommus[i];
}

static bool
check_pages(struct loader *l, struct val v, const char *name, uint64_t x, unsigned lg2)
{
    if (!is_aligned(x, lg2)) {
        load_error(l, v, "'%s' must be a multiple of %s", name,
                   lg2 == 12   ? "4KiB"
                   : lg2 == 16 ? "64KiB"
                   : lg2 == 21 ? "2MiB"
                   : lg2 == 24 ? "16MiB"
                   : lg2 == 30 ? "1GiB"
                               : "the page size");
    }
    return is_aligned(x, lg2);
}

/* A nested domain's tables are reached through its parent, which may map them. */
static bool
may_map_tables(const struct loader *l, const struct step_map *m)
{
    return m->domain != SCENARIO_NONE && l->sc->guest.domains[m->domain].is_parent;
}

static bool
check_gpa(struct loader *l, struct val v, const struct step_map *m)
{
    const struct guest_config *g = &l->sc->guest;
    const uint64_t end = UINT64_C(1) << 52, gpa = m->gpa, size = m->size;

    if (gpa >= end || size > end - gpa) {
        load_error(l, v, "'gpa' passes the end of guest-physical memory (52 bits)");
        return false;
    }
    if (g->has_table_memory && !may_map_tables(l, m) &&
        ranges_overlap(gpa, gpa + size - 1, g->table_base,
                       g->table_base + g->table_size - 1)) {
        load_error(l, v,
                   "'gpa' lies in the guest's table memory [0x%llx, 0x%llx]; "
                   "move it, or move 'table_memory'",
                   (unsigned long long)g->table_base,
                   (unsigned long long)(g->table_base + g->table_size - 1));
        return false;
    }
    return true;
}

static void
check_papr_map(struct loader *l, const struct scenario_iommu *io,
               const struct step_map *m, const struct args *args)
{
    const struct papr_config *p = &io->papr;

    if (!p->has_window) {
        load_error(l, args->whole, "'%s' has no window to map in", io->id);
        return;
    }
    if (args_has(args, MAP_FLUSH)) {
        load_error(l, arg_at(args, MAP_FLUSH),
                   "'flush' is not for PAPR: a hypercall is complete "
                   "when it returns");
    }
    if (m->page_lg2 != 0 && m->page_lg2 != p->window_page_lg2) {
        load_error(l, arg_at(args, MAP_PAGE), "the window of '%s' has pages of %u bytes",
                   io->id, 1U << p->window_page_lg2);
    }
    check_pages(l, arg_at(args, MAP_IOVA), "iova", m->iova, p->window_page_lg2);
    check_pages(l, arg_at(args, MAP_SIZE), "size", m->size, p->window_page_lg2);
    if (m->has_gpa) {
        check_pages(l, arg_at(args, MAP_GPA), "gpa", m->gpa, p->window_page_lg2);
    }
}

unsigned
map_bits(const struct loader *l, const struct step_map *m)
{
    const struct scenario *sc = l->sc;

    if (m->domain != SCENARIO_NONE) {
        const struct scenario_domain *d = &sc->guest.domains[m->domain];

        if (d->aw_bits == 0) {
            return 64; /* reported where it was declared */
        }
        /* the lower half of what is canonical */
        return d->type == DOMAIN_FIRST_STAGE || d->type == DOMAIN_NESTED ? d->aw_bits - 1
                                                                         : d->aw_bits;
    }
    uint32_t i = sc->devices[m->device].iommu;

    return i != SCENARIO_NONE && sc->iommus[i].model == IOMMU_INTEL_VTD
               ? sc->iommus[i].vtd.aw_bits
               : 64;
}

static void
check_vtd_map(struct loader *l, const struct step_map *m, const struct args *args)
{
    unsigned aw = map_bits(l, m);
    unsigned lg2 = m->page_lg2 != 0 ? m->page_lg2 : PAGE_LG2;

    if (lg2 != 12 && lg2 != 21 && lg2 != 30) {
        load_error(l, arg_at(args, MAP_PAGE), "VT-d has pages of 4KiB, 2MiB and 1GiB");
        return;
    }
    if (m->domain != SCENARIO_NONE &&
        l->sc->guest.domains[m->domain].type == DOMAIN_PASSTHROUGH) {
        load_error(l, arg_at(args, MAP_DOMAIN),
                   "'%s' is a passthrough domain: it has no tables",
                   l->sc->guest.domains[m->domain].id);
        return;
    }
    if (aw < 64 && range_last(m->iova, m->size) >> aw != 0) {
        load_error(l, arg_at(args, MAP_IOVA),
                   "the range passes the %u bits that are translated", aw);
    }
    check_pages(l, arg_at(args, MAP_IOVA), "iova", m->iova, lg2);
    check_pages(l, arg_at(args, MAP_SIZE), "size", m->size, lg2);
    if (m->has_gpa) {
        check_pages(l, arg_at(args, MAP_GPA), "gpa", m->gpa, lg2);
    }
}

void
finish_map(struct loader *l, const struct action *a, struct step *s,
           const struct args *args)
{
    struct step_map *m = &s->u.map;
    const struct scenario_iommu *io = table_iommu(l, a, args, m->device, m->domain);

    m->has_gpa = s->kind != STEP_UNMAP && args_has(args, MAP_GPA);
    m->has_perm =
        s->kind == STEP_MAP || (s->kind == STEP_CHANGE && args_has(args, MAP_PERM));
    if (s->kind == STEP_CHANGE && !m->has_gpa && !m->has_perm) {
        load_error(l, args->whole, "'change' needs 'gpa' or 'perm'");
    }
    if (m->size - 1 > UINT64_MAX - m->iova) {
        load_error(l, arg_at(args, MAP_SIZE),
                   "the range passes the end of the 64-bit address space");
        return;
    }
    if (m->has_gpa) {
        check_gpa(l, arg_at(args, MAP_GPA), m);
    }
    if (io != NULL && io->model == IOMMU_INTEL_VTD) {
        check_vtd_map(l, m, args);
    } else if (io != NULL) {
        check_papr_map(l, io, m, args);
    }
}

/* ---- flush, attach, detach ---------------------------------------------- */

TABLE(flush, "flush",
      {
          [MAP_DEVICE] = { "device", field_device, U(flush.device), 0, NULL },
          [MAP_DOMAIN] = { "domain", field_domain, U(flush.domain), 0, NULL },
          [MAP_IOVA] = { "iova", field_size, U(flush.iova), 0, NULL },
          [MAP_SIZE] = { "size", field_some, U(flush.size), 0, NULL },
          { "scope", field_enum8, U(flush.scope), 0, &scope_words },
      });

static bool
refuse_papr(struct loader *l, const struct action *a, const struct scenario_iommu *io,
            const struct args *args)
{
    if (io->model != IOMMU_INTEL_VTD) {
        load_error(l, args->whole, "'%s' is for intel-vtd; '%s' is another model",
                   a->doc.name, io->id);
    }
    return io->model == IOMMU_INTEL_VTD;
}

void
finish_flush(struct loader *l, const struct action *a, struct step *s,
             const struct args *args)
{
    struct step_flush *f = &s->u.flush;
    bool range = args_has(args, MAP_IOVA) || args_has(args, MAP_SIZE);
    const struct scenario_iommu *io = table_iommu(l, a, args, f->device, f->domain);

    if (io == NULL || !refuse_papr(l, a, io, args)) {
        return;
    }
    if (f->scope == FLUSH_POLICY) {
        f->scope = range ? FLUSH_PAGE : FLUSH_DOMAIN;
    }
    if (f->scope != FLUSH_PAGE && range) {
        load_error(l, arg_at(args, args_has(args, MAP_IOVA) ? MAP_IOVA : MAP_SIZE),
                   "'iova' and 'size' are for 'scope: page'");
        return;
    }
    if (f->scope == FLUSH_PAGE) {
        if (!args_has(args, MAP_IOVA) || !args_has(args, MAP_SIZE)) {
            load_error(l, args->whole,
                       "'flush' with 'scope: page' needs 'iova' and 'size'");
            return;
        }
        check_pages(l, arg_at(args, MAP_IOVA), "iova", f->iova, PAGE_LG2);
        check_pages(l, arg_at(args, MAP_SIZE), "size", f->size, PAGE_LG2);
    }
}

WORDS(attach_words, { "translate", "passthrough", "blocked", "direct" });

enum {
    ATTACH_DEVICE,
    ATTACH_DOMAIN,
    ATTACH_PASID,
    ATTACH_TYPE,
    DETACH_FPD = ATTACH_TYPE
};

#define ATTACH_FIELDS                                                                    \
    [ATTACH_DEVICE] = { "device", field_device, U(attach.device), FIELD_REQUIRED,        \
                        NULL },                                                          \
    [ATTACH_DOMAIN] = { "domain", field_domain, U(attach.domain), 0, NULL },             \
    [ATTACH_PASID] = { "pasid", field_u32, U(attach.pasid), 0, NULL }
TABLE(attach, "attach",
      {
          ATTACH_FIELDS,
          [ATTACH_TYPE] = { "type", field_enum8, U(attach.type), 0, &attach_words },
      });
TABLE(detach, "detach",
      {
          ATTACH_FIELDS,
          [DETACH_FPD] = { "fpd", field_bit, U(attach.fpd), 0, NULL },
      });

/* The device is known by pointer to const; this flag is the loader's to set. */
static void
note_attach(const struct loader *l, uint32_t device)
{
    if (!l->streaming) {
        l->devices[l->devices[device].first_of_sid].attached_by_step = true;
    }
}

/* The PASID that is meant: the step's, else the domain's, else none. */
static void
finish_attach_pasid(struct loader *l, struct step_attach *at, const struct args *args)
{
    const struct scenario_device *dev = &l->sc->devices[at->device];
    const struct scenario_domain *d =
        at->domain != SCENARIO_NONE ? &l->sc->guest.domains[at->domain] : NULL;
    struct val v =
        arg_at(args, args_has(args, ATTACH_PASID) ? ATTACH_PASID : ATTACH_DOMAIN);

    at->has_pasid = args_has(args, ATTACH_PASID) || (d != NULL && d->has_pasid);
    if (!at->has_pasid) {
        return;
    }
    if (!args_has(args, ATTACH_PASID)) {
        at->pasid = d->pasid;
    } else if (!check_domain_pasid(l, v, &l->sc->iommus[dev->iommu], at->pasid)) {
        return;
    }
    if (at->pasid >= dev->pasids) {
        load_error(l, v, "the device has %u PASIDs; see its 'pasids'", dev->pasids);
    }
}

/* What IOMMUs have which way of attaching. False: no more is to be said. */
static bool
check_attach_model(struct loader *l, const struct action *a, const struct step *s,
                   const struct args *args)
{
    const struct step_attach *at = &s->u.attach;
    const struct scenario_iommu *io = &l->sc->iommus[l->sc->devices[at->device].iommu];
    const bool direct = s->kind == STEP_ATTACH && at->type == ATTACH_DIRECT;

    if (io->model == IOMMU_INTEL_VTD) {
        if (direct) {
            load_error(l, arg_at(args, ATTACH_TYPE), "'type: direct' is for papr-tce");
        }
        return !direct;
    }
    if (io->model != IOMMU_PAPR_TCE || (!direct && s->kind == STEP_ATTACH) ||
        args_has(args, ATTACH_DOMAIN) || args_has(args, ATTACH_PASID)) {
        refuse_papr(l, a, io, args);
    } else if (!io->papr.ddw) {
        load_error(l, args->whole, "a direct window needs 'ddw: on' for '%s'", io->id);
    }
    return false;
}

void
finish_attach(struct loader *l, const struct action *a, struct step *s,
              const struct args *args)
{
    struct step_attach *at = &s->u.attach;
    uint32_t i = l->sc->devices[at->device].iommu;
    const struct scenario_domain *d =
        at->domain != SCENARIO_NONE ? &l->sc->guest.domains[at->domain] : NULL;

    if (i == SCENARIO_NONE || !check_attach_model(l, a, s, args)) {
        return;
    }
    if (d != NULL && d->iommu != i) {
        load_error(l, arg_at(args, ATTACH_DOMAIN),
                   "device and domain are behind different iommus");
        return;
    }
    if (d != NULL && at->type == ATTACH_BLOCKED) {
        load_error(l, arg_at(args, ATTACH_DOMAIN), "'type: blocked' takes no 'domain'");
    }
    finish_attach_pasid(l, at, args);
    if (at->has_pasid && s->kind == STEP_ATTACH && at->type == ATTACH_TRANSLATE &&
        d == NULL) {
        load_error(l, args->whole, "a PASID is attached to a 'domain'");
    }
    if (s->kind == STEP_ATTACH && !at->has_pasid) {
        note_attach(l, at->device);
    }
}

/* ---- ats ---------------------------------------------------------------- */

enum { ATS_DEVICE, ATS_ENABLE };

TABLE(ats, "ats",
      {
          [ATS_DEVICE] = { "device", field_device, U(ats.device), FIELD_REQUIRED, NULL },
          [ATS_ENABLE] = { "enable", field_switch, U(ats.enable), FIELD_REQUIRED, NULL },
      });

void
finish_ats(struct loader *l, const struct action *a, struct step *s,
           const struct args *args)
{
    const struct scenario_device *d = &l->sc->devices[s->u.ats.device];

    if (d->iommu == SCENARIO_NONE || !refuse_papr(l, a, &l->sc->iommus[d->iommu], args)) {
        return;
    }
    if (!l->sc->iommus[d->iommu].vtd.device_iotlb) {
        load_error(l, args->whole, "'ats' needs 'device_iotlb: on' for '%s'",
                   l->sc->iommus[d->iommu].id);
    } else if (d->is_requester) {
        load_error(l, arg_at(args, ATS_DEVICE),
                   "behind a conventional bridge there is no ATS");
    }
}

/* ---- dma ---------------------------------------------------------------- */

WORDS(access_words, { "read", "write" });

enum { DMA_DEVICE, DMA_IOVA, DMA_SIZE, DMA_ACCESS, DMA_DATA, DMA_PASID };

/* Data has no place of its own while it is read: its meaning needs the size. */
TABLE(dma, "dma",
      {
          [DMA_DEVICE] = { "device", field_device, U(dma.device), FIELD_REQUIRED, NULL },
          [DMA_IOVA] = { "iova", field_size, U(dma.iova), FIELD_REQUIRED, NULL },
          [DMA_SIZE] = { "size", field_some, U(dma.size), 0, NULL },
          [DMA_ACCESS] = { "access", field_enum8, U(dma.write), FIELD_REQUIRED,
                           &access_words },
          [DMA_DATA] = { "data", field_ignore, 0, 0, NULL },
          [DMA_PASID] = { "pasid", field_u32, U(dma.pasid), 0, NULL },
      });

/* Bytes from a list, or one integer, little-endian, over the whole size. */
static void
read_data(struct loader *l, struct step_dma *d, struct val v, bool has_size)
{
    bool list = (v.node != NULL && v.node->kind == NODE_LIST) ||
                (v.node == NULL && memchr(v.s, ',', v.len) != NULL);
    size_t n;
    const uint64_t *numbers =
        read_numbers(l, "data", v, list ? UINT8_MAX : UINT64_MAX, &n);

    if (numbers == NULL) {
        return;
    }
    if (!has_size) {
        d->size = list ? n : 8;
    }
    if (list ? n != d->size : d->size > 4096) {
        load_error(l, v,
                   list ? "'data' must be as long as 'size'"
                        : "an integer as 'data' fills at most 4KiB");
        return;
    }
    if (!list && d->size < 8 && numbers[0] >> (8 * d->size) != 0) {
        load_error(l, v, "'data' does not fit 'size'");
        return;
    }
    uint8_t *bytes = arena_alloc(l->arena, d->size + 1);

    for (size_t i = 0; i < d->size && (list || i < 8); i++) {
        bytes[i] = (uint8_t)(list ? numbers[i] : numbers[0] >> (8 * i));
    }
    d->data = bytes;
}

void
finish_dma(struct loader *l, const struct action *a, struct step *s,
           const struct args *args)
{
    struct step_dma *d = &s->u.dma;

    (void)a;
    d->has_pasid = args_has(args, DMA_PASID);
    if (d->has_pasid && d->pasid >= l->sc->devices[d->device].pasids) {
        load_error(l, arg_at(args, DMA_PASID),
                   "the device has %u PASIDs; see its 'pasids'",
                   l->sc->devices[d->device].pasids);
    }
    if (args_has(args, DMA_DATA)) {
        read_data(l, d, args->v[DMA_DATA], args_has(args, DMA_SIZE));
    } else if (!args_has(args, DMA_SIZE)) {
        load_error(l, args->whole, "'dma' needs 'size'");
        return;
    }
    if (d->size > 0 && d->size - 1 > UINT64_MAX - d->iova) {
        load_error(l, args_has(args, DMA_SIZE) ? args->v[DMA_SIZE] : args->v[DMA_IOVA],
                   "the access passes the end of the 64-bit address space");
    }
}

/* ---- hotplug, unplug, reset --------------------------------------------- */

enum { TARGET_DEVICE, TARGET_IOMMU };

TABLE(target, "step",
      {
          [TARGET_DEVICE] = { "device", field_device, U(target.device), 0, NULL },
          [TARGET_IOMMU] = { "iommu", field_iommu, U(target.iommu), 0, NULL },
      });

void
field_target(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step *s = out;

    if (s->kind == STEP_RESET && val_is(v, "machine")) {
        return;
    }
    if (v.s != NULL &&
        strmap_get(&l->sc->index->iommus, v.s, v.len, &s->u.target.iommu)) {
        return;
    }
    field_device(l, f, v, &s->u.target.device);
}

void
finish_target(struct loader *l, const struct action *a, struct step *s,
              const struct args *args)
{
    const struct step_target *t = &s->u.target;

    if (args->given == 3 || (args->given == 0 && s->kind != STEP_RESET &&
                             t->device == SCENARIO_NONE && t->iommu == SCENARIO_NONE)) {
        load_error(l, args->whole, "'%s' needs a device%s", a->doc.name,
                   args->given == 3 ? " or an iommu, not both" : "");
        return;
    }
    if (s->kind != STEP_RESET && t->iommu != SCENARIO_NONE) {
        const struct scenario_iommu *io = &l->sc->iommus[t->iommu];

        if (io->model != IOMMU_PAPR_TCE && io->model != IOMMU_PAPR_VIO) {
            load_error(l, args->whole, "only a PAPR bridge can be plugged; '%s' is none",
                       io->id);
        }
    }
}
