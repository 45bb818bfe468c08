// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path: parse, look the service up, choose a backend whose lease for
 * the service's class is alive at this instant, encapsulate, send.
 *
 * Each packet is counted once: forwarded ones under their service and backend, all
 * others under their outcome.  When in doubt a packet for a VIP is dropped; what is for
 * nobody of ours passes untouched, as does everything while the maps are still zero.
 */
#include "dispatch.h"
#include "short.h"

/* Read by whoever finds this program pinned. */
const volatile __u32 abi_version = ABI_VERSION;

static __always_inline int way_of(struct xdp_md *ctx)
{
	void *d = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct brief b;
	__be16 proto;

	if (d + sizeof(struct ethhdr) > end || *(const __u8 *)d & 1)
		return general(ctx, 0);
	proto = *(const __be16 *)(d + 2 * ETH_ALEN);
	if (likely(proto == bpf_htons(ETH_P_IP)) && brief_ipv4(d + sizeof(struct ethhdr), end, &b))
		return forward(ctx, &b, bpf_htons(ETH_P_IP));
	if (proto == bpf_htons(ETH_P_IPV6) && brief_ipv6(d + sizeof(struct ethhdr), end, &b))
		return forward(ctx, &b, bpf_htons(ETH_P_IPV6));
	return general(ctx, 0);
}

SEC("xdp")
int router(struct xdp_md *ctx)
{
	int action = way_of(ctx);

	return likely(action < ANSWER) ? action : answer(ctx, action - ANSWER);
}

RUN_CONFIG(router, ORDER_ROUTER);

char LICENSE[] SEC("license") = "GPL";
