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

static __always_inline bool tag_is_inside(const struct __sk_buff *skb)
{
	const __be16 *eth = (void *)(long)skb->data;

	return (void *)eth + ETH_HLEN <= (void *)(long)skb->data_end && is_vlan(eth[ETH_ALEN]);
}

/*
 * The outer one of two tags, or one that lies in the frame, taken off: then at most one remains, and
 * beside the frame.  0 if there was none to take.
 */
static __always_inline int tag_lift(struct __sk_buff *skb, struct vlan_tag *tag)
{
	const __be16 *proto = (void *)(long)skb->data + 2 * ETH_ALEN;
	const struct vlan_tag *inside = (const void *)(proto + 1);

	if ((const void *)(inside + 1) > (void *)(long)skb->data_end || !is_vlan(*proto))
		return 0;
	tag->tci = skb->vlan_present ? skb->vlan_tci : bpf_ntohs(inside->tci);
	tag->proto = skb->vlan_present ? skb->vlan_proto : *proto;
	return bpf_skb_vlan_pop(skb) ? -1 : 1;
}

/* What becomes of a frame of which at most one tag is left, and that beside it. */
static __always_inline int verdict(struct __sk_buff *skb)
{
	int verdict;

	if (tag_is_inside(skb)) {
		count(OUT_NOT_OURS, skb->len);
		return XDP_PASS;
	}
	verdict = general(skb, 0);
	return verdict < ANSWER ? verdict : answer(skb, verdict - ANSWER);
}

static __always_inline int steer(struct __sk_buff *skb, __u64 back)
{
	struct vlan_tag tag = {};
	int lifted, v;

	frame_gather(skb);
	lifted = tag_lift(skb, &tag);
	if (lifted < 0) {
		count(OUT_INTERNAL, skb->len);
		return TC_ACT_SHOT;
	}
	v = verdict(skb);
	if (v == TC_ACT_REDIRECT)
		return v;
	if ((v != XDP_PASS && v != XDP_TX && v != LEAVES) ||
	    (lifted && bpf_skb_vlan_push(skb, tag.proto, tag.tci)))
		return TC_ACT_SHOT;
	if (v == XDP_PASS || (v == LEAVES && back))
		return TC_ACT_UNSPEC; /* the next filter's turn */
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
