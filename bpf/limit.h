/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many flows of a service may begin: a token bucket on each CPU, asked only for a
 * packet whose flow is not remembered.  Flows that are pay nothing and lose nothing.
 *
 * Time is that of the tick, in ns, so that nobody needs to know how long a jiffy is; what a
 * flow costs is time, too, so that nothing is lost to rounding between two flows.
 */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

#define NS_PER_SECOND 1000000000ull

struct allowance {
	__u64 when; /* ns since boot: when left was last topped up */
	__u64 left; /* ns; a flow takes NS_PER_SECOND / rate of them */
};

/* By service id. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct allowance);
} limits SEC(".maps");

/* rate is not 0.  Not static, so that the verifier looks at it once. */
__noinline bool flow_may_begin(__u32 service, __u32 rate, __u32 burst)
{
	struct allowance *a = bpf_map_lookup_elem(&limits, &service);
	__u64 now = bpf_ktime_get_coarse_ns(), cost, most, passed;

	if (!a || !rate)
		return false;
	cost = NS_PER_SECOND / rate;
	most = cost * burst;
	passed = now - a->when;
	a->when = now;
	/* Not added up before it is compared: the first time, all time has passed. */
	a->left = passed >= most || a->left + passed >= most ? most : a->left + passed;
	if (a->left < cost)
		return false;
	a->left -= cost;
	return true;
}

#endif
