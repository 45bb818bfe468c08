/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields of an HTTP answer (RFC 9110), a line at a time, from whoever answered. */
#ifndef COLLATERAL_HEADER_H
#define COLLATERAL_HEADER_H

#include "collateral/collateral.h"

enum {
	RETRY_AFTER_MAX_S = 3600, /* who asks for more gets this */
};

/* What of them matters here.  Begins as all zero. */
struct header_facts {
	bool retry_given;
	uint32_t retry_after_s; /* as a number of seconds, or … */
	int64_t retry_at;	/* … as a date; 0: it was no date */
	int64_t date;		/* the server's clock, Unix seconds; 0: not said */
	uint32_t chain_n;	/* bytes in chain */
	bool chain_broken;	/* an issuer chain that cannot be decoded, or is too long */
	uint8_t chain[COLLATERAL_PEM_MAX];
};

/* A line with or without its end; what is no field of interest changes nothing. */
void header_read(struct bytes line, struct header_facts *f);
/* What Retry-After asks for at time now, at most RETRY_AFTER_MAX_S; 0: nothing. */
uint32_t header_retry_s(const struct header_facts *f, int64_t now);

/* "Sun, 06 Nov 1994 08:49:37 GMT"; false for any other form. */
bool header_date(struct bytes text, int64_t *out);

#endif
