// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a daemon must not take for its own: a program and maps of our names in another
 * layout, and a program of somebody else's.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

const volatile __u32 abi_version = ABI_VERSION;

struct narrow {
	struct service slot[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * SERVICE_BUCKETS);
	__type(key, __u32);
	__type(value, struct narrow);
} services SEC(".maps");

SEC("xdp")
int router(struct xdp_md *ctx)
{
	__u32 key = 0;

	(void)ctx;
	return bpf_map_lookup_elem(&settings, &key) && bpf_map_lookup_elem(&services, &key)
		       ? XDP_PASS
		       : XDP_DROP;
}

SEC("xdp")
int stranger(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
