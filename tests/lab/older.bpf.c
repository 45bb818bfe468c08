// SPDX-License-Identifier: GPL-2.0-only
/* Our router of the same ABI, but of another build: what never happens would end otherwise. */
#include <linux/bpf.h>

#define XDP_ABORTED XDP_DROP
#include "router.bpf.c"
