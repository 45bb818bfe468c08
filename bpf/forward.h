/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a packet travels to its backend, as its service says: in an outer IP header
 * (encap.h), in an outer IP and UDP header, or in its own frame, readdressed.
 *
 * L2 changes the two MAC addresses and nothing else, TTL included: the backend must be a
 * neighbour, and have the VIP.
 */
#ifndef FORWARD_H
#define FORWARD_H

#include "encap.h"

/* What is put before a packet of this service on its way to this backend. */
static __always_inline __u32 overhead(const struct service *s, const struct backend *to)
{
	__u32 outer = to->ethertype == bpf_htons(ETH_P_IP) ? sizeof(struct iphdr)
							   : sizeof(struct ipv6hdr);

	if (s->forward == FORWARD_L2)
		return 0;
	return s->forward == FORWARD_GUE ? outer + sizeof(struct udphdr) : outer;
}

static __always_inline enum outcome readdress(struct hook_context *ctx, struct packet *p,
					      const struct backend *to)
{
	struct hop hop = hop_to(to);

	if (to->flags & BACKEND_ROUTED)
		return OUT_NO_NEXT_HOP;
	hop.proto = bpf_htons(p->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	if (!make_room(ctx, p, to, 0) || !reframe(ctx, p, 0, &hop))
		return OUT_INTERNAL;
	return OUT_STEERED;
}

/* The packet, made ready to leave for its backend. */
static __always_inline enum outcome dress(struct hook_context *ctx, const struct settings *set,
					  const struct service *s, struct packet *p,
					  const struct backend *to, __u64 hash)
{
	bool ipv4 = to->ethertype == bpf_htons(ETH_P_IP);
	__u32 longest = longest_of(ctx, p->length, l3_offset(p), ip_header(p), p->proto);
	enum outcome out = check_way(to, longest + overhead(s, to));

	if (out != OUT_STEERED)
		return out;
	switch (s->forward) {
	case FORWARD_ENCAP:
		return ipv4 ? encapsulate4(ctx, p, to, hash, false)
			    : encapsulate6(ctx, p, set, to, hash, false);
	case FORWARD_GUE:
		return ipv4 ? encapsulate4(ctx, p, to, hash, true)
			    : encapsulate6(ctx, p, set, to, hash, true);
	case FORWARD_L2:
		return readdress(ctx, p, to);
	}
	return OUT_INTERNAL;
}

#endif
