/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the packet path has counted, summed over CPUs, and what its flow cache holds.
 * Reads maps only; the flow cache can also be told to forget.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "steering/tables.h"

/*
 * Totals since the maps were made, for ids 0..count-1; 0 or -errno.  What was forwarded is
 * counted in service_stats alone, so OUT_STEERED is their sum.
 */
int counters_services(const struct dataplane *d, struct traffic *out, size_t count);
int counters_backends(const struct dataplane *d, struct traffic *out, size_t count);
int counters_outcomes(const struct dataplane *d, struct counter out[OUT_COUNT]);
/* Of one map of struct counter, such as a guard's. */
int counters_map(int fd, struct counter out[OUT_COUNT]);
int counters_of(int fd, struct counter *out, size_t count); /* and of one with count entries */

#endif
