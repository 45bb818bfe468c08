/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLS 1.3 of a client: to a relay (fairlead-app/1) or an agent (fairlead/1), whose keys
 * evidence speaks for, and to a service whose key an agent has vouched for.  No tickets, no
 * resumption, no early data.
 */
#ifndef CLIENT_TLS_H
#define CLIENT_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/binding.h"
#include "channel/wire.h"
#include "client/options.h"

enum client_tls_kind {
	CLIENT_TLS_INLINE,
	CLIENT_TLS_AGENT,
	CLIENT_TLS_SERVICE,
};

struct client_tls;

/* Who the other side is, once the handshake is through. */
struct client_peer {
	char node[NAME_MAX_BYTES];   /* "" where nobody has verified its certificate */
	uint8_t spki[DIGEST_BYTES];  /* SHA-384 of its DER SubjectPublicKeyInfo */
	uint8_t key[WIRE_KEY_BYTES]; /* SHA-256 of the same */
};

/* Loads what the options name: 0, or -errno and why[]. */
int client_tls_open(enum client_tls_kind kind, const struct options *o, struct client_tls **out,
		    char why[WHY_MAX]);
void client_tls_close(struct client_tls *t); /* takes NULL */

/* A connection's state on fd, told which host it wants; or NULL. */
SSL *client_tls_new(struct client_tls *t, int fd, const char *host);

/* False and why[] unless everything about a finished handshake is as it has to be. */
bool client_tls_identify(struct client_tls *t, SSL *ssl, const struct addr *dialled,
			 struct client_peer *out, char why[WHY_MAX]);
/*
 * Why a call into TLS failed: error is SSL_get_error()'s, err the library's, or 0.  Whether it was
 * one of the two sides that would not go on, rather than the path between them.
 */
bool client_tls_describe(SSL *ssl, int error, unsigned long err, char why[WHY_MAX]);
/* SHA-384 of our SPKI; of nothing, where we show no certificate. */
const uint8_t *client_tls_own_spki(const struct client_tls *t);

#endif
