// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path: parse, look the service up, choose a backend whose lease for
 * the service's class is alive at this instant, encapsulate, send.
 *
 * route() decides, serve() acts, and each packet is counted once: forwarded ones
 * under their service and backend, all others under their outcome.  When in doubt
 * a packet for a VIP is dropped; what is for nobody of ours passes untouched, as
 * does everything while the maps are still zero.
 */
#include "answer.h"
#include "count.h"
#include "plain.h"
#include "steer.h"

/* Read by whoever finds this program pinned. */
const volatile __u32 abi_version = ABI_VERSION;

/*
 * Per CPU, so no atomics.  A flow is new when it is remembered: of one that finds its set full of
 * better flows nobody can tell the next packet from the first.
 */
static __always_inline void traffic_add(struct traffic *t, __u32 bytes, bool new_flow)
{
	t->packets++;
	t->bytes += bytes;
	if (!likely(!new_flow))
		t->new_flows++;
}

static __always_inline void count_forwarded(const struct choice *c, __u32 bytes)
{
	__u32 service = c->service->id, backend = c->id;
	struct traffic *t = bpf_map_lookup_elem(&service_stats, &service);

	if (t)
		traffic_add(t, bytes, c->new_flow);
	t = bpf_map_lookup_elem(&backend_stats, &backend);
	if (t)
		traffic_add(t, bytes, c->new_flow);
}

/* Is the destination a VIP, if only by its address?  Then why says what is wrong with the packet.
 */
static __always_inline enum outcome refuse_unread(const struct settings *set,
						  const struct packet *p, enum outcome why)
{
	struct service_key key = { p->dst, service_rest(0, 0, SERVICE_ADDRESS) };
	__u64 to = destination_hash(set, p->dst.half[0], p->dst.half[1], 0, 0);
	const struct service *found;
	enum outcome o = service_find(set, service_bucket_of(to), &key, &found);

	return o == OUT_STEERED ? why : o;
}

/*
 * What is not plain: passed if it is not for us, else refused without an answer.  Not static, so
 * that the verifier looks at it once.
 */
__noinline int unusual(struct xdp_md *ctx)
{
	const struct settings *set;
	struct packet p = {};
	enum outcome o = parse(ctx, &p);
	__u32 key = 0;

	set = bpf_map_lookup_elem(&settings, &key);
	if (!set || o == OUT_STEERED)
		o = OUT_INTERNAL; /* never: parsers disagree, or an array of one has no one */
	else if (o != OUT_NOT_OURS)
		o = refuse_unread(set, &p, o);
	count(o, p.frame);
	return o == OUT_NOT_OURS ? XDP_PASS : XDP_DROP;
}

static __always_inline int refuse(struct xdp_md *ctx, const struct choice *c, enum outcome why)
{
	__u32 outer;

	if (!c->service || c->service->refusal == REFUSE_DROP || why == OUT_INTERNAL)
		return XDP_DROP;
	if (why != OUT_TOO_BIG || !c->to)
		return answer(ctx, 0);
	outer = ip_is_ipv4((const union ip *)&c->to->addr) ? sizeof(struct iphdr)
							   : sizeof(struct ipv6hdr);
	return answer(ctx, c->to->mtu > outer ? c->to->mtu - outer : 0xffff - outer);
}

static __always_inline enum outcome encapsulate(struct xdp_md *ctx, const struct packet *p,
						const struct settings *set, const struct choice *c)
{
	if (ip_is_ipv4((const union ip *)&c->to->addr))
		return encapsulate4(ctx, p, set, c);
	return encapsulate6(ctx, p, set, c);
}

/* The rest of the way of a plain packet, for either family. */
static __always_inline int serve(struct xdp_md *ctx, const struct packet *p)
{
	const struct settings *set;
	struct choice c;
	enum outcome o;
	__u32 key = 0;

	set = bpf_map_lookup_elem(&settings, &key);
	if (!set)
		return XDP_ABORTED; /* never */
	c.service = NULL;
	c.to = NULL;
	o = route(set, p, &c);
	if (likely(o == OUT_STEERED && c.to)) {
		c.here = c.to->ifindex == ctx->ingress_ifindex;
		o = encapsulate(ctx, p, set, &c);
		if (likely(o == OUT_STEERED)) {
			count_forwarded(&c, p->frame);
			return likely(c.here) ? XDP_TX : bpf_redirect(c.to->ifindex, 0);
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
	__be16 proto;

	p.frame = c.end - c.pos;
	proto = parse_ethernet(&c, &p);
	if (likely(proto == bpf_htons(ETH_P_IP)) && plain_ipv4(&c, &p))
		return serve(ctx, &p);
	if (proto == bpf_htons(ETH_P_IPV6) && plain_ipv6(&c, &p))
		return serve(ctx, &p);
	return unusual(ctx);
}

char LICENSE[] SEC("license") = "GPL";
