/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Linux guest's trace of its VT-d driver as a scenario: maps and unmaps become stores
 * into the tables of a domain, submitted descriptors go into the queue as they were,
 * each with a wait behind it, as Linux does.
 *
 * The trace names no domain. A page-selective invalidation that follows a map or unmap
 * and covers it says whose it was; a change without one belongs to the first domain in
 * which it is possible. Without caching mode maps have none, so a trace with several
 * domains says too little then and is refused. Domains are those that descriptors name
 * (1 where there are none), each with a device of its own; the address of a device is
 * known if device-TLB invalidations follow those of its domain. Permissions are not
 * traced and taken as rw; what was mapped before the trace began is unknown, and its
 * unmap is left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/import.h"
#include "iommu/vtd_sm_fmt.h"
#include "trace/ftrace.h"
#include "util/alloc.h"
#include "util/rangemap.h"

#define GRAIN     (UINT64_C(16) << 20)
#define TABLES    (UINT64_C(64) << 20) /* memory for page tables, behind the guest's */
#define NO_DOMAIN SIZE_MAX

struct domain {
    uint16_t did;
    uint16_t sid; /* 0: unknown */
    bool ats;
    struct rangemap live;
};

struct linux_import {
    struct trace_output *out;
    const struct ftrace_op *ops; /* n of them */
    size_t n;
    struct domain *domains;
    size_t n_domains;
    struct budget budget;
    bool caching_mode, device_iotlb;
    uint64_t ram;
    uint64_t left_out; /* unmaps of what is not known to be mapped */
};

#define say(im, ...) trace_output_print((im)->out, __VA_ARGS__)

/* ---- domains ---- */

static size_t
domain_of(struct linux_import *im, uint16_t did)
{
    for (size_t i = 0; i < im->n_domains; i++) {
        if (im->domains[i].did == did) {
            return i;
        }
    }
    im->domains = xrealloc(im->domains, im->n_domains + 1, sizeof(*im->domains));
    im->domains[im->n_domains] = (struct domain){ .did = did };
    rangemap_init(&im->domains[im->n_domains].live, RANGEMAP_LINEAR, &im->budget);
    return im->n_domains++;
}

static bool
is_iotlb(const struct ftrace_op *op)
{
    return op->kind == FTRACE_SUBMIT && vtd_desc_type(op->words[0]) == VTD_DESC_IOTLB;
}

/* Whether op is a page-selective invalidation over all of the range of `change`. */
static bool
flushes(const struct ftrace_op *op, const struct ftrace_op *change)
{
    if (!is_iotlb(op) || vtd_desc_gran(op->words[0]) != VTD_GRAN_FINE) {
        return false;
    }
    const unsigned lg2 = PAGE_LG2 + vtd_desc_am(op->words[1]);
    const uint64_t first = align_down(vtd_desc_addr(op->words[1]), lg2);

    return change->iova >= first &&
           change->iova + change->size - 1 <= first + ((UINT64_C(1) << lg2) - 1);
}

/* The invalidation that goes with the map or unmap at i; NULL: none. */
static const struct ftrace_op *
flush_of(const struct linux_import *im, size_t i)
{
    for (size_t k = i + 1; k < im->n && im->ops[k].kind == FTRACE_SUBMIT; k++) {
        if (flushes(&im->ops[k], &im->ops[i])) {
            return &im->ops[k];
        }
    }
    return NULL;
}

/* The first domain that op is possible in. */
static size_t
guess_domain(const struct linux_import *im, const struct ftrace_op *op)
{
    for (size_t i = 0; i < im->n_domains; i++) {
        const bool live =
            rangemap_any(&im->domains[i].live, op->iova, op->iova + op->size - 1);
        if (live == (op->kind == FTRACE_UNMAP)) {
            return i;
        }
    }
    return NO_DOMAIN;
}

/* Whose map or unmap it is at i, which then takes place; NO_DOMAIN: nobody's. */
static size_t
take_change(struct linux_import *im, size_t i)
{
    const struct ftrace_op *op = &im->ops[i], *flush = flush_of(im, i);
    const uint64_t last = op->iova + op->size - 1;
    const size_t d = flush != NULL ? domain_of(im, vtd_desc_did(flush->words[0]))
                                   : guess_domain(im, op);

    if (d == NO_DOMAIN || op->size == 0 ||
        rangemap_any(&im->domains[d].live, op->iova, last) !=
            (op->kind == FTRACE_UNMAP)) {
        im->left_out++;
        return NO_DOMAIN;
    }
    if (op->kind == FTRACE_MAP) {
        rangemap_insert(&im->domains[d].live, op->iova, last, 0, PERM_RW);
    } else {
        rangemap_remove(&im->domains[d].live, op->iova, last);
    }
    return d;
}

/* ---- what the machine must be like ---- */

static void
survey(struct linux_import *im)
{
    size_t recent = NO_DOMAIN;

    for (size_t i = 0; i < im->n; i++) {
        const struct ftrace_op *op = &im->ops[i];
        if (op->kind == FTRACE_MAP) {
            im->caching_mode |= flush_of(im, i) != NULL;
            if (op->gpa + op->size > im->ram) {
                im->ram = op->gpa + op->size;
            }
        } else if (is_iotlb(op) && vtd_desc_gran(op->words[0]) != VTD_GRAN_GLOBAL) {
            recent = domain_of(im, vtd_desc_did(op->words[0]));
        } else if (op->kind == FTRACE_SUBMIT &&
                   vtd_desc_type(op->words[0]) == VTD_DESC_DEV_IOTLB) {
            im->device_iotlb = true;
            if (recent != NO_DOMAIN) {
                im->domains[recent].sid = vtd_desc_sid(op->words[0]);
                im->domains[recent].ats = true;
            }
        }
    }
    if (im->n_domains == 0) {
        domain_of(im, 1);
    }
    im->ram = (im->ram + GRAIN - 1) & ~(GRAIN - 1);
}

static void
say_devices(struct linux_import *im, const char *const *backends, size_t n)
{
    say(im, "  devices:\n");
    for (size_t i = 0; i < im->n_domains; i++) {
        const struct domain *d = &im->domains[i];
        say(im, "    did%u-dev: {iommu: vtd0", d->did);
        if (d->sid != 0) {
            say(im, ", address: \"%02x:%02x.%x\"", d->sid >> 8, d->sid >> 3 & 31,
                d->sid & 7);
        }
        if (d->ats) {
            say(im, ", ats: on");
        }
        say(im, ", backend: [");
        for (size_t k = 0; k < n; k++) {
            say(im, "%s%s", k > 0 ? ", " : "", backends[k]);
        }
        say(im, "]}\n");
    }
}

static void
say_machine(struct linux_import *im, const char *const *backends, size_t n)
{
    say(im,
        "machine:\n  ram: 0x%" PRIx64 "\n  iommus:\n"
        "    vtd0: {model: intel-vtd, caching_mode: %s, device_iotlb: %s}\n",
        im->ram + TABLES, im->caching_mode ? "on" : "off",
        im->device_iotlb ? "on" : "off");
    say_devices(im, backends, n);
    say(im,
        "guest:\n  table_memory: {base: 0x%" PRIx64 ", size: 0x%" PRIx64
        "}\n  domains:\n",
        im->ram, TABLES);
    for (size_t i = 0; i < im->n_domains; i++) {
        say(im, "    d%u: {iommu: vtd0, did: %u}\n", im->domains[i].did,
            im->domains[i].did);
    }
}

/* ---- what happened ---- */

static void
say_change(struct linux_import *im, size_t i, uint64_t ns)
{
    const struct ftrace_op *op = &im->ops[i];
    const size_t d = take_change(im, i);

    if (d == NO_DOMAIN) {
        return;
    }
    say(im, "      @%" PRIu64 "ns %s domain=d%u iova=0x%" PRIx64 " size=0x%" PRIx64, ns,
        op->kind == FTRACE_MAP ? "map" : "unmap", im->domains[d].did, op->iova, op->size);
    if (op->kind == FTRACE_MAP) {
        say(im, " gpa=0x%" PRIx64 " perm=rw", op->gpa);
    }
    say(im, " flush=none\n");
}

/* Interrupts are not traced, nor what their entries change. */
static void
say_submit(struct linux_import *im, const struct ftrace_op *op, uint64_t ns)
{
    if (vtd_desc_type(op->words[0]) != VTD_DESC_IEC) {
        say(im,
            "      @%" PRIu64 "ns qi iommu=vtd0 descriptors=raw:0x%" PRIx64 ":0x%" PRIx64
            ",wait\n",
            ns, op->words[0], op->words[1]);
    }
}

/* Without caching mode nothing tells the domains apart. */
static bool
is_ambiguous(const struct linux_import *im)
{
    return !im->caching_mode && im->n_domains > 1;
}

static void
say_traffic(struct linux_import *im)
{
    say(im, "timeline:\n");
    for (size_t i = 0; i < im->n_domains; i++) {
        say(im, "  - attach: {device: did%u-dev, domain: d%u}\n", im->domains[i].did,
            im->domains[i].did);
    }
    say(im, "  - script: |\n");
    for (size_t i = 0; i < im->n; i++) {
        const struct ftrace_op *op = &im->ops[i];
        const uint64_t ns = (op->usec - im->ops[0].usec) * 1000;
        if (op->kind == FTRACE_SUBMIT) {
            say_submit(im, op, ns);
        } else {
            say_change(im, i, ns);
        }
    }
    say(im, "  - check: {}\n");
}

static void
linux_import_fini(struct linux_import *im, struct ftrace_op *ops)
{
    for (size_t i = 0; i < im->n_domains; i++) {
        rangemap_fini(&im->domains[i].live);
    }
    free(im->domains);
    free(ops);
}

bool
import_linux_trace(const char *path, const char *const *backends, size_t n, bool dump,
                   struct trace_output *out, struct err *e)
{
    static const char *const mirrors[] = { "vfio" }, *const caches[] = { "vhost" };
    struct linux_import im = { .out = out, .budget = { .limit = UINT64_MAX } };
    const char *slash = strrchr(path, '/');
    struct ftrace_op *ops;

    if (!ftrace_read(path, &ops, &im.n, e)) {
        return false;
    }
    if (im.n == 0) {
        return err_at(e, path, 0, 0, "no event of the iommu or intel_iommu tracers");
    }
    im.ops = ops;
    survey(&im);
    if (is_ambiguous(&im)) {
        linux_import_fini(&im, ops);
        return err_at(e, path, 0, 0,
                      "the guest ran without caching mode and with several domains: "
                      "nothing tells whose its mappings are");
    }
    if (n == 0) {
        backends = im.caching_mode ? mirrors : caches;
        n = 1;
    }
    say(&im,
        "iommusim: 1\nname: \"%s\"\ndescription: >-\n"
        "  Imported from a Linux trace of %zu events. Permissions, which it does not "
        "carry, are rw;\n  domains are worked out from the invalidations.\n",
        slash != NULL ? slash + 1 : path, im.n);
    say_machine(&im, backends, n);
    say_traffic(&im);
    if (dump) {
        say(&im, "  - dump: tables\n");
    }
    if (im.left_out > 0) {
        say(&im,
            "# %" PRIu64 " maps or unmaps without a known counterpart are left out.\n",
            im.left_out);
    }
    linux_import_fini(&im, ops);
    return true;
}
