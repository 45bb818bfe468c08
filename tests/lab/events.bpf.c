// SPDX-License-Identifier: GPL-2.0-only
/* Tells as an event whatever it is run on: what fairlead monitor reads, made to measure. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

SEC("xdp")
int tell(struct xdp_md *ctx)
{
	struct event e;

	if (bpf_xdp_load_bytes(ctx, 0, &e, sizeof(e)))
		return XDP_ABORTED;
	return bpf_ringbuf_output(&events, &e, sizeof(e), 0) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
