/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was forwarded, under its service and its backend.  Per CPU, so no atomics.
 * A flow is new when it is remembered, or, where none needs to be, when TCP says so: of one that
 * finds its set full of better flows nobody can tell the next packet from the first.
 */
#ifndef STATS_H
#define STATS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "tables.h"

static __always_inline void traffic_add(struct traffic *t, __u32 bytes, bool anew)
{
	t->packets++;
	t->bytes += bytes;
	t->new_flows += anew;
}

static __always_inline void count_forwarded(__u32 service, __u32 backend, __u32 bytes, bool anew)
{
	struct traffic *t = bpf_map_lookup_elem(&service_stats, &service);

	if (t)
		traffic_add(t, bytes, anew);
	t = bpf_map_lookup_elem(&backend_stats, &backend);
	if (t)
		traffic_add(t, bytes, anew);
}

#endif
