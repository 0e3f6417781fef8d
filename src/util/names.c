/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables behind names.h. Numbers are the host's for errno (a trace shows only
 * names) and PAPR's for hypercall statuses.
 */
#include "util/names.h"

#include <errno.h>
#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct number_name {
    int64_t number;
    const char *name;
};

static const char *const violation_names[VIOLATION_COUNT] = {
    [VIOLATION_STALE_MAPPING] = "stale-mapping",
    [VIOLATION_MISSING_MAPPING] = "missing-mapping",
    [VIOLATION_WRONG_TARGET] = "wrong-target",
    [VIOLATION_EXCESS_PERMISSION] = "excess-permission",
    [VIOLATION_LACKING_PERMISSION] = "lacking-permission",
    [VIOLATION_DMA_BREACH] = "dma-breach",
    [VIOLATION_DMA_LOST] = "dma-lost",
    [VIOLATION_GUEST_MISSING_INVALIDATION] = "guest-missing-invalidation",
    [VIOLATION_DUPLICATE_MAP] = "duplicate-map",
    [VIOLATION_MISORDERED_CHANGE] = "misordered-change",
    [VIOLATION_OVERBROAD_UNMAP] = "overbroad-unmap",
    [VIOLATION_UNDUE_EVENT] = "undue-event",
    [VIOLATION_LOST_EVENT] = "lost-event",
    [VIOLATION_MALFORMED_EVENT] = "malformed-event",
    [VIOLATION_UNREPRESENTABLE] = "unrepresentable",
    [VIOLATION_SWALLOWED_ERROR] = "swallowed-error",
    [VIOLATION_UNBOUNDED_WORK] = "unbounded-work",
    [VIOLATION_VMM_ABORT] = "vmm-abort",
};

static const char *const blame_names[BLAME_COUNT] = {
    [BLAME_GUEST] = "guest",
    [BLAME_IOMMU] = "iommu",
    [BLAME_CORE] = "core",
    [BLAME_SUBSCRIBER] = "subscriber",
};

static const char *const perm_names[4] = { "none", "r", "w", "rw" };

/* Where two names share a number, the first is printed and both are read. */
static const struct number_name errnos[] = {
/* clang-format off */
#define E(name) { name, #name }
    E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(ENOEXEC),
    E(EBADF), E(ECHILD), E(EAGAIN), E(EWOULDBLOCK), E(ENOMEM), E(EACCES), E(EFAULT),
    E(ENOTBLK), E(EBUSY), E(EEXIST), E(EXDEV), E(ENODEV), E(ENOTDIR), E(EISDIR),
    E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY), E(ETXTBSY), E(EFBIG), E(ENOSPC),
    E(ESPIPE), E(EROFS), E(EMLINK), E(EPIPE), E(EDOM), E(ERANGE), E(EDEADLK),
    E(EDEADLOCK), E(ENAMETOOLONG), E(ENOLCK), E(ENOSYS), E(ENOTEMPTY), E(ELOOP),
    E(ENOMSG), E(EIDRM), E(ECHRNG), E(EL2NSYNC), E(EL3HLT), E(EL3RST), E(ELNRNG),
    E(EUNATCH), E(ENOCSI), E(EL2HLT), E(EBADE), E(EBADR), E(EXFULL), E(ENOANO),
    E(EBADRQC), E(EBADSLT), E(EBFONT), E(ENOSTR), E(ENODATA), E(ETIME), E(ENOSR),
    E(ENONET), E(ENOPKG), E(EREMOTE), E(ENOLINK), E(EADV), E(ESRMNT), E(ECOMM),
    E(EPROTO), E(EMULTIHOP), E(EDOTDOT), E(EBADMSG), E(EOVERFLOW), E(ENOTUNIQ),
    E(EBADFD), E(EREMCHG), E(ELIBACC), E(ELIBBAD), E(ELIBSCN), E(ELIBMAX), E(ELIBEXEC),
    E(EILSEQ), E(ERESTART), E(ESTRPIPE), E(EUSERS), E(ENOTSOCK), E(EDESTADDRREQ),
    E(EMSGSIZE), E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT), E(ESOCKTNOSUPPORT),
    E(ENOTSUP), E(EOPNOTSUPP), E(EPFNOSUPPORT), E(EAFNOSUPPORT), E(EADDRINUSE),
    E(EADDRNOTAVAIL), E(ENETDOWN), E(ENETUNREACH), E(ENETRESET), E(ECONNABORTED),
    E(ECONNRESET), E(ENOBUFS), E(EISCONN), E(ENOTCONN), E(ESHUTDOWN), E(ETOOMANYREFS),
    E(ETIMEDOUT), E(ECONNREFUSED), E(EHOSTDOWN), E(EHOSTUNREACH), E(EALREADY),
    E(EINPROGRESS), E(ESTALE), E(EUCLEAN), E(ENOTNAM), E(ENAVAIL), E(EISNAM),
    E(EREMOTEIO), E(EDQUOT), E(ENOMEDIUM), E(EMEDIUMTYPE), E(ECANCELED), E(ENOKEY),
    E(EKEYEXPIRED), E(EKEYREVOKED), E(EKEYREJECTED), E(EOWNERDEAD), E(ENOTRECOVERABLE),
    E(ERFKILL), E(EHWPOISON),
#undef E
    /* clang-format on */
};

static const struct number_name hrets[] = {
    { 0, "H_SUCCESS" },   { -1, "H_HARDWARE" },
    { -2, "H_FUNCTION" }, { -4, "H_PARAMETER" },
    { -55, "H_P2" },      { -56, "H_P3" },
    { -57, "H_P4" },      { -44, "H_NOT_ENOUGH_RESOURCES" },
    { 5, "H_PARTIAL" },
};

static const char *
name_of(const struct number_name *table, size_t n, int64_t number)
{
    for (size_t i = 0; i < n; i++) {
        if (table[i].number == number) {
            return table[i].name;
        }
    }
    return NULL;
}

static const struct number_name *
number_of(const struct number_name *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* The index of `s` in `names`, or n. */
static size_t
index_of(const char *const *names, size_t n, const char *s)
{
    size_t i = 0;

    while (i < n && strcmp(names[i], s) != 0) {
        i++;
    }
    return i;
}

const char *
violation_name(enum violation_class c)
{
    return violation_names[c];
}

bool
violation_by_name(const char *s, enum violation_class *out)
{
    size_t i = index_of(violation_names, VIOLATION_COUNT, s);

    if (i == VIOLATION_COUNT) {
        return false;
    }
    *out = (enum violation_class)i;
    return true;
}

const char *
blame_name(enum blame b)
{
    return blame_names[b];
}

bool
blame_by_name(const char *s, enum blame *out)
{
    size_t i = index_of(blame_names, BLAME_COUNT, s);

    if (i == BLAME_COUNT) {
        return false;
    }
    *out = (enum blame)i;
    return true;
}

const char *
perm_name(unsigned p)
{
    return perm_names[p];
}

const char *
errno_name(int e)
{
    const char *name = name_of(errnos, LEN(errnos), e);

    return name != NULL ? name : "EUNKNOWN";
}

bool
errno_by_name(const char *s, int *out)
{
    const struct number_name *found = number_of(errnos, LEN(errnos), s);

    if (found == NULL) {
        return false;
    }
    *out = (int)found->number;
    return true;
}

static const char *const rtas_calls[RTAS_CALL_COUNT] = {
    [RTAS_QUERY_PE_DMA_WINDOW] = "ibm,query-pe-dma-window",
    [RTAS_CREATE_PE_DMA_WINDOW] = "ibm,create-pe-dma-window",
    [RTAS_REMOVE_PE_DMA_WINDOW] = "ibm,remove-pe-dma-window",
    [RTAS_RESET_PE_DMA_WINDOW] = "ibm,reset-pe-dma-window",
    [RTAS_SET_TCE_BYPASS] = "ibm,set-tce-bypass",
    [RTAS_QUIESCE] = "quiesce",
};

const char *
rtas_call_name(enum rtas_call c)
{
    return rtas_calls[c];
}

bool
rtas_call_by_name(const char *s, enum rtas_call *out)
{
    static const char prefix[] = "ibm,";
    const size_t skip = sizeof(prefix) - 1;

    for (unsigned i = 0; i < RTAS_CALL_COUNT; i++) {
        const char *name = rtas_calls[i];
        bool prefixed = strncmp(name, prefix, skip) == 0;

        if (strcmp(s, name) == 0 || (prefixed && strcmp(s, name + skip) == 0)) {
            *out = (enum rtas_call)i;
            return true;
        }
    }
    if (strcmp(s, "ibm,reset-pe-dma-windows") == 0 ||
        strcmp(s, "reset-pe-dma-windows") == 0) {
        *out = RTAS_RESET_PE_DMA_WINDOW;
        return true;
    }
    return false;
}

const char *
hret_name(int64_t ret)
{
    return name_of(hrets, LEN(hrets), ret);
}

bool
hret_by_name(const char *s, int64_t *out)
{
    const struct number_name *found = number_of(hrets, LEN(hrets), s);

    if (found == NULL) {
        return false;
    }
    *out = found->number;
    return true;
}

enum {
    WORD_MAX = 63, /* longer words are not searched for */
};

/* Letters that people take for each other without misspelling the word. */
static char
fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c == '_' ? '-' : c;
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/*
 * How many letters to insert, drop, replace or swap with their neighbour to make
 * one word of the other (optimal string alignment). Both lengths <= WORD_MAX.
 */
static unsigned
word_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];

    for (unsigned j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *up = rows[(i + 2) % 3];
        const unsigned *up2 = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            char x = fold(a[i - 1]), y = fold(b[j - 1]);

            row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b[j - 2]) && y == fold(a[i - 2]) &&
                up2[j - 2] + 1 < row[j]) {
                row[j] = up2[j - 2] + 1;
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *
name_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    unsigned best_distance = WORD_MAX;
    size_t len = strlen(word);

    if (len > WORD_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        size_t name_len = names[i] != NULL ? strlen(names[i]) : SIZE_MAX;

        if (name_len > WORD_MAX) {
            continue;
        }
        unsigned d = word_distance(word, len, names[i], name_len);
        size_t longer = len > name_len ? len : name_len;

        if (d <= longer / 3 && d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

const char *
fail_op_name(enum fail_op op)
{
    static const char *const names[FAIL_OPS] = {
        [FAIL_REGISTER] = "register", [FAIL_MAP] = "map",       [FAIL_UNMAP] = "unmap",
        [FAIL_MESSAGE] = "message",   [FAIL_REPLAY] = "replay", [FAIL_TRACK] = "track",
        [FAIL_SYNC] = "sync",
    };

    return names[op];
}
