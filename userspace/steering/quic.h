/* SPDX-License-Identifier: BSD-2-Clause */
/* Which server ids of QUIC are whose, for the packet path: bpf/quic.h. */
#ifndef STEERING_QUIC_H
#define STEERING_QUIC_H

#include <stddef.h>

#include "abi.h"
#include "steering/dataplane.h"

struct quic_entry {
	struct quic_key key;
	struct quic_server to;
};

/* Makes the table exactly these, which are sorted on the way.  0 or -errno with why. */
int quic_write(const struct dataplane *d, struct quic_entry *entries, size_t count,
	       char why[DATAPLANE_WHY_MAX]);

#endif
