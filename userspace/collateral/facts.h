/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a body is, by what it says of itself: enough to refuse a login page, another chip's
 * certificate or half a list.  No signature is verified here; that is the verifier's, each time.
 */
#ifndef COLLATERAL_FACTS_H
#define COLLATERAL_FACTS_H

#include "base/collateral.h"
#include "collateral/collateral.h"

/*
 * Whether body (and chain, PEM) is what w names.  With true, *out points into them, or into
 * buf[COLLATERAL_BODY_MAX] where a list that came as PEM or hexadecimal digits is now DER.
 */
bool facts_read(const struct want *w, struct bytes body, struct bytes chain, uint8_t *buf,
		struct piece *out, char why[COLLATERAL_WHY_MAX]);

/*
 * What the next list of *in, a run of DER lists, or else a single document, is by its own word:
 * for files that do not say.  Takes it off *in as *body.  False: nothing of that kind.
 */
bool facts_identify(enum collateral kind, struct bytes *in, uint8_t *buf, struct bytes *body,
		    struct want *out);

#endif
