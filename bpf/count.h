/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counter per outcome, of router and guard alike.  A counter that is not
 * there never changes what happens to a packet.
 */
#ifndef COUNT_H
#define COUNT_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OUT_COUNT);
	__type(key, __u32);
	__type(value, struct counter);
} outcomes SEC(".maps");

/* Per CPU, so no atomics. */
static __always_inline void count(enum outcome o, __u32 bytes)
{
	__u32 key = o;
	struct counter *n = bpf_map_lookup_elem(&outcomes, &key);

	if (!n)
		return;
	n->packets++;
	n->bytes += bytes;
}

#endif
