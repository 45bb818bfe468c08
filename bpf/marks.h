/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Classes that packets ask for: by DSCP, each packet; by the source's prefix, the first
 * one of a flow, for that search is long.  A class is raised, never lowered.
 *
 * What a flow was raised to must be remembered, or its next packet would be served below
 * it.  It is part of what the flow is remembered under: each class is another tag of the
 * same set, and the same ring slot.  So a flow is found under the highest class it ever
 * had, and one that is raised takes its entry along, if its backend has a lease for that
 * class: the caller asks about it as of every packet.
 */
#ifndef MARKS_H
#define MARKS_H

#include "memory.h"
#include "parse.h"

enum {
	MARK_SHIFT = 33, /* bits 1 and 2 of the tag, the lowest that count: the slot stays */
};

/* By service id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct marks);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SOURCES_MAX);
	__type(key, struct source_key);
	__type(value, __u32);
} sources SEC(".maps");

/* What the flow is remembered under as one of that class. */
static __always_inline __u64 hash_as(__u64 hash, __u64 class)
{
	return hash ^ class << MARK_SHIFT;
}

/* The highest class that the flow is remembered under, and is then raised to; -1 for none. */
static __always_inline int class_remembered(struct flow_set *memory, __u64 hash, __u32 class)
{
	for (__u32 c = CLASS_COUNT - 1; c < CLASS_COUNT; c--) {
		__u64 was = flow_recall(memory, flow_tag_of(hash_as(hash, c)));

		if (!was)
			continue;
		if (c >= class)
			return c;
		flow_replace(memory, was,
			     (__u64)flow_tag_of(hash_as(hash, class)) << 32 | (__u32)was);
		return class;
	}
	return -1;
}

/* The class of the source's longest prefix, 0 for none, or minus an outcome. */
static __always_inline int class_of_source(const struct packet *p, __u32 service, __u32 flags)
{
	struct source_key key = { .bits = SOURCE_BITS_MAX, .service = service, .src = p->src.addr };
	const __u32 *found;

	if (!(flags & SERVICE_SOURCES))
		return CLASS_PUBLIC;
	found = bpf_map_lookup_elem(&sources, &key);
	if (found && *found < CLASS_COUNT)
		return *found;
	return found || flags & SERVICE_STRICT ? -OUT_MARK_UNKNOWN : CLASS_PUBLIC;
}

/*
 * The class that this packet of that flow is to be served as, or minus an outcome.  asked: the
 * service's id, above its class, above its flags.  Not static, so that the verifier looks at it
 * once.
 */
__noinline int class_of(const struct packet *p, __u64 hash, __u64 asked)
{
	__u32 service = asked >> 32, class = asked >> 16 & 0xff, flags = asked & 0xffff, key = 0;
	const struct settings *set;
	struct flow_set *memory;
	const struct marks *m;
	int raised;

	if (!p || class >= CLASS_COUNT)
		return -OUT_CLASS_UNKNOWN;
	m = bpf_map_lookup_elem(&marks, &service);
	set = bpf_map_lookup_elem(&settings, &key);
	if (!m || !set)
		return -OUT_INTERNAL;
	raised = m->dscp[p->tos >> 2 & (DSCPS - 1)];
	if (raised >= CLASS_COUNT)
		return -OUT_MARK_UNKNOWN;
	class = (__u32)raised > class ? (__u32)raised : class;
	memory = memory_in(hash, set->flows_mask);
	if (!memory)
		return -OUT_INTERNAL;
	for (__u32 c = 0; set->flows_before && c < CLASS_COUNT; c++)
		take_along(hash_as(hash, c));
	raised = class_remembered(memory, hash, class);
	if (raised < 0)
		raised = class_of_source(p, service, flags);
	return raised < 0 || (__u32)raised > class ? raised : (int)class;
}

#endif
