// SPDX-License-Identifier: GPL-2.0-only
/*
 * The far end of rate.sh's cable: counts what came back in an outer header, and lets it
 * go no further.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} wrapped SEC(".maps");

SEC("xdp")
int far_end(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = data;
	const struct iphdr *ip = (void *)(eth + 1);
	__u32 zero = 0;
	__u64 *n;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_IPIP)
		return XDP_PASS;
	n = bpf_map_lookup_elem(&wrapped, &zero);
	if (n)
		++*n;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
