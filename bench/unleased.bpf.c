// SPDX-License-Identifier: GPL-2.0-only
/*
 * The router as it would be without its lease check, to see what that costs.  For
 * measuring only: it takes the place of lease.h before anything includes it.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

#define LEASE_H

static __always_inline bool lease_is_alive(const struct backend *b, __u64 class, __u64 now)
{
	(void)b;
	(void)class;
	(void)now;
	return true;
}

#include "router.bpf.c"
