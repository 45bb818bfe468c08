// SPDX-License-Identifier: GPL-2.0-only
/*
 * A row through the TC program (hook/tc.c).  In the kernel the outermost tag lies beside the
 * frame, but a test run hands in and out what is on the wire.  Says what became of it in the
 * words of XDP.
 */
#include "../../bpf/steer_tc.bpf.c"

SEC("tc")
int row(struct __sk_buff *skb)
{
	int action;

	bpf_skb_vlan_pop(skb); /* the one that is of the test run; the next is then beside */
	action = steer(skb, 0);
	if (skb->vlan_present)
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 0); /* puts the other one in */
	switch (action) {
	case TC_ACT_UNSPEC:
		return XDP_PASS;
	case TC_ACT_REDIRECT:
		return XDP_TX;
	case TC_ACT_SHOT:
		return XDP_DROP;
	}
	return XDP_ABORTED;
}
