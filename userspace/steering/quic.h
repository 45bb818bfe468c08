/* SPDX-License-Identifier: BSD-2-Clause */
/* Which server ids of QUIC are whose, for the packet path: bpf/quic.h. */
#ifndef STEERING_QUIC_H
#define STEERING_QUIC_H

#include <stddef.h>

#include "hash.h"
#include "steering/dataplane.h"

/*
 * Makes a table of QUIC_BUCKETS exactly these, which are sorted on the way: keys of which there is
 * one each.  0, or -ENOSPC: then one of them, *which, and maybe others after it, are not there.
 */
int quic_fill(struct quic_bucket *table, struct quic_server *servers, size_t count, size_t *which);

/* The same to the map.  0 or -errno with why. */
int quic_write(const struct dataplane *d, struct quic_server *servers, size_t count,
	       char why[DATAPLANE_WHY_MAX]);

#endif
