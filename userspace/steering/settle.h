/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settled slots: those whose flows are all their primary's, so that none of them needs
 * to be remembered (maps/abi.h, struct ring_slot).  Pure but for the stores.
 *
 * A slot that gets another primary remembers whose it was until it settles, and the
 * packet path sends there what is of a time before.  It settles when a whole period has
 * passed in which no packet of it went to anybody else.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct settle_count {
	uint32_t settled; /* before and by this sweep */
	uint32_t young;	  /* will be asked again, or have nobody */
};

/* The same ids, whatever flags stand above them? */
bool settle_same(const struct ring_slot *a, const struct ring_slot *b, uint32_t slots);
/*
 * Gives ring[slots], plain ids that nobody uses yet, the flags that follow from the ring in use
 * before it (0 slots: there was none).
 */
void settle_carry(const struct ring_slot *old, uint32_t old_slots, struct ring_slot *ring,
		  uint32_t slots);
/*
 * Once a period: settles the slots of a ring in use that have been old for all of it and whose
 * primary may have flows of the class at now (jiffies64); the young are old from now on.
 */
struct settle_count settle_sweep(struct ring_slot *ring, uint32_t slots,
				 const struct backend *backends, uint32_t backends_max,
				 enum class class, uint64_t now);

#endif
