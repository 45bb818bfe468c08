// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs another program on a frame before which there is rubbish: a test run hands
 * out zeroed memory, in which a header byte that nobody wrote looks right.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum {
	POISON_BYTES = 64, /* more than is ever prepended */
	POISON = 0xa5,
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

SEC("xdp")
int poison(struct xdp_md *ctx)
{
	__u8 *p;

	/* No room: then nothing will be prepended either. */
	if (!bpf_xdp_adjust_head(ctx, -POISON_BYTES)) {
		p = (void *)(long)ctx->data;
		if (p + POISON_BYTES > (__u8 *)(long)ctx->data_end)
			return XDP_ABORTED;
		for (int i = 0; i < POISON_BYTES; i++)
			p[i] = POISON;
		if (bpf_xdp_adjust_head(ctx, POISON_BYTES))
			return XDP_ABORTED;
	}
	bpf_tail_call(ctx, &next, 0);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
