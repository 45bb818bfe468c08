/* SPDX-License-Identifier: BSD-2-Clause */
/* What was shown and what was made of it, for who wants to see or to keep it. */
#ifndef CLIENT_SHOW_H
#define CLIENT_SHOW_H

#include "client/client.h"
#include "client/exchange.h"

/* Copies, since evidence is gone when its verdict comes. */
struct sample {
	struct binding binding;
	struct blob report, claims, certs[CERTS_MAX];
	uint32_t certs_count;
};

/* Nothing, unless --save wants it. */
void sample_take(const struct client *c, const struct exchange_answer *answer, struct sample *out);
void sample_free(struct sample *s);

/* As --show-evidence and --save say. */
void sample_tell(const struct client *c, const struct endpoint *e, const struct sample *s,
		 const struct wire_claims *claims, const struct msg_verdict *v);

#endif
