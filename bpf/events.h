/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refused packets, told to whoever reads `events` (fairlead monitor): some of them, so that a flood
 * costs a bounded share.  Counting is count.h's business and does not depend on this.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "answer.h"
#include "parse.h"

enum {
	EVENTS_BYTES = 1 << 18,
	NO_SERVICE = 0xffff,
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events SEC(".maps");

/* service: its id or NO_SERVICE; backend: its id or 0.  Not static: its stack is its own. */
__noinline int tell(struct hook_context *ctx, const struct packet *p, __u32 why, __u32 service,
		    __u32 backend)
{
	struct event *e;

	if (!p || !budget_allows(BUDGET_EVENT))
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0; /* nobody reads as fast */
	e->jiffies = bpf_jiffies64();
	e->src = p->src.addr;
	e->dst = p->dst.addr;
	e->sport = p->sport;
	e->dport = p->dport;
	e->proto = p->proto;
	e->outcome = why;
	e->service = service;
	e->backend = backend;
	e->length = p->frame;
	e->ifindex = frame_ifindex(ctx);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif
