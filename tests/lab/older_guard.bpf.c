// SPDX-License-Identifier: GPL-2.0-only
/* Our guard of the same ABI, but of another build: what it drops, it drops as an error. */
#include <linux/bpf.h>

#define XDP_DROP XDP_ABORTED
#include "guard.bpf.c"
