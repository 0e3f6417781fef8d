/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory and registers: see raw_steps.h. */
#include "guest/raw_steps.h"

#include <inttypes.h>

#include "guest/op.h"
#include "guest/state.h"

struct phase
raw_mem(struct op *op)
{
    const struct step_mem *s = &op->step->u.mem;
    struct mem *mem = op->g->env->mem;
    bool all = true;

    if (s->width == 0) {
        all = mem_fill(mem, GPA(s->gpa), (uint8_t)s->values[0], s->n);
    }
    for (uint64_t i = 0; s->width != 0 && i < s->n; i++) {
        uint8_t bytes[8];

        for (unsigned b = 0; b < s->width; b++) {
            bytes[b] = (uint8_t)(s->values[i] >> 8 * b);
        }
        /* One access for each value: nobody sees half of it. */
        all &= s->width == 8
                   ? mem_write64le(mem, GPA(s->gpa + 8 * i), s->values[i])
                   : mem_write(mem, GPA(s->gpa + s->width * i), bytes, s->width);
    }
    if (!all) {
        op_fail(op, "not-ram");
    }
    intel_forget_tables(op->g);
    return PHASE(op_end);
}

struct phase
raw_mem_expect(struct op *op)
{
    const struct step_mem *s = &op->step->u.mem;
    unsigned width = s->width == 0 ? 1 : s->width;

    for (uint64_t i = 0; i < s->n; i++) {
        uint64_t want = s->values[s->width == 0 ? 0 : i], got = 0;
        uint8_t bytes[8];

        mem_read(op->g->env->mem, GPA(s->gpa + width * i), bytes, width);
        for (unsigned b = 0; b < width; b++) {
            got |= (uint64_t)bytes[b] << 8 * b;
        }
        if (got != want) {
            op->reply.has_value = true;
            op->reply.value = got;
            op_fail(op, "differs-at-0x%" PRIx64, s->gpa + width * i);
            break;
        }
    }
    return PHASE(op_end);
}

struct phase
raw_mmio(struct op *op)
{
    const struct step_mmio *s = &op->step->u.mmio;

    op_mmio_write(op, op->g->iommus[s->iommu], s->offset, s->width, s->value);
    return PHASE(op_end);
}

struct phase
raw_mmio_expect(struct op *op)
{
    const struct step_mmio *s = &op->step->u.mmio;

    op->reply.has_value = true;
    op->reply.value = op_mmio_read(op, op->g->iommus[s->iommu], s->offset, s->width);
    if ((op->reply.value & s->mask) != (s->value & s->mask)) {
        op_fail(op, "differs");
    }
    return PHASE(op_end);
}
