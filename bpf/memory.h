/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a flow is remembered.  The table begins small, to stay in the caches, and the daemon
 * doubles the part of it that is in use as flows come.  Until it has moved all entries to where
 * they belong then (settings.flows_before says where they were), one that is missed is looked for
 * there, too, and taken along.  See flows_grow() of the daemon.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "flow.h"
#include "tables.h"

/* NULL when settings and table disagree. */
static __always_inline struct flow_set *memory_in(__u64 hash, __u32 mask)
{
	__u32 at = flow_set_of(hash, mask);

	return bpf_map_lookup_elem(&flows, &at);
}

static __always_inline struct flow_set *memory_of(__u64 hash)
{
	const struct settings *set;
	__u32 key = 0;

	set = bpf_map_lookup_elem(&settings, &key);
	return set ? memory_in(hash, set->flows_mask) : NULL;
}

/* The entry of a flow while the table grows, from now on where it belongs; 0 for none. */
__noinline __u64 take_along(__u64 hash)
{
	__u32 key = 0, tag = flow_tag_of(hash);
	const struct settings *set = bpf_map_lookup_elem(&settings, &key);
	struct flow_set *now, *before;
	__u64 was;

	if (!set)
		return 0;
	now = memory_in(hash, set->flows_mask);
	before = memory_in(hash, set->flows_before);
	if (!now || !before)
		return 0;
	was = flow_recall(now, tag);
	if (was)
		return was;
	was = flow_recall(before, tag);
	if (was)
		flow_remember(now, hash, was);
	return was;
}

/* The same at any time, after a look where it belongs: nearly always 0 for nothing. */
static __always_inline __u64 recall_before(const struct settings *set, __u64 hash)
{
	return likely(!set->flows_before) ? 0 : take_along(hash);
}

#endif
