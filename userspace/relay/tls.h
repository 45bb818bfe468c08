/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The relay's two kinds of TLS: as a server towards clients (1.3, fairlead-app/1, nothing
 * resumed), and as a client towards each destination, whose certificate has to be as the
 * configuration pins it or the handshake fails.
 */
#ifndef RELAY_TLS_H
#define RELAY_TLS_H

#include "relay/relay.h"
#include "relay/stream.h"

struct relay_tls { /* who we are and whom we believe */
	const struct relay_config *config;
	SSL_CTX *server, *clients[RELAY_DESTINATIONS_MAX];
	uint8_t spki[DIGEST_BYTES]; /* SHA-384 of ours */
};

/* tls_open.c */
/* Loads all files that c names: 0, or -errno and why[]. */
int relay_tls_open(const struct relay_config *c, struct relay_tls **out, char why[WHY_MAX]);
void relay_tls_close(struct relay_tls *t); /* takes NULL */

/* For the contexts: OpenSSL's callbacks, and the digest of a certificate's SPKI. */
int relay_tls_select(SSL *ssl, const uint8_t **out, uint8_t *out_n, const uint8_t *in,
		     unsigned int n, void *arg);
int relay_tls_verify(X509_STORE_CTX *v, void *destination);
bool relay_tls_digest(X509 *cert, const EVP_MD *md, uint8_t *out);

/* A connection about to shake hands over fd, or NULL without memory. */
SSL *relay_tls_server(struct relay_tls *t, int fd);
SSL *relay_tls_client(struct relay_tls *t, size_t destination, int fd);

/* A step of the handshake: 1 it is through, 0 it waits, -1 it has failed, and why[]. */
int relay_tls_shake(struct end *e, char why[WHY_MAX]);

/* A client's handshake is through: its SPKI's SHA-384, of nothing when it is anonymous. */
bool relay_tls_identify(SSL *ssl, uint8_t spki[DIGEST_BYTES], bool *anonymous, char why[WHY_MAX]);
/* Whether a destination has agreed to the protocol that the configuration asks for. */
bool relay_tls_agreed(SSL *ssl, const struct relay_destination *d);

#endif
