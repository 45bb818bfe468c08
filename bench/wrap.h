/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What wrap.bpf.c is told by cost.c: its one global variable. */
#ifndef WRAP_H
#define WRAP_H

#include <linux/types.h>

enum wrap_order {
	WRAP_IN_ORDER, /* each flow once, then all again: to make them known */
	WRAP_EACH,     /* each once, in an order that no prefetcher knows */
	WRAP_DRAWN,    /* any flow, drawn anew for each packet */
};

struct wrap {
	__u32 length; /* of the frame as it was */
	__u32 family; /* 4 or 6 */
	__u32 mask;   /* flows - 1 */
	__u32 base;   /* source address of flow 0, or its last word; host order */
	__u32 turn;   /* packets so far */
	__u32 order;  /* enum wrap_order */
	__u32 sum;    /* IPv4: of the header without checksum and source */
	__u16 eth[7]; /* the Ethernet header */
	__u16 pad;
};

#endif
