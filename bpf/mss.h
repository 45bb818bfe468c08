/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The largest segment that a client says it takes, made what its service wants at most
 * (RFC 9293, 3.7.1), in its SYN.  That holds for what the backend sends it.  What the
 * client sends, and so what is encapsulated, the SYN-ACK limits, which goes from the
 * backend straight to the client and is never seen here.
 */
#ifndef MSS_H
#define MSS_H

#include "parse.h"

enum {
	TCP_HEADER = 20,
	TCP_HEADER_MAX = 60,
	TCP_CHECK = 16, /* where the checksum is */
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_MSS_LENGTH = 4,
};

/* In an odd place the value's bytes are in two words' other halves. */
static __always_inline void mss_write(struct hook_context *ctx, __u32 check, __u8 *value, __u32 mss,
				      bool odd)
{
	__be16 old = value[1] << 8 | value[0], new = bpf_htons(mss);

	value[0] = mss >> 8;
	value[1] = mss;
	if (odd)
		checksum_update(ctx, check, bpf_ntohs(old), bpf_ntohs(new));
	else
		checksum_update(ctx, check, old, new);
}

/*
 * Of a TCP packet with SYN.  Options that cannot be read are left as they are, and so is a SYN with
 * an extension header.  Not static, so that the verifier looks at it once.
 */
__noinline int mss_clamp(struct hook_context *ctx, struct packet *p, __u32 mss)
{
	void *end = (void *)(long)ctx->data_end;
	__u8 *tcp = (void *)(long)ctx->data, *option;
	__u64 at = TCP_HEADER;
	__u32 length, is;

	if (!p)
		return 0; /* the verifier does not see who calls */
	tcp += l3_offset(p);
	if ((void *)tcp + sizeof(struct ipv6hdr) > end)
		return 0;
	if (p->ipv6 && ((struct ipv6hdr *)tcp)->nexthdr != IPPROTO_TCP)
		return 0;
	tcp += p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if ((void *)tcp + TCP_HEADER > end)
		return 0;
	length = tcp[12] >> 4 << 2;
	for (int i = 0; i < TCP_HEADER_MAX - TCP_HEADER; i++) {
		asm volatile("%0 &= 63" : "+r"(at));
		option = tcp + at;
		/* Nor is there room for what is sought, if there is none for its length. */
		if (at + OPTION_MSS_LENGTH > length || (void *)option + OPTION_MSS_LENGTH > end)
			return 0;
		if (option[0] == OPTION_NOP) {
			at++;
			continue;
		}
		if (option[0] == OPTION_END || option[1] < 2)
			return 0;
		if (option[0] == OPTION_MSS) {
			is = option[2] << 8 | option[3];
			if (option[1] == OPTION_MSS_LENGTH && is > mss)
				mss_write(ctx, l3_offset(p) + ip_header(p) + TCP_CHECK, option + 2,
					  mss & 0xffff, at & 1);
			return 0;
		}
		at += option[1];
		if (at >= TCP_HEADER_MAX)
			return 0;
	}
	return 0;
}

#endif
