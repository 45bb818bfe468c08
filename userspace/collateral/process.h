/* SPDX-License-Identifier: BSD-2-Clause */
/* The fetcher: unprivileged and confined, the only process of ours that speaks to vendors. */
#ifndef COLLATERAL_PROCESS_H
#define COLLATERAL_PROCESS_H

#include "collateral/wire.h"

enum {
	FETCH_PARALLEL_MAX = 4, /* the caller sends no more at a time (demand.h: two a source) */
};

/*
 * Answers MSG_FETCH with MSG_FETCHED on fd until fd is closed.  Called in a fresh child that owns
 * nothing but fd and stderr; sandboxes itself before the first message.
 */
_Noreturn void fetcher_main(int fd, const struct collateral_config *c);

#endif
