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

SEC("xdp")
int router(struct xdp_md *ctx)
{
	struct cursor cursor = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	struct packet p = {};
	struct choice c = {};
	const struct settings *set;
	enum outcome o;
	__u32 key = 0;

	o = parse(&cursor, &p);
	set = bpf_map_lookup_elem(&settings, &key);
	if (!set)
		o = OUT_INTERNAL; /* never: an array of one has its one */
	else if (o == OUT_STEERED)
		o = route(set, &p, &c);
	else if (o != OUT_NOT_OURS)
		o = refuse_unread(set, &p, o);

	if (o == OUT_STEERED && set && c.to)
		o = addr_is_ipv4(&c.to->addr) ? encapsulate4(ctx, &p, set, c.to)
					      : encapsulate6(ctx, &p, set, c.to, c.hash);
	if (o == OUT_STEERED && c.to) {
		count_forwarded(&c, p.frame);
		return forward(ctx, &c);
	}
	count(o, p.frame);
	return o == OUT_NOT_OURS ? XDP_PASS : refuse(ctx, &c, o);
}

char LICENSE[] SEC("license") = "GPL";
