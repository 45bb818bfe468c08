/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a program wants to be run beside others under libxdp's dispatcher, which finds this
 * by BTF: smaller priorities run first, and for the actions named the next one runs too.
 * Nothing of it reaches the kernel.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* At file scope, with the name of the program.  What we pass is for whoever comes after us. */
#define RUN_CONFIG(program, order)       \
	struct {                         \
		__uint(priority, order); \
		__uint(XDP_PASS, 1);     \
	} _##program SEC(".xdp_run_config")

enum {
	/* libxdp's default is 50: filters that see packets as clients sent them come before us. */
	ORDER_ROUTER = 60,
	ORDER_GUARD = 40, /* what is unwrapped is for all others to see */
};

#endif
