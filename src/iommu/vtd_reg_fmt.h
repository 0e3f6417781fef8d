/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VT-d's registers as bits, and what they report: why the queue stopped, fault reasons,
 * fault recording registers. As in vtd_fmt.h, neither state nor memory.
 * Source: Intel Virtualization Technology for Directed I/O, revision 4: "Register
 * Descriptions", "Fault Conditions".
 */
#ifndef IOMMUSIM_IOMMU_VTD_REG_FMT_H
#define IOMMUSIM_IOMMU_VTD_REG_FMT_H

#include "iommu/vtd_fmt.h"

/* ---- registers: offsets in the 4 KiB page ---- */

enum vtd_reg {
    VTD_VER = 0x00,
    VTD_CAP = 0x08,  /* 64 bits */
    VTD_ECAP = 0x10, /* 64 */
    VTD_GCMD = 0x18,
    VTD_GSTS = 0x1c,
    VTD_RTADDR = 0x20, /* 64 */
    VTD_CCMD = 0x28,   /* 64 */
    VTD_FSTS = 0x34,
    VTD_FECTL = 0x38,
    VTD_FEDATA = 0x3c,
    VTD_FEADDR = 0x40,
    VTD_FEUADDR = 0x44,
    VTD_IQH = 0x80, /* 64 */
    VTD_IQT = 0x88, /* 64 */
    VTD_IQA = 0x90, /* 64 */
    VTD_ICS = 0x9c,
    VTD_IECTL = 0xa0,
    VTD_IEDATA = 0xa4,
    VTD_IEADDR = 0xa8,
    VTD_IEUADDR = 0xac,
    VTD_IQERCD = 0xb0, /* 64 */
    VTD_IRTA = 0xb8,   /* 64 */
    VTD_IVA = 0xf0,    /* 64; ECAP.IRO * 16 */
    VTD_IOTLB = 0xf8,  /* 64 */
    VTD_FRCD = 0x220,  /* 128 each; CAP.FRO * 16, as many as CAP.NFR says */
    VTD_FRCD_HI = 0x228,
    VTD_REG_END = 0x1220, /* of the last possible record */
};

enum {
    VTD_FRCD_BYTES = 16,
    VTD_FRCD_MAX = 256, /* records */
};

#define VTD_VER_VALUE UINT32_C(0x10)

#define VTD_CAP_ND(nd)      ((uint64_t)(nd)) /* domains = 2^(4 + 2*nd) */
#define VTD_CAP_RWBF        VTD_BIT(4)
#define VTD_CAP_PHMR        VTD_BIT(6)
#define VTD_CAP_CM          VTD_BIT(7)
#define VTD_CAP_SAGAW(bits) (VTD_BIT(8) << ((bits)-30) / 9) /* one width, in bits */
#define VTD_CAP_SAGAW_MASK  VTD_BITS(12, 8)
#define VTD_CAP_MGAW(bits)  ((uint64_t)((bits)-1) << 16)
#define VTD_CAP_FRO         ((uint64_t)VTD_FRCD / 16 << 24)
#define VTD_CAP_SSLPS(s)    ((uint64_t)(s) << 34) /* bit 0: 2 MiB, bit 1: 1 GiB */
#define VTD_CAP_PSI         VTD_BIT(39)
#define VTD_CAP_NFR(n)      ((uint64_t)((n)-1) << 40) /* n records */
#define VTD_CAP_MAMV(am)    ((uint64_t)(am) << 48)
#define VTD_CAP_DWD         VTD_BIT(54)
#define VTD_CAP_DRD         VTD_BIT(55)
#define VTD_CAP_FS1GP       VTD_BIT(56)
#define VTD_CAP_FS5LP       VTD_BIT(60)

#define VTD_ECAP_QI      VTD_BIT(1)
#define VTD_ECAP_DT      VTD_BIT(2)
#define VTD_ECAP_IR      VTD_BIT(3)
#define VTD_ECAP_EIM     VTD_BIT(4)
#define VTD_ECAP_PT      VTD_BIT(6)
#define VTD_ECAP_SC      VTD_BIT(7)
#define VTD_ECAP_IRO     ((uint64_t)VTD_IVA / 16 << 8)
#define VTD_ECAP_MHMV(m) ((uint64_t)(m) << 20)
#define VTD_ECAP_NEST    VTD_BIT(26)
#define VTD_ECAP_SRS     VTD_BIT(31)
#define VTD_ECAP_EAFS    VTD_BIT(34)
#define VTD_ECAP_PSS(n)  ((uint64_t)((n)-1) << 35) /* n bits of PASID */
#define VTD_ECAP_PASID   VTD_BIT(40)
#define VTD_ECAP_SMTS    VTD_BIT(43)
#define VTD_ECAP_SSTS    VTD_BIT(46)
#define VTD_ECAP_FSTS    VTD_BIT(47)

/* GCMD and GSTS: level bits have one place in both. */
#define VTD_GCMD_TE    VTD_BIT(31)
#define VTD_GCMD_SRTP  VTD_BIT(30) /* one-shot; GSTS: done once */
#define VTD_GCMD_SFL   VTD_BIT(29) /* one-shot */
#define VTD_GCMD_WBF   VTD_BIT(27) /* one-shot */
#define VTD_GCMD_QIE   VTD_BIT(26)
#define VTD_GCMD_IRE   VTD_BIT(25)
#define VTD_GCMD_SIRTP VTD_BIT(24) /* one-shot; GSTS: done once */
#define VTD_GCMD_CFI   VTD_BIT(23)

#define VTD_RTADDR_TTM VTD_BITS(11, 10)

/* CCMD, register-based context-cache invalidation. */
#define VTD_CCMD_ICC       VTD_BIT(63)
#define VTD_CCMD_CIRG(g)   ((uint64_t)(g) << 61) /* enum vtd_gran */
#define VTD_CCMD_CAIG(g)   ((uint64_t)(g) << 59)
#define VTD_CCMD_CAIG_MASK VTD_BITS(60, 59)
#define VTD_CCMD_FM(fm)    ((uint64_t)(fm) << 32)
#define VTD_CCMD_SID(sid)  ((uint64_t)(sid) << 16)
#define VTD_CCMD_DID(did)  ((uint64_t)(did))

/* IOTLB, register-based IOTLB invalidation; IVA as the high word of a descriptor. */
#define VTD_IOTLB_IVT       VTD_BIT(63)
#define VTD_IOTLB_IIRG(g)   ((uint64_t)(g) << 60) /* enum vtd_gran */
#define VTD_IOTLB_IAIG(g)   ((uint64_t)(g) << 57)
#define VTD_IOTLB_IAIG_MASK VTD_BITS(58, 57)
#define VTD_IOTLB_DR        VTD_BIT(49)
#define VTD_IOTLB_DW        VTD_BIT(48)
#define VTD_IOTLB_DID(did)  ((uint64_t)(did) << 32)

#define VTD_FSTS_PFO      VTD_BIT(0)
#define VTD_FSTS_PPF      VTD_BIT(1)
#define VTD_FSTS_IQE      VTD_BIT(4)
#define VTD_FSTS_ICE      VTD_BIT(5)
#define VTD_FSTS_ITE      VTD_BIT(6)
#define VTD_FSTS_FRI(i)   ((uint64_t)(i) << 8)
#define VTD_FSTS_FRI_MASK VTD_BITS(15, 8)

/* FECTL and IECTL */
#define VTD_ECTL_IM VTD_BIT(31)
#define VTD_ECTL_IP VTD_BIT(30)

#define VTD_ICS_IWC VTD_BIT(0)

#define VTD_IQERCD_IQEI        VTD_BITS(3, 0) /* enum vtd_iqei */
#define VTD_IQERCD_ITESID(sid) ((uint64_t)(sid) << 32)
#define VTD_IQERCD_ICESID(sid) ((uint64_t)(sid) << 48)

#define VTD_IQ_OFFSET VTD_BITS(18, 4) /* IQH, IQT: byte offset */
#define VTD_IQA_BASE  VTD_BITS(63, 12)
#define VTD_IQA_DW    VTD_BIT(11)
#define VTD_IQA_QS    VTD_BITS(2, 0)
#define VTD_IRTA_MASK (VTD_BITS(63, 11) | VTD_BITS(3, 0))

/* Bytes of the queue that IQA describes. */
static inline uint64_t
vtd_queue_bytes(uint64_t iqa)
{
    return PAGE_BYTES << (iqa & VTD_IQA_QS);
}

/* IQERCD.IQEI: why the queue stopped. */
enum vtd_iqei {
    VTD_IQEI_NONE,
    VTD_IQEI_TAIL,     /* tail outside the queue */
    VTD_IQEI_FETCH,    /* descriptor unreadable */
    VTD_IQEI_TYPE,     /* type unknown */
    VTD_IQEI_RESERVED, /* reserved bit or reserved value of a field */
    VTD_IQEI_WIDTH,    /* descriptors of a width that the mode does not have */
    VTD_IQEI_ALIGN,    /* tail misaligned for 256-bit descriptors */
    VTD_IQEI_TTM,      /* translation table mode invalid */
};

/* ---- fault records ---- */

enum vtd_fault {
    VTD_FAULT_NONE,
    VTD_FAULT_ROOT_P,       /* root entry not present */
    VTD_FAULT_CONTEXT_P,    /* context entry not present */
    VTD_FAULT_CONTEXT_INV,  /* AW or TT not supported */
    VTD_FAULT_ADDR,         /* input beyond the width */
    VTD_FAULT_WRITE,        /* no permission to write */
    VTD_FAULT_READ,         /* no permission to read */
    VTD_FAULT_PAGING_READ,  /* paging entry unreadable */
    VTD_FAULT_ROOT_READ,    /* root table unreadable */
    VTD_FAULT_CONTEXT_READ, /* context table unreadable */
    VTD_FAULT_ROOT_RSVD,
    VTD_FAULT_CONTEXT_RSVD,
    VTD_FAULT_PAGING_RSVD,
    VTD_FAULT_BLOCKED,   /* translation type blocks this kind of request */
    VTD_FAULT_INTERRUPT, /* output in the interrupt range */
    /* Scalable mode. */
    VTD_FAULT_SM_RTADDR = 0x30,    /* translation table mode reserved */
    VTD_FAULT_SM_TTM_PASID = 0x31, /* request with PASID in legacy mode */
    VTD_FAULT_SM_ROOT_READ = 0x38,
    VTD_FAULT_SM_ROOT_P = 0x39,
    VTD_FAULT_SM_ROOT_RSVD = 0x3a,
    VTD_FAULT_SM_CONTEXT_READ = 0x40,
    VTD_FAULT_SM_CONTEXT_P = 0x41,
    VTD_FAULT_SM_CONTEXT_RSVD = 0x42,
    VTD_FAULT_SM_CONTEXT_INV = 0x43,
    VTD_FAULT_SM_DTE = 0x44,    /* translation or translated request, DTE clear */
    VTD_FAULT_SM_PASIDE = 0x45, /* request with PASID, PASIDE clear */
    VTD_FAULT_SM_PASID_LARGE = 0x46,
    VTD_FAULT_SM_PRE = 0x47,
    VTD_FAULT_SM_RID_PASID = 0x48,
    VTD_FAULT_SM_DIR_READ = 0x50,
    VTD_FAULT_SM_DIR_P = 0x51,
    VTD_FAULT_SM_DIR_RSVD = 0x52,
    VTD_FAULT_SM_PASID_READ = 0x58,
    VTD_FAULT_SM_PASID_P = 0x59,
    VTD_FAULT_SM_PASID_RSVD = 0x5a,
    VTD_FAULT_SM_PASID_INV = 0x5b,
    VTD_FAULT_SM_ERE = 0x5c,
    VTD_FAULT_SM_SRE = 0x5d,
    VTD_FAULT_SM_FS_READ = 0x70, /* first-stage entry unreadable */
    VTD_FAULT_SM_FS_P = 0x71,
    VTD_FAULT_SM_FS_RSVD = 0x72,
    VTD_FAULT_SM_FSPTR_READ = 0x73,    /* top first-stage table */
    VTD_FAULT_SM_NEST_ADDR = 0x74,     /* first-stage table beyond the second stage */
    VTD_FAULT_SM_NEST_TOP_READ = 0x75, /* second stage: no reading the top table */
    VTD_FAULT_SM_NEST_READ = 0x76,     /* nor a lower one */
    VTD_FAULT_SM_NEST_WRITE = 0x77,    /* nor setting A or D there */
    VTD_FAULT_SM_SS_READ = 0x78,
    VTD_FAULT_SM_SS_P = 0x79, /* nothing there: R and W clear */
    VTD_FAULT_SM_SS_RSVD = 0x7a,
    VTD_FAULT_SM_SSPTR = 0x7b, /* top second-stage table */
    VTD_FAULT_SM_SS_AD = 0x7c,
    VTD_FAULT_SM_CANONICAL = 0x80,
    VTD_FAULT_SM_USER = 0x81,
    VTD_FAULT_SM_EXECUTE = 0x82,
    VTD_FAULT_SM_HAW = 0x83,  /* address above the hardware's width */
    VTD_FAULT_SM_ADDR = 0x84, /* above the second stage's */
    VTD_FAULT_SM_WRITE = 0x85,
    VTD_FAULT_SM_READ = 0x86,
    VTD_FAULT_SM_INTERRUPT = 0x87,
    VTD_FAULT_SM_FS_AD = 0x90,
    VTD_FAULT_SM_AD_FAILED = 0x91,
};

/* Whether a context entry's FPD keeps a fault of this reason from being recorded. */
static inline bool
vtd_fault_qualified(enum vtd_fault f)
{
    return f != VTD_FAULT_ROOT_P && f != VTD_FAULT_ROOT_READ &&
           f != VTD_FAULT_CONTEXT_READ && f != VTD_FAULT_ROOT_RSVD;
}

/* FRCD lo is the page address; hi: */
#define VTD_FRCD_F           VTD_BIT(63)
#define VTD_FRCD_READ        VTD_BIT(62) /* T1 */
#define VTD_FRCD_AT(at)      ((uint64_t)(at) << 60)
#define VTD_FRCD_REASON(r)   ((uint64_t)(r) << 32)
#define VTD_FRCD_REASON_MASK VTD_BITS(39, 32)
#define VTD_FRCD_SID_MASK    VTD_BITS(15, 0)
#define VTD_FRCD_PASID(p)    ((uint64_t)(p) << 40)
#define VTD_FRCD_PP          VTD_BIT(31) /* a PASID was given, */
#define VTD_FRCD_PRIV        VTD_BIT(29) /* and supervisor rights asked for */

#endif
