/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the packet path asks of the hook that it runs at, and the answers of XDP; those of
 * TC are in hook_tc.h, which has the same guard: a program for TC includes it first.
 *
 * A verdict is an XDP action, LEAVES or that of bpf_redirect(); XDP_TX is back to where
 * the frame came from.  The program translates.
 */
#ifndef HOOK_H
#define HOOK_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* A macro, for the verifier knows contexts by the names of their types. */
#define hook_context xdp_md

enum {
	LEAVES = XDP_TX, /* by the interface that it is at */
};

static __always_inline __u32 frame_bytes(const struct hook_context *ctx)
{
	return ctx->data_end - ctx->data;
}

static __always_inline __u32 frame_ifindex(const struct hook_context *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline int frame_leave(struct hook_context *ctx, __u32 ifindex)
{
	return ifindex == ctx->ingress_ifindex ? LEAVES : bpf_redirect(ifindex, 0);
}

/* Makes it so many bytes, from is; false if it cannot be. */
static __always_inline bool frame_cut(struct hook_context *ctx, __u32 bytes, __u32 is)
{
	return !bpf_xdp_adjust_tail(ctx, (int)bytes - (int)is);
}

/* Room for an outer header where so many bytes of tags were, for reframe() to fill; l3: as now. */
static __always_inline bool frame_wrap(struct hook_context *ctx, __u32 grow, __u32 tags, __u32 l3)
{
	(void)l3;
	return !bpf_xdp_adjust_head(ctx, (int)tags - (int)grow);
}

/* The same for the header of an answer, which is no tunnel's. */
static __always_inline bool frame_push(struct hook_context *ctx, __u32 grow, __u32 l3)
{
	(void)l3;
	return !bpf_xdp_adjust_head(ctx, -(int)grow);
}

/* What was wrapped has its outer header of so many bytes, at l3. */
static __always_inline void frame_wrapped(struct hook_context *ctx, __u32 grow, __u32 l3)
{
	(void)ctx;
	(void)grow;
	(void)l3;
}

/* Of an IP packet of that length, its IP header so long: the longest that will travel. */
static __always_inline __u32 longest_of(const struct hook_context *ctx, __u32 length, __u32 l3,
					__u32 header, __u8 proto)
{
	(void)ctx;
	(void)l3;
	(void)header;
	(void)proto;
	return length;
}

/* What a header says of such a length. */
static __always_inline __u32 length_said(__u32 length)
{
	return length;
}

/* Will somebody else write the checksum behind the IP header, and its place holds a beginning? */
static __always_inline bool checksum_is_due(struct hook_context *ctx, __u32 l3)
{
	(void)ctx;
	(void)l3;
	return false;
}

/* Of 16 bits in what a checksum is of, which is at from the frame's start: RFC 1624, eqn. 3. */
static __always_inline void checksum_update(struct hook_context *ctx, __u32 at, __be16 old,
					    __be16 new)
{
	__u16 *check = (void *)(long)ctx->data + at;
	__u32 sum;

	if ((void *)(check + 1) > (void *)(long)ctx->data_end)
		return;
	sum = (__u16)~*check + (__u16)~old + new;
	sum = (sum & 0xffff) + (sum >> 16);
	*check = ~((sum & 0xffff) + (sum >> 16));
}

#endif
