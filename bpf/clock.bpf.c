// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the clock that leases are measured by, and beside it two that userspace
 * knows.  Jiffies are read on both sides of those, so that a reader can tell how
 * far apart they may be.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

SEC("syscall")
int clock_sample(struct clock_reading *ctx)
{
	ctx->jiffies = bpf_jiffies64();
	ctx->boot_ns = bpf_ktime_get_boot_ns();
	ctx->mono_ns = bpf_ktime_get_ns();
	ctx->jiffies_after = bpf_jiffies64();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
