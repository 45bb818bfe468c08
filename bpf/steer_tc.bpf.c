// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path behind TC, for interfaces without XDP and for what this host itself
 * sends to a VIP.  Between the two programs only the way back differs: what came in is
 * answered through the interface, what goes out by handing the answer in.
 *
 * There is no short way here, for what surrounds a frame at this hook costs more than that
 * would save.  A frame that the kernel holds together (GSO, GRO) is steered and counted as one.
 *
 * The maps are the router's: who loads sees to that.
 */
#include "hook_tc.h"

#include <linux/pkt_cls.h>

#include "general.h"

/* Read by whoever finds this program pinned. */
const volatile __u32 abi_version = ABI_VERSION;

/* Three tags: one beside the frame, two in it.  As behind XDP that is nothing we read. */
static __always_inline bool is_too_deep(const struct __sk_buff *skb)
{
	const __be16 *proto = (void *)(long)skb->data + 2 * ETH_ALEN;
	const struct vlan_tag *tag = (const void *)(proto + 1);

	return skb->vlan_present && (const void *)(tag + 1) <= (void *)(long)skb->data_end &&
	       is_vlan(*proto) && is_vlan(tag->proto);
}

static __always_inline int verdict(struct __sk_buff *skb)
{
	int verdict;

	frame_gather(skb);
	if (is_too_deep(skb)) {
		count(OUT_NOT_OURS, skb->len);
		return XDP_PASS;
	}
	verdict = general(skb, 0);
	return verdict < ANSWER ? verdict : answer(skb, verdict - ANSWER);
}

/* What passes is as it came: who looks at it next remembers where things were in it. */
static __always_inline int steer(struct __sk_buff *skb, __u64 back)
{
	int v = verdict(skb);

	switch (v) {
	case TC_ACT_REDIRECT:
		return v;
	case XDP_PASS:
		return TC_ACT_UNSPEC; /* the next filter's turn */
	case LEAVES:
		if (back)
			return TC_ACT_UNSPEC;
		break;
	case XDP_TX:
		break;
	default:
		return TC_ACT_SHOT;
	}
	if (!back)
		skb->tc_index = STEERED_INDEX;
	return bpf_redirect(skb->ifindex, v == LEAVES ? 0 : back);
}

SEC("tc")
int steer_ingress(struct __sk_buff *skb)
{
	if (skb->tc_index == STEERED_INDEX)
		skb->tc_index = 0; /* of a router in another namespace */
	return steer(skb, 0);
}

SEC("tc")
int steer_egress(struct __sk_buff *skb)
{
	if (skb->tc_index == STEERED_INDEX) {
		skb->tc_index = 0;
		return TC_ACT_UNSPEC;
	}
	return steer(skb, BPF_F_INGRESS);
}

char LICENSE[] SEC("license") = "GPL";
