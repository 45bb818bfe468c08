// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's program, which comes after ours and counts what is passed to it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} came_after SEC(".maps");

SEC("xdp")
int after(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *frames = bpf_map_lookup_elem(&came_after, &key);

	(void)ctx;
	if (frames)
		__sync_fetch_and_add(frames, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
