/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many pieces as one file, to be carried to where no vendor can be reached:
 *
 *	fairlead-collateral-export 1
 *	NAME BODY-BYTES CHAIN-BYTES	for each piece, then those bytes and a newline
 *	end SHA-256			of everything before this line
 *
 * The digest is against damage, not against forgery: that is the signatures' business.
 */
#ifndef COLLATERAL_BUNDLE_H
#define COLLATERAL_BUNDLE_H

#include <stdio.h>

#include "collateral/collateral.h"

enum { BUNDLE_MAX = 64 << 20 };

struct bundle_writer {
	char *text;
	size_t n;
	FILE *file;
};

/* 0 or -ENOMEM; the result is in text[n] after bundle_end(), to be freed by the caller. */
int bundle_begin(struct bundle_writer *w);
void bundle_put(struct bundle_writer *w, const struct piece *p);
int bundle_end(struct bundle_writer *w);

/* Whether whole begins as a bundle; *in is then what bundle_next() reads.  False also when it is
 * damaged, with why. */
bool bundle_open(struct bytes whole, struct bytes *in, char why[COLLATERAL_WHY_MAX]);
bool bundle_looks_like(struct bytes whole);
/* The next piece, its times not known, pointing into the file.  1, 0: no more, -EBADMSG. */
int bundle_next(struct bytes *in, struct piece *out);

#endif
