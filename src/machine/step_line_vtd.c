/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Step lines: entries and descriptors of VT-d. See step_line.h. */
#include "machine/step_line.h"

#include <inttypes.h>
#include <string.h>

/* ---- entries ---- */

static bool
is_given(const struct step_entry *s, const struct entry_field *f)
{
    return (s->given[f->word] & entry_mask(f)) != 0;
}

static uint64_t
value_of(const struct step_entry *s, const struct entry_field *f)
{
    uint64_t bits = s->value[f->word] & entry_mask(f);

    return f->value == ENTRY_TABLE ? bits : bits >> f->shift;
}

/* Fields that have a key of their own in the line: those of legacy entries. */
static void
legacy_fields(struct line *l, const struct step_entry *s)
{
    static const struct {
        const char *name;
        enum trace_field key;
    } keys[] = {
        { "tt", TF_TT }, { "aw", TF_AW }, { "did", TF_DID }, { "table", TF_TABLE }
    };
    const struct entry_layout *layout = entry_layout(ENTRY_CONTEXT);

    for (size_t i = 0; i < layout->n; i++) {
        const struct entry_field *f = &layout->fields[i];

        if (!is_given(s, f)) {
            continue;
        }
        if (f->value == ENTRY_BIT) {
            trace_text(&l->rec, strcmp(f->name, "fpd") == 0 ? TF_FPD : TF_PRESENT,
                       value_of(s, f) != 0 ? "on" : "off");
        }
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            if (strcmp(f->name, keys[k].name) == 0) {
                trace_u64(&l->rec, keys[k].key, value_of(s, f));
            }
        }
    }
}

void
line_entry(struct line *l, const struct step_entry *s)
{
    const struct entry_layout *layout = entry_layout((enum entry_layout_id)s->layout);

    if (s->has_raw) {
        trace_text(&l->rec, TF_RAW, line_numbers(l, s->value, layout->words));
        return;
    }
    if (s->layout == ENTRY_CONTEXT) {
        legacy_fields(l, s);
        return;
    }
    for (size_t i = 0; i < layout->n; i++) {
        const struct entry_field *f = &layout->fields[i];

        if (is_given(s, f)) {
            line_add(l, f->value == ENTRY_TABLE ? "%s%s=0x%" PRIx64 : "%s%s=%" PRIu64,
                     l->len > 0 ? ":" : "", f->name, value_of(s, f));
        }
    }
    if (l->list != NULL) {
        trace_text(&l->rec, TF_FIELDS, l->list);
    }
}

/* ---- descriptors ---- */

static void
add_iotlb(struct line *l, const struct qi_descriptor *d)
{
    static const char *const granularity[] = {
        [QI_GLOBAL] = "global", [QI_DOMAIN] = "domain", [QI_PAGE] = "page"
    };

    line_add(l, "iotlb:%s", granularity[d->granularity]);
    if (d->granularity != QI_GLOBAL) {
        line_add(l, ":did=%u", (unsigned)d->did);
    }
    if (d->granularity == QI_PAGE) {
        line_add(l, ":iova=0x%" PRIx64 ":am=%u%s", d->address, (unsigned)d->am,
                 d->ih ? ":ih" : "");
    }
    line_add(l, "%s%s", d->drain_read ? ":drain_read" : "",
             d->drain_write ? ":drain_write" : "");
}

static void
add_pasid_iotlb(struct line *l, const struct qi_descriptor *d)
{
    bool page = d->granularity == QI_PASID_PAGE;

    line_add(l, "pasid-iotlb:%s:did=%u:pasid=%u", page ? "page" : "pasid",
             (unsigned)d->did, (unsigned)d->pasid);
    if (page) {
        line_add(l, ":iova=0x%" PRIx64 ":am=%u%s", d->address, (unsigned)d->am,
                 d->ih ? ":ih" : "");
    }
}

static void
add_pasid_cache(struct line *l, const struct qi_descriptor *d)
{
    static const char *const granularity[] = {
        [QI_PC_DOMAIN] = "domain", [QI_PC_PASID] = "pasid", [QI_PC_GLOBAL] = "global"
    };

    line_add(l, "pasid-cache:%s", granularity[d->granularity]);
    if (d->granularity != QI_PC_GLOBAL) {
        line_add(l, ":did=%u", (unsigned)d->did);
    }
    if (d->granularity == QI_PC_PASID) {
        line_add(l, ":pasid=%u", (unsigned)d->pasid);
    }
}

static void
add_context(struct line *l, const struct qi_descriptor *d)
{
    static const char *const granularity[] = {
        [QI_GLOBAL] = "global", [QI_DOMAIN] = "domain", [QI_DEVICE] = "device"
    };

    line_add(l, "context:%s", granularity[d->granularity]);
    if (d->granularity != QI_GLOBAL) {
        line_add(l, ":did=%u", (unsigned)d->did);
    }
    if (d->granularity == QI_DEVICE) {
        line_add(l, ":sid=0x%x:fm=%u", (unsigned)d->sid, (unsigned)d->fm);
    }
}

static void
add_wait(struct line *l, const struct qi_descriptor *d)
{
    line_add(l, "wait%s", d->status ? "" : ":status=off");
    if (d->has_address) {
        line_add(l, ":address=0x%" PRIx64, d->address);
    }
    if (d->data != 0) {
        line_add(l, ":data=0x%" PRIx32, d->data);
    }
    line_add(l, "%s%s%s", d->irq ? ":irq" : "", d->fence ? ":fence" : "",
             d->page_drain ? ":pd" : "");
}

static void
add_dev_iotlb(struct line *l, const struct qi_descriptor *d)
{
    bool pasid = d->type == QI_PASID_DEV_IOTLB;

    line_add(l, "%s:sid=0x%x", pasid ? "pasid-dev-iotlb" : "dev-iotlb", (unsigned)d->sid);
    if (pasid) {
        line_add(l, ":pasid=%u%s", (unsigned)d->pasid, d->global ? ":g" : "");
    }
    if (d->size_lg2 == 64) {
        line_add(l, ":size=all");
    } else if (d->size_lg2 != 0) {
        line_add(l, ":iova=0x%" PRIx64 ":size=0x%" PRIx64, d->address,
                 UINT64_C(1) << d->size_lg2);
    } else {
        line_add(l, ":address=0x%" PRIx64 "%s", d->address, d->sized ? ":s" : "");
    }
    if (d->mip != 0) {
        line_add(l, ":mip=%u", (unsigned)d->mip);
    }
    if (d->pfsid != 0) {
        line_add(l, ":pfsid=0x%x", (unsigned)d->pfsid);
    }
}

static void
add_page_response(struct line *l, const struct qi_descriptor *d)
{
    line_add(l, "page-response:sid=0x%x", (unsigned)d->sid);
    if (d->has_pasid) {
        line_add(l, ":pasid=%u", (unsigned)d->pasid);
    }
    line_add(l, ":code=%u:prgi=%u", (unsigned)d->code, (unsigned)d->prgi);
}

void
line_descriptor(struct line *l, const struct qi_descriptor *d)
{
    switch ((enum qi_type)d->type) {
    case QI_RAW:
        line_add(l, "raw");
        for (unsigned i = 0; i < d->n_raw; i++) {
            line_add(l, ":0x%" PRIx64, d->raw[i]);
        }
        return;
    case QI_CONTEXT:
        add_context(l, d);
        return;
    case QI_IOTLB:
        add_iotlb(l, d);
        return;
    case QI_IEC:
        if (d->granularity == 0) {
            line_add(l, "iec:global");
        } else {
            line_add(l, "iec:index:index=%u:im=%u", (unsigned)d->index, (unsigned)d->im);
        }
        return;
    case QI_WAIT:
        add_wait(l, d);
        return;
    case QI_PASID_IOTLB:
        add_pasid_iotlb(l, d);
        return;
    case QI_PASID_CACHE:
        add_pasid_cache(l, d);
        return;
    case QI_DEV_IOTLB:
    case QI_PASID_DEV_IOTLB:
        add_dev_iotlb(l, d);
        return;
    case QI_PAGE_RESPONSE:
        add_page_response(l, d);
        return;
    }
}
