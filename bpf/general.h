/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of every packet that the short one left alone: with tags, of a special
 * service, to a backend of the other family, refused, or not to be understood.  Acts once
 * and counts once.
 */
#ifndef GENERAL_H
#define GENERAL_H

#include "answer.h"
#include "count.h"
#include "events.h"
#include "forward.h"
#include "fragment.h"
#include "icmp.h"
#include "marks.h"
#include "mss.h"
#include "quic.h"
#include "service.h"
#include "stats.h"
#include "steer.h"

enum { ANSWER = 1 << 16 };

/* Is the destination a VIP, if only by its address?  Then why says what is wrong with the packet.
 */
static __always_inline enum outcome refuse_unread(const struct settings *set,
						  const struct packet *p, enum outcome why)
{
	struct service_key key = { p->dst, service_rest(0, 0, SERVICE_ADDRESS) };
	__u64 to = destination_hash(p->dst.half[0], p->dst.half[1], key.rest);
	const struct service *found;
	enum outcome o = service_find(set, service_bucket_of(to), &key, &found);

	return o == OUT_STEERED ? why : o;
}

/* XDP_DROP, or ANSWER and the MTU to be named, 0 for none. */
static __always_inline int refuse(const struct service *s, const struct backend *to,
				  enum outcome why)
{
	__u32 outer;

	if (!s || s->refusal == REFUSE_DROP || why == OUT_INTERNAL ||
	    why == OUT_RATE_LIMITED || why == OUT_FRAGMENT_FULL || why == OUT_FRAGMENT_OVERLAP)
		return XDP_DROP;
	if (why == OUT_LEASE_LAPSED && s->on_lapse == LAPSE_DROP)
		return XDP_DROP;
	if (why != OUT_TOO_BIG || !to)
		return ANSWER;
	outer = overhead(s, to);
	return ANSWER | (to->mtu > outer ? to->mtu - outer : 0xffff - outer);
}

/* Who gets the packet, as one of the class that it asks for, if it is of a service where it may. */
static __always_inline struct choice choose_marked(struct hook_context *ctx, const struct settings *set,
						   const struct service *s,
						   const struct packet *p, __u64 hash)
{
	int class = *(const volatile __u8 *)&s->class;

	if (s->flags & SERVICE_MARKS) {
		class = class_of(p, hash, (__u64)s->id << 32 | (__u32)class << 16 | s->flags);
		if (class < 0)
			return (struct choice){ NULL, -class, false };
		hash = hash_as(hash, class);
	}
	if (s->flags & SERVICE_QUIC && p->part == PART_WHOLE) {
		__u32 named = quic_backend(ctx, l3_offset(p) + ip_header(p), quic_asking(s).word);
		struct choice c;

		if (quic_chooses(named, s, class, &c))
			return c;
	}
	return p->part <= PART_FIRST ? choose(set, s, class, hash, p->opens)
				     : choose_known(s, p, class, hash);
}

/* The rest of the way of a packet whose flow is known.  decided: as in general(). */
static __always_inline int serve(struct hook_context *ctx, const struct settings *set,
				 struct packet *p, int decided)
{
	struct service_key key = { p->dst, service_rest(p->dport, p->proto, SERVICE_PORT) };
	__u64 to = destination_hash(p->dst.half[0], p->dst.half[1], key.rest), hash;
	const struct service *s = NULL;
	struct choice c = {};
	enum outcome o;

	o = service_find(set, service_bucket_of(to), &key, &s);
	if (o == OUT_STEERED && s) {
		hash = flow_hash_to(set, to, p->src.half[0], p->src.half[1], p->sport);
		c = decided ? choice_of(decided, *(const volatile __u8 *)&s->class, bpf_jiffies64())
			    : choose_marked(ctx, set, s, p, hash);
		o = c.why;
		if (c.to && p->part == PART_FIRST) {
			o = fragment_remember(ctx, p, c.to->id);
			c.to = o == OUT_STEERED ? c.to : NULL;
		}
		if (c.to && s->mss && p->opens == OPENS)
			mss_clamp(ctx, p, s->mss);
		if (c.to)
			o = dress(ctx, set, s, p, c.to, hash);
		if (c.to && o == OUT_STEERED) {
			count_forwarded(s->id, c.to->id, p->frame, c.anew);
			return frame_leave(ctx, c.to->ifindex);
		}
	}
	count(o, p->frame);
	if (o == OUT_NOT_OURS)
		return XDP_PASS;
	tell(ctx, p, o, s ? s->id : NO_SERVICE, c.to ? c.to->id : 0);
	return p->part <= PART_FIRST ? refuse(s, c.to, o) : XDP_DROP; /* RFC 1122, 3.2.2 */
}

/*
 * A verdict, or ANSWER with an MTU: that is the caller's to give, for in here the stack of
 * both would be more than older kernels allow.  decided: who gets the packet, or why nobody does,
 * as decision_of() says, where that is known; else 0.  Not static, so that the verifier looks at
 * it once.
 */
__noinline int general(struct hook_context *ctx, int decided)
{
	const struct settings *set;
	struct packet p = {};
	enum outcome o = parse(ctx, &p);
	__u32 key = 0;

	set = bpf_map_lookup_elem(&settings, &key);
	if (!set)
		return XDP_ABORTED; /* never: an array of one has one */
	if (o == OUT_FRAGMENT)
		o = fragment_read(ctx, &p);
	else if (o == OUT_NOT_OURS && is_icmp(&p))
		o = icmp_read(ctx, &p);
	if (o == OUT_STEERED)
		return serve(ctx, set, &p, decided);
	if (o != OUT_NOT_OURS)
		o = refuse_unread(set, &p, o);
	if (o == OUT_ECHOED && !echo(ctx, &p))
		o = OUT_ECHO_LIMITED;
	count(o, p.frame);
	if (o == OUT_ECHOED)
		return XDP_TX;
	if (o == OUT_NOT_OURS)
		return XDP_PASS;
	tell(ctx, &p, o, NO_SERVICE, 0);
	return XDP_DROP;
}

#endif
