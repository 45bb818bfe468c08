// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test run of many repeats gives a program its own output as the next input.
 * This undoes what the program under test did (length, Ethernet header: all that
 * an encapsulation changes of the inner frame), puts in another flow and tail-calls
 * it, with stores as wide as the loads that a parser will do.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../bench/wrap.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

struct wrap wrap = {};

static __always_inline void put_ethernet(void *d)
{
	*(__u32 *)d = *(__u32 *)&wrap.eth[0];
	*(__u16 *)(d + 4) = wrap.eth[2];
	*(__u32 *)(d + 6) = wrap.eth[3] | (__u32)wrap.eth[4] << 16;
	*(__u16 *)(d + 10) = wrap.eth[5];
	*(__u16 *)(d + 12) = wrap.eth[6];
}

/*
 * Drawn, not taken in turns: a round trip through all flows would be the one order in which a
 * cache smaller than all of them holds none, and no traffic is like that.  The work is the same
 * for every order, as it is part of what is measured.
 */
static __always_inline __u32 flow_of(__u32 turn)
{
	__u32 scattered = turn * 2654435761u, drawn = scattered;

	drawn ^= drawn >> 15;
	drawn *= 0x85ebca77;
	drawn ^= drawn >> 13;
	if (wrap.order == WRAP_DRAWN)
		return drawn;
	return wrap.order == WRAP_EACH ? scattered : turn;
}

static __always_inline void put_flow(void *d)
{
	__u32 turn = wrap.turn, flow = flow_of(turn) & wrap.mask;
	__be16 port = bpf_htons(1024 + (flow & 0x3fff));
	__be32 addr = bpf_htonl(wrap.base + flow);
	__u32 sum;

	wrap.turn = turn + 1;
	if (wrap.family == 6) {
		*(__be32 *)(d + 34) = addr;
		*(__be16 *)(d + 54) = port;
		return;
	}
	sum = wrap.sum + (addr & 0xffff) + (addr >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*(__u16 *)(d + 24) = ~sum;
	*(__be32 *)(d + 26) = addr;
	*(__be16 *)(d + 34) = port;
}

SEC("xdp")
int restore(struct xdp_md *ctx)
{
	void *d = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	long length = end - d;

	asm volatile("" : "+r"(length)); /* or the verifier sees a pointer */
	if (bpf_xdp_adjust_head(ctx, (int)length - (int)wrap.length))
		return XDP_ABORTED;
	d = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (d + 60 > end)
		return XDP_ABORTED;
	put_ethernet(d);
	put_flow(d);
	bpf_tail_call_static(ctx, &next, 0);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
