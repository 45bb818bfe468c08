/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's half of an attestation exchange, message by message: HELLO, one ATTEST at a time,
 * EVIDENCE or ERROR, RESULT.  Pure: nonce and exporter come in, what is to be sent goes out.
 * docs/protocol.md, sections 3 and 10.
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "channel/wire.h"

struct exchange {
	struct wire_endpoint endpoint; /* that was dialled */
	char service[NAME_MAX_BYTES];
	char node[NAME_MAX_BYTES]; /* of the verified certificate; "": of none */
	uint8_t spki_own[DIGEST_BYTES];
	uint8_t spki_peer[DIGEST_BYTES];

	enum { EXCHANGE_HELLO, EXCHANGE_ASKING, EXCHANGE_ASKED, EXCHANGE_TOLD } state;
	uint64_t id;
	uint8_t question[DIGEST_BYTES]; /* of the ATTEST's bytes */
	uint8_t exporter[EXPORTER_BYTES];
};

enum exchange_event {
	EXCHANGE_ASK,	   /* exchange_question() may be sent now */
	EXCHANGE_EVIDENCE, /* it has answered */
	EXCHANGE_NOT_NOW,  /* it cannot; why[] */
	EXCHANGE_BREACH,   /* it broke a rule, or answers for somebody else; why[] */
};

struct exchange_answer {
	struct binding binding; /* our own view of it, for the appraisal */
	struct wire_evidence evidence;
	struct wire_claims claims;
};

/* The length of what was written to buf[size]; 0 when it does not fit. */
size_t exchange_hello(const char *boot_id, char *buf, size_t size);
/* Both of them fix what the answer has to be bound to: the exporter is over x->question. */
size_t exchange_question(struct exchange *x, const uint8_t nonce[WIRE_NONCE_BYTES], char *buf,
			 size_t size);
void exchange_asked(struct exchange *x, const uint8_t exporter[EXPORTER_BYTES]);

/*
 * What a message from the other side amounts to.  With EXCHANGE_EVIDENCE *out is filled and
 * points into room[size], for which raw.n bytes are enough.
 */
enum exchange_event exchange_take(struct exchange *x, struct bytes raw, uint8_t *room, size_t size,
				  struct exchange_answer *out, char why[WHY_MAX]);
size_t exchange_result(const struct exchange *x, bool ok, const char *code, uint64_t expires_in_ms,
		       char *buf, size_t size);

#endif
