// SPDX-License-Identifier: GPL-2.0-only
/* Our programs for TC of the same ABI, but of another build: what is dropped is said to be stolen. */
#include <linux/pkt_cls.h>

#undef TC_ACT_SHOT
#define TC_ACT_SHOT TC_ACT_STOLEN
#include "steer_tc.bpf.c"
