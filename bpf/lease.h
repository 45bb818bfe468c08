/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one question that stands before every packet that leaves: may this backend
 * have flows of this class now?  Jiffies, because reading them is free and no
 * daemon is needed for time to pass.
 */
#ifndef LEASE_H
#define LEASE_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

/*
 * class is below CLASS_COUNT; the mask in asm is for old verifiers, which forget that across calls.
 * Volatile: the daemon stores there at any time.
 */
static __always_inline bool lease_is_alive(const struct backend *b, __u64 class, __u64 now)
{
	asm("%0 &= 3" : "+r"(class));
	return *(const volatile __u64 *)&b->until[class] > now;
}

#endif
