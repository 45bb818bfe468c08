// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets everything through.  The peer of a veth that transmits by XDP_TX or redirect
 * must run some XDP program itself, or the frames never leave its ring.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
