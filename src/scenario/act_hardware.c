/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments of the hardware-level actions: memory, registers, entries, hypercalls. */
#include <string.h>

#include "scenario/action.h"
#include "scenario/scalar.h"

/* ---- memory ------------------------------------------------------------- */

enum { MEM_GPA, MEM_U64, MEM_U32, MEM_U8, MEM_FILL, MEM_SIZE };

#define MEM_FIELDS                                                                       \
    [MEM_GPA] = { "gpa", field_size, U(mem.gpa), FIELD_REQUIRED, NULL },                 \
    [MEM_U64] = { "u64", field_ignore, 0, 0, NULL },                                     \
    [MEM_U32] = { "u32", field_ignore, 0, 0, NULL },                                     \
    [MEM_U8] = { "u8", field_ignore, 0, 0, NULL },                                       \
    [MEM_FILL] = { "fill", field_ignore, 0, 0, NULL },                                   \
    [MEM_SIZE] = { "size", field_some, U(mem.n), 0, NULL }
TABLE(mem, "mem", { MEM_FIELDS });
TABLE(mem_expect, "mem_expect", { MEM_FIELDS });

void
finish_mem(struct loader *l, const struct action *a, struct step *s,
           const struct args *args)
{
    static const uint8_t widths[] = { [MEM_U64] = 8, [MEM_U32] = 4, [MEM_U8] = 1 };
    struct step_mem *m = &s->u.mem;
    unsigned kind = 0, kinds = 0;

    for (unsigned i = MEM_U64; i <= MEM_FILL; i++) {
        if (args_has(args, i)) {
            kind = i;
            kinds++;
        }
    }
    if (kinds != 1) {
        load_error(l, args->whole, "'%s' needs one of 'u64', 'u32', 'u8' and 'fill'",
                   a->doc.name);
        return;
    }
    if ((kind == MEM_FILL) != args_has(args, MEM_SIZE)) {
        load_error(l, kind == MEM_FILL ? args->whole : args->v[MEM_SIZE],
                   kind == MEM_FILL ? "'fill' needs 'size'" : "'size' is for 'fill'");
        return;
    }
    m->width = kind == MEM_FILL ? 0 : widths[kind];
    uint64_t max = m->width == 8 ? UINT64_MAX : m->width == 4 ? UINT32_MAX : UINT8_MAX;
    size_t n = 0;

    m->values = read_numbers(l, mem_fields[kind].name, args->v[kind], max, &n);
    if (m->values == NULL) {
        return;
    }
    if (kind == MEM_FILL ? n != 1 : n == 0) {
        load_error(l, arg_at(args, kind), "'%s' takes %s", mem_fields[kind].name,
                   kind == MEM_FILL ? "one byte" : "at least one value");
        return;
    }
    uint64_t bytes = m->n;

    if (kind != MEM_FILL) {
        m->n = n;
        bytes = n * m->width;
    }
    if (bytes - 1 > (UINT64_C(1) << 52) - 1 - m->gpa || m->gpa >> 52 != 0) {
        load_error(l, arg_at(args, MEM_GPA),
                   "'gpa' passes the end of guest-physical memory "
                   "(52 bits)");
    }
}

/* ---- registers ---------------------------------------------------------- */

struct reg {
    const char *name;
    uint16_t offset;
    uint8_t width;
};

/*
 * IVA, IOTLB and FRCD stand where IRO and FRO of the modelled unit put them. FRCD is
 * the first of the fault records; FRCDn_LO and FRCDn_HI name any of them.
 */
static const struct reg regs[] = {
    { "VER", 0x00, 4 },      { "CAP", 0x08, 8 },      { "ECAP", 0x10, 8 },
    { "GCMD", 0x18, 4 },     { "GSTS", 0x1c, 4 },     { "RTADDR", 0x20, 8 },
    { "CCMD", 0x28, 8 },     { "FSTS", 0x34, 4 },     { "FECTL", 0x38, 4 },
    { "FEDATA", 0x3c, 4 },   { "FEADDR", 0x40, 4 },   { "FEUADDR", 0x44, 4 },
    { "AFLOG", 0x58, 8 },    { "PMEN", 0x64, 4 },     { "PLMBASE", 0x68, 4 },
    { "PLMLIMIT", 0x6c, 4 }, { "PHMBASE", 0x70, 8 },  { "PHMLIMIT", 0x78, 8 },
    { "IQH", 0x80, 8 },      { "IQT", 0x88, 8 },      { "IQA", 0x90, 8 },
    { "ICS", 0x9c, 4 },      { "IECTL", 0xa0, 4 },    { "IEDATA", 0xa4, 4 },
    { "IEADDR", 0xa8, 4 },   { "IEUADDR", 0xac, 4 },  { "IQERCD", 0xb0, 8 },
    { "IRTA", 0xb8, 8 },     { "PQH", 0xc0, 8 },      { "PQT", 0xc8, 8 },
    { "PQA", 0xd0, 8 },      { "PRS", 0xdc, 4 },      { "PECTL", 0xe0, 4 },
    { "PEDATA", 0xe4, 4 },   { "PEADDR", 0xe8, 4 },   { "PEUADDR", 0xec, 4 },
    { "IVA", 0xf0, 8 },      { "IOTLB", 0xf8, 8 },    { "FRCD", 0x220, 8 },
    { "FRCD_LO", 0x220, 8 }, { "FRCD_HI", 0x228, 8 },
};

static void
unknown_register(struct loader *l, struct val v)
{
    const char *names[LEN(regs)];

    for (size_t i = 0; i < LEN(regs); i++) {
        names[i] = regs[i].name;
    }
    load_unknown(l, v, "register", names, LEN(regs));
}

enum {
    RECORDS_AT = 0x220,
    RECORD_BYTES = 16,
    MAX_RECORDS = 256,
    REGISTERS_END = RECORDS_AT + RECORD_BYTES * MAX_RECORDS,
};

/* FRCDn_LO or FRCDn_HI. */
static bool
record_register(struct val v, uint32_t *offset)
{
    size_t digits = 4;

    while (digits < v.len && v.s[digits] >= '0' && v.s[digits] <= '9') {
        digits++;
    }
    uint64_t n = 0;
    struct val end = { v.s + digits, v.len - digits, NULL };
    bool high = val_is(end, "_HI");

    if (digits == 4 || v.len < 4 || strncmp(v.s, "FRCD", 4) != 0 ||
        (!high && !val_is(end, "_LO")) || scalar_u64(v.s + 4, digits - 4, &n) != NULL ||
        n >= MAX_RECORDS) {
        return false;
    }
    *offset = RECORDS_AT + RECORD_BYTES * (uint32_t)n + (high ? 8 : 0);
    return true;
}

static void
field_reg(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_mmio *m = out;
    uint64_t offset = 0;

    if (!want_scalar(l, f->name, v)) {
        return;
    }
    for (size_t i = 0; i < LEN(regs); i++) {
        if (val_is(v, regs[i].name)) {
            m->reg_name = regs[i].name;
            m->offset = regs[i].offset;
            m->width = m->width == 0 ? regs[i].width : m->width;
            return;
        }
    }
    if (record_register(v, &m->offset)) {
        m->reg_name = arena_strndup(l->arena, v.s, v.len);
        m->width = m->width == 0 ? 8 : m->width;
        return;
    }
    if (v.s[0] < '0' || v.s[0] > '9') {
        unknown_register(l, v);
        return;
    }
    if (read_ok(l, f->name, v, scalar_u64(v.s, v.len, &offset)) &&
        read_ok(l, f->name, v,
                offset >= REGISTERS_END ? "registers end at 0x1220" : NULL)) {
        m->offset = (uint32_t)offset;
    }
}

static void
field_width(struct loader *l, const struct field *f, struct val v, void *out)
{
    bool narrow = val_is(v, "4") || val_is(v, "32"),
         wide = val_is(v, "8") || val_is(v, "64");

    if (want_scalar(l, f->name, v) &&
        read_ok(l, f->name, v, narrow || wide ? NULL : "expected 4 or 8 (bytes)")) {
        *(uint8_t *)out = narrow ? 4 : 8;
    }
}

enum { MMIO_IOMMU, MMIO_REG, MMIO_VALUE, MMIO_WIDTH, MMIO_MASK };

#define MMIO_FIELDS                                                                      \
    [MMIO_IOMMU] = { "iommu", field_iommu, U(mmio.iommu), 0, NULL },                     \
    [MMIO_REG] = { "reg", field_reg, U(mmio), FIELD_REQUIRED, NULL },                    \
    [MMIO_VALUE] = { "value", field_u64, U(mmio.value), FIELD_REQUIRED, NULL },          \
    [MMIO_WIDTH] = { "width", field_width, U(mmio.width), 0, NULL }
TABLE(mmio, "mmio", { MMIO_FIELDS });
TABLE(mmio_expect, "mmio_expect",
      { MMIO_FIELDS, [MMIO_MASK] = { "mask", field_u64, U(mmio.mask), 0, NULL } });

bool
want_vtd(struct loader *l, const struct action *a, const struct args *args,
         uint32_t *iommu)
{
    uint32_t n = 0, only = 0;

    for (uint32_t i = 0; i < l->sc->n_iommus; i++) {
        if (l->sc->iommus[i].unread) {
            return false; /* it may have been meant */
        }
        if (l->sc->iommus[i].model == IOMMU_INTEL_VTD) {
            only = i;
            n++;
        }
    }
    if (*iommu == SCENARIO_NONE && n == 1) {
        *iommu = only;
    }
    if (n == 0) {
        load_error(l, args->whole, "'%s' is for intel-vtd; the machine has none",
                   a->doc.name);
    } else if (*iommu == SCENARIO_NONE) {
        load_error(l, args->whole, "'%s' needs 'iommu': there are several", a->doc.name);
    } else if (l->sc->iommus[*iommu].model != IOMMU_INTEL_VTD) {
        load_error(l, args->whole, "'%s' is for intel-vtd; '%s' is another model",
                   a->doc.name, l->sc->iommus[*iommu].id);
    } else {
        return true;
    }
    return false;
}

void
finish_mmio(struct loader *l, const struct action *a, struct step *s,
            const struct args *args)
{
    struct step_mmio *m = &s->u.mmio;

    if (want_vtd(l, a, args, &m->iommu) && m->reg_name != NULL &&
        m->offset >= RECORDS_AT) {
        uint32_t records = l->sc->iommus[m->iommu].vtd.fault_records;
        if (m->offset >= RECORDS_AT + RECORD_BYTES * records) {
            load_error(l, arg_at(args, MMIO_REG), "'%s' has %u fault record%s",
                       l->sc->iommus[m->iommu].id, records, records == 1 ? "" : "s");
        }
    }
    m->width = m->width == 0 ? 4 : m->width;
    if (m->width == 4 && m->value > UINT32_MAX) {
        load_error(l, arg_at(args, MMIO_VALUE), "'value' does not fit 4 bytes");
    }
    if (m->offset % m->width != 0 && m->reg_name == NULL) {
        load_error(l, arg_at(args, MMIO_REG),
                   "a register access of %u bytes is aligned to them", m->width);
    }
    if (s->kind == STEP_MMIO_EXPECT && !args_has(args, MMIO_MASK)) {
        m->mask = m->width == 4 ? UINT32_MAX : UINT64_MAX;
    }
}

/* ---- hypercalls --------------------------------------------------------- */

enum { TCE_LIOBN, TCE_IOBA, TCE_TCE, TCE_NPAGES, TCE_TCES };

#define TCE_FIELDS                                                                       \
    [TCE_LIOBN] = { "liobn", field_u64, U(tce.liobn), FIELD_REQUIRED, NULL },            \
    [TCE_IOBA] = { "ioba", field_size, U(tce.ioba), FIELD_REQUIRED, NULL }
TABLE(put_tce, "h_put_tce",
      { TCE_FIELDS, [TCE_TCE] = { "tce", field_u64, U(tce.tce), FIELD_REQUIRED, NULL } });
TABLE(stuff_tce, "h_stuff_tce",
      { TCE_FIELDS, [TCE_TCE] = { "tce", field_u64, U(tce.tce), FIELD_REQUIRED, NULL },
        [TCE_NPAGES] = { "npages", field_u64, U(tce.npages), FIELD_REQUIRED, NULL } });
TABLE(get_tce, "h_get_tce", { TCE_FIELDS });

/* The entries themselves, however few. */
static void
field_tces(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_tce *t = out;
    size_t n = 0;

    t->values = read_numbers(l, f->name, v, UINT64_MAX, &n);
    t->n_values = (uint32_t)n;
    if (t->values != NULL && n > 512) {
        load_error(l, v, "'%s' holds a page: at most 512 entries", f->name);
    }
}

/* A GPA, or the entries themselves. */
static void
field_tce_list(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_tce *t = out;

    if (v.node != NULL ? v.node->kind != NODE_LIST : memchr(v.s, ',', v.len) == NULL) {
        field_size(l, f, v, &t->tce);
    } else {
        field_tces(l, f, v, out);
    }
}

TABLE(put_tce_indirect, "h_put_tce_indirect",
      { TCE_FIELDS, [TCE_TCE] = { "list", field_tce_list, U(tce), 0, NULL },
        [TCE_NPAGES] = { "npages", field_u64, U(tce.npages), 0, NULL },
        [TCE_TCES] = { "tces", field_tces, U(tce), 0, NULL } }); /* as traces say it */

static bool
want_papr(struct loader *l, const struct action *a, const struct args *args)
{
    for (size_t i = 0; i < l->sc->n_iommus; i++) {
        if (l->sc->iommus[i].unread || l->sc->iommus[i].model == IOMMU_PAPR_TCE ||
            l->sc->iommus[i].model == IOMMU_PAPR_VIO) {
            return true;
        }
    }
    load_error(l, args->whole,
               "'%s' is for PAPR; the machine has no papr-tce or papr-vio", a->doc.name);
    return false;
}

void
finish_tce(struct loader *l, const struct action *a, struct step *s,
           const struct args *args)
{
    if (a->kind == STEP_H_PUT_TCE_INDIRECT &&
        args_has(args, TCE_TCE) == args_has(args, TCE_TCES)) {
        load_error(l, args->whole, "'h_put_tce_indirect' needs 'list'");
    }
    want_papr(l, a, args);
    if (s->kind == STEP_H_PUT_TCE_INDIRECT && !args_has(args, TCE_NPAGES)) {
        if (s->u.tce.values == NULL) {
            load_error(l, args->whole, "'h_put_tce_indirect' needs 'npages'");
        }
        s->u.tce.npages = s->u.tce.n_values;
    }
}

/* ---- firmware calls ----------------------------------------------------- */

static void
field_rtas_call(struct loader *l, const struct field *f, struct val v, void *out)
{
    char buf[VAL_TEXT];

    if (!want_scalar(l, f->name, v) ||
        rtas_call_by_name(val_text(v, buf, sizeof(buf)), out)) {
        return;
    }
    const char *names[RTAS_CALL_COUNT];

    for (unsigned i = 0; i < RTAS_CALL_COUNT; i++) {
        const char *name = rtas_call_name((enum rtas_call)i);

        names[i] = strncmp(name, "ibm,", 4) == 0 ? name + 4 : name;
    }
    load_unknown(l, v, "firmware call", names, RTAS_CALL_COUNT);
}

static void
field_rtas_args(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_rtas *r = out;
    size_t n = 0;

    r->args = read_numbers(l, f->name, v, UINT32_MAX, &n);
    if (n > RTAS_WORDS_MAX) {
        load_error(l, v, "a firmware call takes at most %d words", RTAS_WORDS_MAX);
    } else {
        r->nargs = (uint8_t)n;
    }
}

static void
field_rtas_nret(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t before = l->errors;

    field_u8(l, f, v, out);
    if (l->errors == before &&
        (*(uint8_t *)out == 0 || *(uint8_t *)out > RTAS_WORDS_MAX)) {
        read_ok(l, f->name, v, "expected 1 to 16");
    }
}

enum { RTAS_CALL, RTAS_ARGS, RTAS_NRET };

TABLE(rtas, "rtas",
      {
          [RTAS_CALL] = { "call", field_rtas_call, U(rtas.call), FIELD_REQUIRED, NULL },
          [RTAS_ARGS] = { "args", field_rtas_args, U(rtas), 0, NULL },
          [RTAS_NRET] = { "nret", field_rtas_nret, U(rtas.nret), 0, NULL },
      });

/* How many words a guest that knows the call makes room for. */
static uint8_t
usual_nret(enum rtas_call call)
{
    return call == RTAS_QUERY_PE_DMA_WINDOW    ? 6
           : call == RTAS_CREATE_PE_DMA_WINDOW ? 4
                                               : 1;
}

void
finish_rtas(struct loader *l, const struct action *a, struct step *s,
            const struct args *args)
{
    want_papr(l, a, args);
    if (!args_has(args, RTAS_NRET)) {
        s->u.rtas.nret = usual_nret(s->u.rtas.call);
    }
}

void
finish_migrate(struct loader *l, const struct action *a, struct step *s,
               const struct args *args)
{
    (void)s;
    for (size_t i = 0; want_papr(l, a, args) && i < l->sc->n_iommus; i++) {
        if (l->sc->iommus[i].model == IOMMU_INTEL_VTD) {
            load_error(l, args->whole, "'migrate' is for PAPR; '%s' is another model",
                       l->sc->iommus[i].id);
            return;
        }
    }
}
