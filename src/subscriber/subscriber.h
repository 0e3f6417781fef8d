/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Subscribers: parties that listen to a device's address space and hold a shadow
 * of its translations, built only from what they were told. Each kind is an ops
 * table; subscriber.c has what they share: listening to the space's sections,
 * registering a notifier for each IOMMU section, asking for replay. internal.h lists the
 * files beside it.
 *
 * A mirror must equal the guest's tables at sync points; a cache may lack entries
 * but must not hold wrong ones; an observer holds nothing.
 */
#ifndef IOMMUSIM_SUBSCRIBER_SUBSCRIBER_H
#define IOMMUSIM_SUBSCRIBER_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notify/env.h"
#include "notify/notify.h"
#include "notify/space.h"
#include "util/addr.h"
#include "util/err.h"
#include "util/rangemap.h"

enum shadow_kind { SHADOW_NONE, SHADOW_MIRROR, SHADOW_CACHE };

enum dma_outcome {
    DMA_OK,
    DMA_FAULT,   /* the IOMMU refused */
    DMA_BLOCKED, /* the subscriber's shadow or host refused */
    DMA_REFUSED, /* the device does no DMA: unplugged, or its backend was refused */
};

/* One answer to a device's access. */
struct dma_answer {
    enum dma_outcome result;
    gpa_t gpa;      /* OK: of the address asked for */
    uint64_t first; /* bus addresses for which this answer holds */
    uint64_t last;
    enum perm perm;
};

/* The page of iova is refused by the shadow, or by who keeps it. */
static inline struct dma_answer
dma_blocked(uint64_t iova)
{
    return (struct dma_answer){
        .result = DMA_BLOCKED,
        .first = iova & ~PAGE_MASK,
        .last = iova | PAGE_MASK,
    };
}

/* What a device asks the IOMMU. */
enum ask_kind {
    ASK_UNTRANSLATED,
    ASK_TRANSLATION, /* ATS: for the translation, to keep it */
    ASK_TRANSLATED,  /* ATS: to let pass an address that was given so */
};
#define ASK_NO_PASID UINT32_MAX
struct ask {
    enum ask_kind kind;
    enum perm access; /* one bit */
    uint32_t pasid;   /* or ASK_NO_PASID */
    uint64_t iova;    /* TRANSLATED: guest-physical */
};

/* How it asks; given by the machine at attach. */
struct translator {
    /*
     * out->result says how it went: DMA_OK; DMA_FAULT, refused (a fault may have been
     * recorded); DMA_BLOCKED, nothing is there, as a translation request is told.
     */
    void (*translate)(void *self, const struct ask *q, struct dma_answer *out);
    void *self;
};

struct subscriber;

struct subscriber_span {
    uint64_t first, last;
};

/*
 * What one device brings into a mirror's container: the addresses that its host IOMMU
 * keeps for itself. Owned by whoever joins it, until it parts.
 */
struct subscriber_group {
    const struct subscriber_span *reserved; /* borrowed */
    size_t n_reserved;
    struct subscriber_group *next; /* the container's */
};

struct subscriber_config {
    const char *name;   /* device/name; borrowed */
    const char *device; /* borrowed */
    unsigned flags;     /* NOTIFY_ bits; 0 = the kind's own */
    bool has_range;
    uint64_t range_first, range_last; /* clips every section to this */
    bool replay;        /* ask for replay after registering, if it takes MAP */
    bool replay_always; /* or whatever it takes */
    bool retry;         /* a refused section is tried again when it appears anew */
    /* mirrors */
    uint64_t page_sizes;  /* bitmap of host page sizes; 0 = 4 KiB and up */
    uint64_t entry_limit; /* mappings; 0 = the kind's own */
    bool has_aperture;
    uint64_t aperture_first, aperture_last;
    uint64_t locked_memory; /* bytes that may be pinned; 0 = no limit */
    /* vhost-vdpa */
    bool no_set_map; /* the device is told of each change, not of a batch's result */
    /* vfio-spapr */
    unsigned version;      /* 1, else 2 */
    uint64_t backing_page; /* host page size of RAM; 0 = as large as needed */
    bool has_registered;   /* v2: only these guest-physical addresses were */
    uint64_t registered_first, registered_last;
    bool strict_permissions; /* write-only pages held as rw are a violation */
    /* caches */
    uint64_t entries; /* capacity; 0 = the kind's own */
    bool no_acks;     /* vhost-user: nobody waits for its acknowledgements */
    uint64_t depth;   /* vhost-user: misses that its channel holds; 0 = any number */
    /* ats */
    enum completion completion; /* how it answers invalidations */
    bool ats;                   /* the device's ATS is enabled */
    bool no_iommu;              /* vhost: nothing translates for the device, ever */
    uint32_t pasid; /* whose translations it caches; ASK_NO_PASID: requests without */
};

struct subscriber_ops {
    const char *name; /* scenario keyword */
    unsigned flags;   /* NOTIFY_ bits asked for by default */
    enum shadow_kind shadow;
    bool wants_replay; /* by default, after registering */
    bool aborts;       /* QEMU's listener does, if it is refused while it listens */
    bool goes_on;      /* QEMU's listener does, unregistered, if it is refused */
    int in_use;        /* mirrors: errno of a group that reserves what is mapped */
    size_t size;       /* of the kind's struct, whose first member is struct subscriber */

    void (*init)(struct subscriber *s,
                 const struct subscriber_config *c); /* may be NULL */
    void (*fini)(struct subscriber *s);              /* may be NULL */
    /*
     * Trim a section, clipped to the range of the configuration, to what the host
     * can express; false: it cannot, the section is left out. NULL: all as they are.
     */
    bool (*trim)(const struct subscriber *s, uint64_t *first, uint64_t *last);
    /*
     * An IOMMU section, trimmed, of pages of `page` bytes is about to be registered
     * for: a positive errno and *e to refuse, which is as a refusal by the IOMMU. close
     * is its end, after teardown. NULL: nothing to do.
     */
    int (*open)(struct subscriber *s, const struct space_section *section, uint64_t page,
                struct err *e);
    void (*close)(struct subscriber *s, const struct space_section *section);
    /*
     * The IOMMU refused config.flags: true, and others in their place, to ask for those
     * instead. NULL: that is the end of it.
     */
    bool (*fall_back)(struct subscriber *s);
    /*
     * The guest has switched its device's ATS: config.ats is new. Set config.flags, by
     * which all will be registered anew. NULL: it makes no difference.
     */
    void (*ats_switched)(struct subscriber *s);
    /*
     * An event of one of its registrations, clipped; `first` is the bus address.
     * A failure of the host is reported by subscriber_failed and goes no further.
     * NULL: events are only counted.
     */
    void (*notify)(struct subscriber *s, const struct notify_event *ev, uint64_t first,
                   uint64_t last);
    /*
     * Where the host's kernel holds the IOMMU's table and the host's it keeps them in
     * step by itself, as notify would, if it takes the target. NULL: it does not.
     */
    bool (*kernel_takes)(const struct subscriber *s, uint64_t target, uint64_t len);
    /*
     * Sections come and go between begin and commit. alter: RAM is about to be mapped or
     * unmapped, or an IOMMU section to be emptied. NULL: nothing to do.
     */
    void (*begin)(struct subscriber *s);
    void (*alter)(struct subscriber *s);
    void (*commit)(struct subscriber *s);
    /* RAM [first, last] became visible 1:1, or vanishes; NULL: nothing to do. */
    void (*bypass_map)(struct subscriber *s, uint64_t first, uint64_t last);
    void (*bypass_unmap)(struct subscriber *s, uint64_t first, uint64_t last);
    /*
     * The host pages of guest RAM [first, last] are the guest's no more, whatever the
     * subscriber has pinned. NULL: it pins nothing.
     */
    void (*discarded)(struct subscriber *s, uint64_t first, uint64_t last);
    /*
     * An IOMMU section went away: a mirror empties [first, last], and so does a device
     * TLB, which no UNMAP reaches. NULL: nothing to do.
     */
    void (*teardown)(struct subscriber *s, uint64_t first, uint64_t last);
    /* Detached or refused: whatever it still holds goes. NULL: nothing to do. */
    void (*clear)(struct subscriber *s);

    /*
     * A migration runs, or no more: keep what the device writes, of which it is told by
     * `wrote` as it happens, and enter it in the dirty log on `sync`. track: a positive
     * errno if the host cannot. All NULL: the monitor logs each write by itself.
     */
    int (*track)(struct subscriber *s, bool on);
    void (*wrote)(struct subscriber *s, uint64_t iova, uint64_t gpa, uint64_t len);
    int (*sync)(struct subscriber *s);

    /* The device accesses [iova, ...]. NULL: the IOMMU translates. */
    struct dma_answer (*dma)(struct subscriber *s, uint64_t iova, enum perm access);

    /*
     * What it holds, for the checker and for dumps: the piece that covers addr, and
     * the first that ends at or after `from`. NULL with SHADOW_NONE.
     */
    bool (*lookup)(const struct subscriber *s, uint64_t addr, struct range_piece *out);
    bool (*next)(const struct subscriber *s, uint64_t from, struct range_piece *out);
};

/* A registration on one IOMMU section. */
struct subscriber_binding {
    struct subscriber *s;
    struct notifier notifier;
    struct space_section section;
    struct subscriber_binding *next;
};

struct subscriber {
    const struct subscriber_ops *ops;
    struct subscriber_config config;
    struct env *env;
    struct translator translator; /* caches and emulated devices; may be zero */
    struct space *space;          /* its device's, while attached */
    struct space_listener listener;
    struct subscriber_binding *bindings;
    struct subscriber_group *groups;
    struct notify_event late; /* one that it has yet to act on; type 0: none */
    struct space ram;         /* what it listens to instead of its device's space */
    bool attached;
    bool attaching;   /* the sections that are there are being added */
    bool replaying;   /* it is being told of what exists */
    int memory_error; /* the first failure since RAM was last added, a positive errno */
    bool stranded;    /* it is gone, and its registrations are not */
    /*
     * Some registration was refused: it holds nothing and does no DMA. With
     * config.retry, the last one tried.
     */
    bool refused;
    bool switching; /* it registers anew, with other flags, where it was */
    bool deaf;      /* a registration was refused, and it went on without */
    struct err why; /* then */
    uint64_t maps, unmaps, deviotlb_unmaps; /* events delivered */
    uint64_t errors;                        /* host failures */
    uint64_t misses;                        /* caches: translations asked for */
    uint64_t batches;                       /* vhost-vdpa: that were committed */
    void *mark;                             /* the observer's own */
};

/* The kinds that exist, by the names of their ops tables. NULL: unknown. */
const struct subscriber_ops *subscriber_kind(const char *name);
const struct subscriber_ops *subscriber_kind_at(size_t i); /* NULL past the end */

/* A subscriber at rest. The config's strings are borrowed. */
struct subscriber *subscriber_new(const struct subscriber_ops *ops,
                                  const struct subscriber_config *c, struct env *env);
/* It must be detached. NULL is fine. */
void subscriber_free(struct subscriber *s);

/*
 * Listen to `space`: for each IOMMU section register, then replay if it asks for
 * it. If a registration is refused, what was registered is undone, the
 * subscriber is `refused`, with a trace line; false and *e. With config.retry it
 * goes on listening then.
 */
bool subscriber_attach(struct subscriber *s, struct space *space, struct translator tr,
                       struct err *e);
/*
 * A device joins a mirror's container, the first one before subscriber_attach: from now
 * on nothing can be mapped at what it reserves. False, with *e and a `refused` line in
 * the name of `who`, if something is already, and then nothing has changed.
 */
bool subscriber_join(struct subscriber *s, const char *who, struct subscriber_group *g,
                     struct err *e);
/* It leaves again, if it is in. */
void subscriber_part(struct subscriber *s, struct subscriber_group *g);
/*
 * The lowest reserved range of s that overlaps [first, last], cut to it; false: there is
 * none.
 */
bool subscriber_reserved(const struct subscriber *s, uint64_t first, uint64_t last,
                         struct subscriber_span *out);
/* Unregister everything; a mirror empties itself. */
void subscriber_detach(struct subscriber *s);
/*
 * The guest enables its device's ATS, or disables it: what is registered is unregistered,
 * and registered anew with other flags.
 */
void subscriber_set_ats(struct subscriber *s, bool on);
/*
 * It goes without unregistering: whoever calls one of its registrations now ends the
 * monitor. subscriber_detach ends that.
 */
void subscriber_strand(struct subscriber *s);
/* Ask for replay once more, of each registration, lowest section first. */
void subscriber_replay(struct subscriber *s);

/*
 * Guest RAM [first, last] has been populated, or is about to be discarded: where s sees
 * RAM 1:1 it follows. False: its host could not map all of it, and none is.
 */
bool subscriber_populate(struct subscriber *s, uint64_t first, uint64_t last);
void subscriber_discard(struct subscriber *s, uint64_t first, uint64_t last);
/* Whether s has mapped some of guest RAM [first, last] through an IOMMU, and pins it. */
bool subscriber_pins(const struct subscriber *s, uint64_t first, uint64_t last);

/* Dirty logging on or off; false: the host cannot, which a line says. */
bool subscriber_track(struct subscriber *s, bool on);
/* Bring the dirty log up to date; if that fails, so does the migration. */
void subscriber_sync(struct subscriber *s);

/* For the kinds: count and trace a failure of the host, tell the observer. */
void subscriber_failed(struct subscriber *s, const char *op, uint64_t first,
                       uint64_t last, int error);

#endif
