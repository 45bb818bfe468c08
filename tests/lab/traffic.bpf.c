// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generator of tests/tools/traffic.c, run on live frames for as long as that lives.
 * It keeps the pace itself: frames that are not due yet are dropped where they are,
 * because starting a run anew costs the kernel tens of milliseconds.  Used pages come
 * back as they were left, so each frame is written whole.  Its last bytes say when it was sent.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum {
	FRAME_BYTES = 80, /* Ethernet, IPv6, TCP and six bytes of payload */
	STAMP_BYTES = 6,  /* the low ones of the jiffies, as sink.bpf.c reads them */
	PORTS = 16384,	  /* of each source address */
	PORT_FIRST = 20000,
	LATE_NS = 500000000, /* who was kept from sending for longer does not catch up */
};

/* Set before loading. */
const volatile struct {
	__u32 flows;
	__u32 interval_ns;    /* between two frames; 0: as fast as it goes */
	__u32 source_at;      /* last two bytes of the source address */
	__u32 port_at;	      /* source port */
	__u32 ip_checksum_at; /* 0: none, IPv6 */
} shape = { .flows = 1 };

__u8 frame[FRAME_BYTES] = { 1 };
struct {
	__u64 sent; /* first: traffic.c reads it */
	__u64 due_ns, last_ns;
} state;

/* RFC 1624: the frame's own checksum was made with zero in place of the word. */
static __always_inline __u16 checksum_with(__u16 old, __u16 word)
{
	__u32 sum = (__u16)~old + word;

	return ~((sum & 0xffff) + (sum >> 16));
}

static __always_inline int is_due(void)
{
	__u64 now;

	if (!shape.interval_ns)
		return 1;
	now = bpf_ktime_get_ns();
	/* Who was held up catches up at twice the pace: a veth ring holds but 256. */
	if (now < state.due_ns || now < state.last_ns + shape.interval_ns / 2)
		return 0;
	if (now - state.due_ns > LATE_NS)
		state.due_ns = now;
	state.due_ns += shape.interval_ns;
	state.last_ns = now;
	return 1;
}

SEC("xdp")
int traffic(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 a = shape.source_at & 63, p = shape.port_at & 63, c = shape.ip_checksum_at & 63;
	__u64 now;
	__u32 flow;
	__be16 host;

	if (data + FRAME_BYTES > end || !is_due())
		return XDP_DROP;
	__builtin_memcpy(data, frame, FRAME_BYTES);
	now = bpf_jiffies64();
	__builtin_memcpy(data + FRAME_BYTES - STAMP_BYTES, &now, STAMP_BYTES);
	flow = state.sent++ % (shape.flows ? shape.flows : 1);
	host = bpf_htons(flow / PORTS);
	*(__be16 *)(data + p) = bpf_htons(PORT_FIRST + flow % PORTS);
	*(__be16 *)(data + a) = host;
	if (c)
		*(__u16 *)(data + c) = checksum_with(*(__u16 *)(data + c), host);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
