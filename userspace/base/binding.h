/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ties a piece of evidence to one TLS session: the 64 bytes of REPORT_DATA.
 *
 * Both ends compute it for themselves from their own view of the channel; no
 * function takes finished REPORT_DATA from a peer, so nobody can have a guest
 * sign what they chose.  docs/protocol.md has the layout.
 */
#ifndef BINDING_H
#define BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/tee.h"

enum {
	EXPORTER_BYTES = 32,
	DIGEST_BYTES = 48, /* SHA-384 */
	REPORT_DATA_BYTES = 64,
	ROLE_MAX = 16, /* "backend", "router" */
};

struct binding {
	char role[ROLE_MAX]; /* of the attester */
	enum tee tee;
	uint8_t exporter[EXPORTER_BYTES];
	uint8_t spki_attester[DIGEST_BYTES]; /* SHA-384 of the DER SubjectPublicKeyInfo */
	uint8_t spki_peer[DIGEST_BYTES];
	uint8_t request[DIGEST_BYTES]; /* of the ATTEST message's bytes as sent */
	uint8_t claims[DIGEST_BYTES];  /* of the claims' bytes as sent */
};

/*
 * SHA-512( put("fairlead/1") put(role) put(tee) put(exporter) put(spki_attester)
 * put(spki_peer) put(request) put(claims) ), put(x) = 16-bit big-endian length and x.
 * False when the digest cannot be made; then out is all zero.
 */
bool binding_report_data(const struct binding *b, uint8_t out[REPORT_DATA_BYTES]);

bool sha384(struct bytes in, uint8_t out[DIGEST_BYTES]);

#endif
