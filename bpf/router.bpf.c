// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path: parse, look the service up, choose a backend whose lease for
 * the service's class is alive at this instant, encapsulate, send.
 *
 * route() decides, forward() and refuse() act, and each packet is counted once:
 * forwarded ones under their service and backend, all others under their outcome.
 * When in doubt a packet for a VIP is dropped; what is for nobody of ours passes
 * untouched, as does everything while the maps are still zero.
 */
#include "answer.h"
#include "count.h"
#include "steer.h"

/* Read by whoever finds this program pinned. */
const volatile __u32 abi_version = ABI_VERSION;

static __always_inline void count_forwarded(const struct choice *c, __u32 bytes)
{
	__u32 key = c->service->id;
	struct traffic *t = bpf_map_lookup_elem(&service_stats, &key);

	if (t) {
		t->packets++;
		t->bytes += bytes;
		t->new_flows += c->new_flow;
	}
	key = c->id;
	t = bpf_map_lookup_elem(&backend_stats, &key);
	if (t) {
		t->packets++;
		t->bytes += bytes;
		t->new_flows += c->new_flow;
	}
}

static __always_inline enum outcome encapsulate(struct xdp_md *ctx, const struct packet *p,
						const struct settings *set, const struct choice *c)
{
	if (addr_is_ipv4(&c->to->addr))
		return encapsulate4(ctx, p, set, c->to);
	return encapsulate6(ctx, p, set, c->to, c->hash);
}

static __always_inline int forward(struct xdp_md *ctx, const struct choice *c)
{
	if (c->to->ifindex == ctx->ingress_ifindex)
		return XDP_TX;
	return bpf_redirect(c->to->ifindex, 0);
}

static __always_inline int refuse(struct xdp_md *ctx, const struct choice *c, enum outcome why)
{
	__u32 outer;

	/* No service: its packets cannot be read, or we cannot say whose they are. */
	if (!c->service || c->service->refusal == REFUSE_DROP || why == OUT_INTERNAL)
		return XDP_DROP;
	if (why != OUT_TOO_BIG || !c->to)
		return answer(ctx, 0);
	outer = addr_is_ipv4(&c->to->addr) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	return answer(ctx, c->to->mtu > outer ? c->to->mtu - outer : 0xffff - outer);
}

/* The rest of the way, for either family; o is what its parser said. */
static __always_inline int serve(struct xdp_md *ctx, const struct packet *p, enum outcome o)
{
	const struct settings *set;
	struct choice c;
	__u32 key = 0;

	c.service = NULL;
	c.to = NULL;
	set = bpf_map_lookup_elem(&settings, &key);
	if (!set)
		return XDP_ABORTED; /* never: an array of one has its one */
	if (likely(o == OUT_STEERED))
		o = route(set, p, &c);
	else if (o != OUT_NOT_OURS)
		o = refuse_unread(set, p, o);

	if (likely(o == OUT_STEERED && c.to)) {
		o = encapsulate(ctx, p, set, &c);
		if (likely(o == OUT_STEERED)) {
			count_forwarded(&c, p->frame);
			return forward(ctx, &c);
		}
	}
	count(o, p->frame);
	return o == OUT_NOT_OURS ? XDP_PASS : refuse(ctx, &c, o);
}

SEC("xdp")
int router(struct xdp_md *ctx)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	struct packet p;

	p.frame = c.end - c.pos;
	if (!is_for_many(&c)) {
		switch (parse_ethernet(&c, &p)) {
		case bpf_htons(ETH_P_IP):
			return serve(ctx, &p, parse_ipv4(&c, &p));
		case bpf_htons(ETH_P_IPV6):
			return serve(ctx, &p, parse_ipv6(&c, &p));
		}
	}
	count(OUT_NOT_OURS, p.frame);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
