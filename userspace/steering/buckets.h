/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds one half of `services`: an open table of buckets in which every search ends
 * within SERVICE_PROBES buckets, the first of them full before the next is used.  Pure.
 */
#ifndef BUCKETS_H
#define BUCKETS_H

#include <stddef.h>

#include "abi.h"

/*
 * Fills half (of s->services_mask + 1 buckets) with entries, in their order.  0, or -ENOSPC with
 * *failed the entry that found no place: then half is spoilt.
 */
int buckets_build(const struct settings *s, struct service_bucket *half,
		  const struct service entries[], size_t count, size_t *failed);

/* Searches as the packet path does; NULL when it is not there. */
const struct service *buckets_find(const struct settings *s, const struct service_bucket *half,
				   const struct service *like);

#endif
