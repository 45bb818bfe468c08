/* SPDX-License-Identifier: BSD-2-Clause */
/* One TCP connect with a time limit, and how long it took. */
#ifndef DIAL_H
#define DIAL_H

#include <event2/event.h>
#include <stdint.h>

#include "abi.h"

struct dial;

/*
 * Called once, later, unless cancelled: fd is the callee's to close and us the time it took, or
 * fd is -errno.  The dial is gone then.
 */
typedef void (*dial_done)(void *arg, int fd, uint64_t us);

/* NULL without memory; any other failure is for done. */
struct dial *dial_start(struct event_base *base, const struct addr *addr, uint16_t port,
			uint32_t limit_ms, dial_done done, void *arg);
void dial_cancel(struct dial *d); /* takes NULL */

#endif
