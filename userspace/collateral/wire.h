/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parent and its fetcher say to each other, over base/ipc.h. */
#ifndef COLLATERAL_WIRE_H
#define COLLATERAL_WIRE_H

#include "base/ipc.h"
#include "collateral/collateral.h"

enum fetch_result {
	FETCH_OK,
	FETCH_THROTTLED,   /* 429: the source wants patience */
	FETCH_MISSING,	   /* 404, 410: it has no such thing */
	FETCH_REFUSED,	   /* another answer that is none: 3xx, 4xx */
	FETCH_FAILED,	   /* 5xx */
	FETCH_UNREACHABLE, /* no address, no connection, no TLS */
	FETCH_TIMEOUT,
	FETCH_TOO_LARGE,
	FETCH_WRONG, /* cut off, or not what was asked for */
	FETCH_RESULTS
};

const char *fetch_result_str(enum fetch_result r); /* "throttled": for labels */

enum fetch_message {
	MSG_FETCH = 160, /* parent -> fetcher: the name of a want */
	MSG_FETCHED,	 /* struct fetched, once for each MSG_FETCH, in any order */
};

struct fetched {
	enum fetch_result result;
	uint32_t retry_after_s; /* 0: the source did not say */
	int64_t date;		/* the source's clock, Unix seconds; 0: unknown */
	struct piece piece; /* its want always; the rest with FETCH_OK, in the receiver's buffer */
	char why[COLLATERAL_WHY_MAX]; /* of everything else */
};

void fetch_put(struct ipc_writer *w, const struct want *m);
bool fetch_get(struct bytes in, struct want *m);
void fetched_put(struct ipc_writer *w, const struct fetched *m);
bool fetched_get(struct bytes in, struct fetched *m);

#endif
