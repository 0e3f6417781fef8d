/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The entries above VT-d's page tables, field by field, as steps name them: the one
 * table from which such steps are read, stored and traced.
 * Source: Intel Virtualization Technology for Directed I/O, "Translation Structure
 * Formats"; the names are those of the specification, in lower case.
 */
#ifndef IOMMUSIM_SCENARIO_ENTRY_LAYOUT_H
#define IOMMUSIM_SCENARIO_ENTRY_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum entry_layout_id {
    ENTRY_ROOT,       /* 2 words */
    ENTRY_CONTEXT,    /* 2, legacy mode */
    ENTRY_SM_CONTEXT, /* 4, scalable mode */
    ENTRY_PASID_DIR,  /* 1 */
    ENTRY_PASID,      /* 8 */
    ENTRY_LAYOUTS
};

enum entry_value {
    ENTRY_NUMBER,
    ENTRY_BIT,
    ENTRY_TABLE, /* address of a table: the bits from 12 on */
    ENTRY_AW,    /* a number, or the width that it means */
    ENTRY_PGTT,  /* a number, or the kind of domain that it means */
};

/* X(name, word, lowest bit, bits, kind of value) */
#define ENTRY_ROOT_FIELDS(X)                                                             \
    X(present, 0, 0, 1, BIT)                                                             \
    X(table, 0, 12, 52, TABLE)                                                           \
    X(upper_present, 1, 0, 1, BIT)                                                       \
    X(upper_table, 1, 12, 52, TABLE)

/* The first two are those of both modes. */
#define ENTRY_ANY_CONTEXT_FIELDS(X)                                                      \
    X(present, 0, 0, 1, BIT)                                                             \
    X(fpd, 0, 1, 1, BIT)
#define ENTRY_CONTEXT_FIELDS(X)                                                          \
    X(tt, 0, 2, 2, NUMBER)                                                               \
    X(aw, 1, 0, 3, AW)                                                                   \
    X(did, 1, 8, 16, NUMBER)                                                             \
    X(table, 0, 12, 52, TABLE)
#define ENTRY_SM_CONTEXT_FIELDS(X)                                                       \
    X(dte, 0, 2, 1, BIT)                                                                 \
    X(paside, 0, 3, 1, BIT)                                                              \
    X(pre, 0, 4, 1, BIT)                                                                 \
    X(pdts, 0, 9, 3, NUMBER)                                                             \
    X(directory, 0, 12, 52, TABLE)                                                       \
    X(rid_pasid, 1, 0, 20, NUMBER)                                                       \
    X(rid_priv, 1, 20, 1, BIT)

#define ENTRY_PASID_DIR_FIELDS(X)                                                        \
    X(present, 0, 0, 1, BIT)                                                             \
    X(fpd, 0, 1, 1, BIT)                                                                 \
    X(table, 0, 12, 52, TABLE)

#define ENTRY_PASID_FIELDS(X)                                                            \
    X(present, 0, 0, 1, BIT)                                                             \
    X(fpd, 0, 1, 1, BIT)                                                                 \
    X(aw, 0, 2, 3, AW)                                                                   \
    X(ssee, 0, 5, 1, BIT)                                                                \
    X(pgtt, 0, 6, 3, PGTT)                                                               \
    X(ssade, 0, 9, 1, BIT)                                                               \
    X(ssptptr, 0, 12, 52, TABLE)                                                         \
    X(did, 1, 0, 16, NUMBER)                                                             \
    X(pwsnp, 1, 23, 1, BIT)                                                              \
    X(pgsnp, 1, 24, 1, BIT)                                                              \
    X(cd, 1, 25, 1, BIT)                                                                 \
    X(emte, 1, 26, 1, BIT)                                                               \
    X(pat, 1, 32, 32, NUMBER)                                                            \
    X(sre, 2, 0, 1, BIT)                                                                 \
    X(ere, 2, 1, 1, BIT)                                                                 \
    X(fspm, 2, 2, 2, NUMBER)                                                             \
    X(wpe, 2, 4, 1, BIT)                                                                 \
    X(nxe, 2, 5, 1, BIT)                                                                 \
    X(smep, 2, 6, 1, BIT)                                                                \
    X(eafe, 2, 7, 1, BIT)                                                                \
    X(fsptptr, 2, 12, 52, TABLE)

struct entry_field {
    const char *name;
    uint8_t word, shift, bits;
    uint8_t value; /* enum entry_value */
};

struct entry_layout {
    const char *what; /* in messages */
    unsigned words;
    const struct entry_field *fields;
    size_t n;
};

const struct entry_layout *entry_layout(enum entry_layout_id id);

/* The field's bits in its word. */
static inline uint64_t
entry_mask(const struct entry_field *f)
{
    return UINT64_MAX >> (64 - f->bits) << f->shift;
}

#endif
