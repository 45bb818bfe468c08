// SPDX-License-Identifier: GPL-2.0-only
/* Our router, but made for an ABI that is not out yet. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

const volatile __u32 abi_version = ABI_VERSION + 1;

#define abi_version our_version
#include "router.bpf.c"
