/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one table of actions: see action.h. */
#include <string.h>

#include "scenario/action.h"

static const struct action actions[] = {
    { { "map", "any", "device|domain iova size gpa perm page flush",
        "Enter a mapping from iova to gpa into the guest's tables, with permission perm "
        "(rw) and pages of the given size (auto: the largest that fit). Afterwards the "
        "driver's policy invalidates what has to be; flush says otherwise: none, page, "
        "domain, global, or strict and lazy for what these drivers do.",
        "- map: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x20000, perm: rw}" },
      STEP_MAP,
      &map_schema,
      finish_map,
      NULL },
    { { "unmap", "any", "device|domain iova size flush",
        "Clear the guest's table entries for a range; the driver's policy invalidates "
        "now, "
        "later (lazy) or not (manual). flush says otherwise, as for map.",
        "- unmap: {device: nic0, iova: 0x1000, size: 4KiB}" },
      STEP_UNMAP,
      &unmap_schema,
      finish_map,
      NULL },
    { { "change", "any", "device|domain iova size gpa perm page flush",
        "Overwrite live entries in place with a new gpa, a new perm or both.",
        "- change: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x30000}" },
      STEP_CHANGE,
      &change_schema,
      finish_map,
      NULL },
    { { "dma", "any", "device iova size access data pasid",
        "The device reads or writes memory. data (a list of bytes, or one integer) is "
        "what a "
        "write stores and what a read must find; without it memory stays as it is and "
        "only "
        "the access is judged. pasid: what the request carries (VT-d); by default none.",
        "- dma: {device: nic0, iova: 0x1010, size: 64, access: write}" },
      STEP_DMA,
      &dma_schema,
      finish_dma,
      NULL },
    { { "flush", "intel-vtd", "device|domain scope iova size",
        "Invalidate the IOTLB, whatever the driver's policy is: a page range, the "
        "domain, or "
        "everything.",
        "- flush: {device: nic0, scope: page, iova: 0x1000, size: 4KiB}" },
      STEP_FLUSH,
      &flush_schema,
      finish_flush,
      NULL },
    { { "attach", "intel-vtd, papr", "device domain pasid type",
        "Make the device's context entry, or in scalable mode its PASID table entry, "
        "lead "
        "to a domain (type translate), to pass-through, or to nothing (blocked). pasid: "
        "what carries this PASID, from 1 on; by default the domain's pasid, else what "
        "carries none. On PAPR, with ddw: type direct, a dynamic window of the device's "
        "bridge with all of RAM in it.",
        "- attach: {device: nic0, domain: d1}" },
      STEP_ATTACH,
      &attach_schema,
      finish_attach,
      NULL },
    { { "detach", "intel-vtd, papr", "device domain pasid fpd",
        "Take the device's context entry, or in scalable mode the PASID table entry, "
        "away. "
        "fpd: on leaves the bit that keeps faults from being recorded. On PAPR, clear "
        "and "
        "remove the direct window.",
        "- detach: {device: nic0}" },
      STEP_DETACH,
      &detach_schema,
      finish_attach,
      NULL },
    { { "ats", "intel-vtd", "device enable",
        "Switch the device's ATS on or off: the context entry that allows it, the "
        "invalidations of that change, and the control in the device, which goes on last "
        "and off first.",
        "- ats: {device: nic0, enable: off}" },
      STEP_ATS,
      &ats_schema,
      finish_ats,
      NULL },
    { { "check", "any", "", "Compare every shadow with the guest's tables now.",
        "- check" },
      STEP_CHECK,
      &check_schema,
      NULL,
      NULL },
    { { "hotplug", "any", "device (or, PAPR, an iommu)",
        "Plug a device that is not there: its subscribers register and replay.",
        "- hotplug: nic0" },
      STEP_HOTPLUG,
      &target_schema,
      finish_target,
      field_target },
    { { "unplug", "any", "device (or, PAPR, an iommu)",
        "Take a device away: its subscribers leave.", "- unplug: nic0" },
      STEP_UNPLUG,
      &target_schema,
      finish_target,
      field_target },
    { { "subscribe", "any", "device backend replay and the backend's options",
        "Register one more subscriber for a device. replay: on asks for the mappings "
        "that exist, replay: off does not; by default it asks if it takes MAP.",
        "- subscribe: {device: nic0, backend: vhost, replay: off}" },
      STEP_SUBSCRIBE,
      &subscribe_schema,
      finish_subscribe,
      NULL },
    { { "unsubscribe", "any", "device backend|name", "Take a subscriber away.",
        "- unsubscribe: {device: nic0, backend: vhost}" },
      STEP_UNSUBSCRIBE,
      &unsubscribe_schema,
      finish_unsubscribe,
      NULL },
    { { "announce", "any", "device backend|name",
        "Replay once more, to one subscriber alone: what is mapped is announced to it "
        "again.",
        "- announce: {device: nic0, backend: vfio}" },
      STEP_ANNOUNCE,
      &announce_schema,
      finish_unsubscribe,
      NULL },
    { { "reset", "any", "a device, an iommu or machine",
        "Reset one device, one IOMMU, or the whole machine. A device begins with empty "
        "caches, and a back end that was lost is there again. machine resets all IOMMUs; "
        "with `latency: {reset}` its devices stand still meanwhile. The control of a "
        "device's ATS stays as it is.",
        "- reset: machine" },
      STEP_RESET,
      &target_schema,
      finish_target,
      field_target },
    { { "migrate", "papr", "",
        "Save the machine, build it anew elsewhere and load it: tables keep their "
        "entries, subscribers leave and come back.",
        "- migrate: {}" },
      STEP_MIGRATE,
      &check_schema,
      finish_migrate,
      NULL },
    { { "migration", "any", "op",
        "A migration runs beside the guest: start dirty logging, sync (ask everybody "
        "what was written since), or stop. expect: {dirty: [{gpa, size}]} compares the "
        "whole log.",
        "- migration: start" },
      STEP_MIGRATION,
      &migration_schema,
      NULL,
      field_migration },
    { { "discard", "any", "gpa size",
        "Take blocks of RAM from the guest (machine: ram with block). Refused while a "
        "mirror has some of it mapped through an IOMMU; one that sees it 1:1 unmaps it.",
        "- discard: {gpa: 0x40000000, size: 2MiB}" },
      STEP_DISCARD,
      &blocks_schema,
      finish_blocks,
      NULL },
    { { "populate", "any", "gpa size",
        "Give blocks of RAM to the guest, all zero. Refused if a mirror that sees RAM "
        "1:1 cannot map it.",
        "- populate: {gpa: 0x40000000, size: 2MiB}" },
      STEP_POPULATE,
      &blocks_schema,
      finish_blocks,
      NULL },
    { { "fail", "any", "subscriber op nth errno",
        "The nth (1, the next) such operation of a subscriber from now on fails: "
        "register, map, unmap, message, replay, track or sync (the last two: dirty "
        "logging).",
        "- fail: {subscriber: nic0/vfio, op: map, nth: 2, errno: ENOSPC}" },
      STEP_FAIL,
      &fail_schema,
      finish_fail,
      NULL },
    { { "dump", "any", "what iommu device subscriber",
        "Print what the guest's tables, the shadows or the caches hold now, of "
        "everything or "
        "of what is named.",
        "- dump: {what: shadow, subscriber: nic0/vfio}" },
      STEP_DUMP,
      &dump_schema,
      finish_dump,
      field_dump_what },
    { { "workload", "any", "device driver ring buffer count arrivals",
        "A ring-buffer I/O generator: for each of count buffers map, one dma, unmap. "
        "ring is "
        "how many are in flight, arrivals the time between two.",
        "- workload: {device: nic0, ring: 64, buffer: {size: 2KiB}, count: 1000, "
        "arrivals: {exponential: {mean: 2us}}}" },
      STEP_WORKLOAD,
      &workload_schema,
      finish_workload,
      NULL },
    { { "replay", "any", "capture from dma",
        "Run recorded traffic: a QEMU trace log of PAPR calls (qemu-log), a Linux "
        "guest's ftrace of its VT-d driver (linux-trace), the actor lines of an earlier "
        "trace (iommusim), or a file of script lines (script). dma: on makes the "
        "accesses "
        "of devices that a qemu-log shows, too.",
        "- replay: {capture: run.trace, from: iommusim}" },
      STEP_REPLAY,
      &replay_schema,
      finish_replay,
      NULL },
    { { "mem", "any", "gpa u64|u32|u8|fill size",
        "The guest's processor stores values, or fills size bytes.",
        "- mem: {gpa: 0x5000, u64: [0x2003, 0]}" },
      STEP_MEM,
      &mem_schema,
      finish_mem,
      NULL },
    { { "mem_expect", "any", "gpa u64|u32|u8|fill size",
        "Compare guest memory with values.",
        "- mem_expect: {gpa: 0x5000, u64: [0x2003]}" },
      STEP_MEM_EXPECT,
      &mem_expect_schema,
      finish_mem,
      NULL },
    { { "mmio", "intel-vtd", "iommu reg value width",
        "Write a register of the IOMMU, by name or offset. Fault record n is FRCDn_LO "
        "and "
        "FRCDn_HI.",
        "- mmio: {iommu: vtd0, reg: GCMD, value: 0x80000000}" },
      STEP_MMIO,
      &mmio_schema,
      finish_mmio,
      NULL },
    { { "mmio_expect", "intel-vtd", "iommu reg value mask width",
        "Read a register and compare the bits in mask (all of them).",
        "- mmio_expect: {iommu: vtd0, reg: GSTS, value: 0x80000000, mask: 0x80000000}" },
      STEP_MMIO_EXPECT,
      &mmio_expect_schema,
      finish_mmio,
      NULL },
    { { "pte", "intel-vtd", "domain iova level value",
        "Store one entry of a domain's page tables as it stands and tell nobody; tables "
        "above it are made as needed. Level 1 (the default) holds 4 KiB leaves. The bits "
        "are those of the domain's stage.",
        "- pte: {domain: d1, iova: 0x1000, level: 1, value: 0x20003}" },
      STEP_PTE,
      &pte_schema,
      finish_pte,
      NULL },
    { { "root", "intel-vtd", "iommu device present table upper_present upper_table raw",
        "Store the root entry of a device's bus, raw (two words) or by its fields, and "
        "tell nobody; what is not given stays. In scalable mode the upper half serves "
        "devices 16 to 31 of the bus.",
        "- root: {device: nic0, raw: [0, 0]}" },
      STEP_ROOT,
      &root_schema,
      finish_entry,
      NULL },
    { { "context", "intel-vtd",
        "iommu device mode present fpd raw; legacy: domain tt aw did table; scalable: "
        "dte paside pre pdts directory rid_pasid rid_priv",
        "Store a device's context entry, raw or by its fields, and tell nobody. Its "
        "layout is that of the iommu's mode unless mode says legacy or scalable: two "
        "words or four. What is not given: present on; legacy, aw, did and table those "
        "of domain; scalable, what leads to the device's PASID directory.",
        "- context: {device: nic0, domain: d1, tt: 0}" },
      STEP_CONTEXT,
      &context_schema,
      finish_entry,
      NULL },
    { { "pasid_dir", "intel-vtd", "iommu device pasid present fpd table raw",
        "Store the entry of a device's PASID directory that serves a PASID, raw (one "
        "word) or by its fields, and tell nobody; what is not given stays.",
        "- pasid_dir: {device: nic0, pasid: 5, present: 0}" },
      STEP_PASID_DIR,
      &pasid_dir_schema,
      finish_entry,
      NULL },
    { { "pasid", "intel-vtd",
        "iommu device pasid domain present fpd aw ssee pgtt ssade ssptptr did pwsnp "
        "pgsnp "
        "cd emte pat sre ere fspm wpe nxe smep eafe fsptptr raw",
        "Store a device's PASID table entry, raw (eight words) or by its fields, and "
        "tell nobody. What is not given: present on, and what leads to domain. Requests "
        "without PASID use that of PASID 0. pgtt is first-stage, second-stage, nested, "
        "passthrough or a number.",
        "- pasid: {device: nic0, pasid: 5, domain: d1}" },
      STEP_PASID,
      &pasid_schema,
      finish_entry,
      NULL },
    { { "qi", "intel-vtd", "iommu descriptors|raw width",
        "Put descriptors into the invalidation queue and move the tail: context, iotlb, "
        "dev-iotlb, iec, wait, pasid-iotlb, pasid-cache, pasid-dev-iotlb, page-response, "
        "or raw words. Device TLBs take iova and size (or all), or address and s as the "
        "descriptor has them. width is that of the descriptors, 128 or 256 bits; by "
        "default what IQA says.",
        "- qi: {iommu: vtd0, descriptors: [{type: iotlb, granularity: domain, did: 1}, "
        "{type: wait}]}" },
      STEP_QI,
      &qi_schema,
      finish_qi,
      NULL },
    { { "h_put_tce", "papr", "liobn ioba tce", "The hypercall H_PUT_TCE: set one entry.",
        "- h_put_tce: {liobn: 0x80000000, ioba: 0x1000, tce: 0x20003}" },
      STEP_H_PUT_TCE,
      &put_tce_schema,
      finish_tce,
      NULL },
    { { "h_put_tce_indirect", "papr", "liobn ioba list npages",
        "The hypercall H_PUT_TCE_INDIRECT: set entries from a list in memory (its "
        "address, or "
        "the entries themselves).",
        "- h_put_tce_indirect: {liobn: 0x80000000, ioba: 0, list: [0x20003, 0x21003]}" },
      STEP_H_PUT_TCE_INDIRECT,
      &put_tce_indirect_schema,
      finish_tce,
      NULL },
    { { "h_stuff_tce", "papr", "liobn ioba tce npages",
        "The hypercall H_STUFF_TCE: set npages entries to one value.",
        "- h_stuff_tce: {liobn: 0x80000000, ioba: 0, tce: 0, npages: 16}" },
      STEP_H_STUFF_TCE,
      &stuff_tce_schema,
      finish_tce,
      NULL },
    { { "h_get_tce", "papr", "liobn ioba", "The hypercall H_GET_TCE: read one entry.",
        "- h_get_tce: {liobn: 0x80000000, ioba: 0x1000}" },
      STEP_H_GET_TCE,
      &get_tce_schema,
      finish_tce,
      NULL },
    { { "rtas", "papr", "call args nret",
        "A call of the firmware: query-, create-, remove- or reset-pe-dma-window, "
        "set-tce-bypass (with ibm, in front or not) or quiesce, with its words of 32 "
        "bits. nret is how many words the guest has room for (a query: 6, or 5). "
        "expect: {rets: [...]} compares the words written, the status first or left "
        "out; ret is the status alone.",
        "- rtas: {call: create-pe-dma-window, args: [0, 0x08000000, 0x20000000, 16, "
        "30]}" },
      STEP_RTAS,
      &rtas_schema,
      finish_rtas,
      NULL },
};

/* What takes the place of an action and is none. */
static const struct step_doc groups[] = {
    { "steps", "any", "repeat stride",
      "Several steps as one: repeat: N goes through all of them N times, and stride adds "
      "to the keys that it names of each. Groups nest.",
      "- {repeat: 4, stride: {iova: 64KiB}, steps: [{unmap: {device: nic0, iova: 0, "
      "size: 4KiB}}, check]}" },
    { "script", "any", "repeat stride",
      "Many steps in few words: a line each, the action and then key=value. +T in front "
      "is after, @T is at, and # begins a comment.",
      "- script: \"+5us dma device=nic0 iova=0x1010 size=64 access=write\"" },
};

const struct step_doc *
scenario_step_doc(size_t i)
{
    return i < LEN(actions)                 ? &actions[i].doc
           : i < LEN(actions) + LEN(groups) ? &groups[i - LEN(actions)]
                                            : NULL;
}

const char *
step_name(enum step_kind k)
{
    for (size_t i = 0; i < LEN(actions); i++) {
        if (actions[i].kind == k) {
            return actions[i].doc.name;
        }
    }
    return "steps";
}

const struct action *
find_action(struct val key)
{
    for (size_t i = 0; i < LEN(actions); i++) {
        if (actions[i].doc.name[0] == key.s[0] && val_is(key, actions[i].doc.name)) {
            return &actions[i];
        }
    }
    return NULL;
}

void
unknown_action(struct loader *l, struct val key)
{
    static const char *const others[] = { "script", "steps",  "at",     "after", "label",
                                          "expect", "repeat", "stride", "wait" };
    const char *names[LEN(actions) + LEN(others)];

    for (size_t i = 0; i < LEN(actions); i++) {
        names[i] = actions[i].doc.name;
    }
    memcpy(names + LEN(actions), others, sizeof(others));
    load_unknown(l, key, "step", names, key.node != NULL ? LEN(names) : LEN(actions));
}

static const struct step_options no_options = { .repeat = 1 };

void
step_init(struct loader *l, struct step *s, const struct action *a, struct src_pos pos)
{
    static const struct step blank = { .opt = &no_options, .wait = true };
    enum step_kind kind = a != NULL ? a->kind : STEP_LOOP;

    *s = blank;
    s->pos = pos;
    s->kind = (uint8_t)kind;
    if (kind <= STEP_RESET || kind == STEP_DUMP) {
        /* device, domain or iommu come first in all of these but dump */
        s->u.target = (struct step_target){ SCENARIO_NONE, SCENARIO_NONE };
    }
    if (kind == STEP_MAP) {
        s->u.map.perm = PERM_RW;
    } else if (kind == STEP_LOOP) {
        s->u.loop = NULL;
    } else if (kind == STEP_DUMP) {
        s->u.dump.iommu = s->u.dump.device = SCENARIO_NONE;
        s->u.dump.what = 0;
    } else if (kind == STEP_MMIO || kind == STEP_MMIO_EXPECT) {
        s->u.mmio.iommu = SCENARIO_NONE;
    } else if (kind == STEP_QI) {
        s->u.qi.iommu = SCENARIO_NONE;
    } else if (kind == STEP_SUBSCRIBE) {
        s->u.subscribe.replay = REPLAY_DEFAULT;
        l->sub = arena_alloc(l->arena, sizeof(*l->sub));
        subscriber_init(l->sub);
        l->sub_args->given = l->sub_args->next = 0;
    } else if (kind == STEP_WORKLOAD) {
        struct step_workload *w = arena_alloc(l->arena, sizeof(*w));

        w->device = SCENARIO_NONE;
        w->ring = 256;
        w->buffer_size = DIST_CONST(2048);
        s->u.workload = w;
    } else if (kind >= STEP_ROOT && kind <= STEP_PASID) {
        struct step_entry *e = arena_alloc(l->arena, sizeof(*e));

        e->iommu = e->device = e->domain = SCENARIO_NONE;
        s->u.entry = e;
    }
}
