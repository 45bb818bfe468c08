/* SPDX-License-Identifier: BSD-2-Clause */
/* Which ABI a loaded program was compiled for: the constant abi_version in its .rodata. */
#ifndef PINNED_ABI_H
#define PINNED_ABI_H

#include <stdint.h>

#include "steering/dataplane.h"

/* path: of the program, for the words.  0, or -errno with why. */
int pinned_abi_check(const char *path, const uint32_t map_ids[], uint32_t count,
		     char why[DATAPLANE_WHY_MAX]);
/* Of any loaded program; 0 when it is not ours (it names no ABI), or we may not ask. */
uint32_t pinned_abi_of(uint32_t program_id);

#endif
