/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLS 1.3 of fairlead/1 (RFC 8446): both sides show a certificate of the operator's CA,
 * the protocol's name is agreed on (RFC 7301), and no session outlives its connection:
 * no tickets, no resumption, no early data.  The only file that knows OpenSSL.
 */
#ifndef CHANNEL_TLS_H
#define CHANNEL_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/binding.h"
#include "base/messages.h"
#include "channel/channel.h"

struct tls; /* who we are and whom we believe */

/* Who the other side is, once the handshake is through. */
struct tls_peer {
	char node[NAME_MAX_BYTES];
	uint8_t spki[DIGEST_BYTES]; /* SHA-384 of its DER SubjectPublicKeyInfo */
	time_t not_after;	    /* wall clock: its certificate's last second */
};

/* Loads certificate, key and CA, and checks that they are for c->node: 0, or -errno and why[]. */
int tls_open(const struct channel_config *c, struct tls **out, char why[WHY_MAX]);
void tls_close(struct tls *t); /* takes NULL */

/*
 * Whether our own certificate would be believed by a node like us at this time, or with 0 at
 * whatever time it is made for; why[] if not.
 */
bool tls_trusts_itself(const struct tls *t, time_t now, char why[WHY_MAX]);

const uint8_t *tls_own_spki(const struct tls *t);

/* A new connection's state, or NULL. */
SSL *tls_client(struct tls *t);
SSL *tls_server(struct tls *t);

/* False and why[] unless everything about a finished handshake is as fairlead/1 wants it. */
bool tls_identify(SSL *ssl, struct tls_peer *out, char why[WHY_MAX]);
/* SHA-256 of the SPKI of the first certificate in a PEM file, or false and why[]. */
bool tls_key_of_file(const char *path, uint8_t out[32], char why[WHY_MAX]);
/* The node that a certificate names, or false and why[]. */
bool tls_node_of(X509 *cert, char out[NAME_MAX_BYTES], char why[WHY_MAX]);
/* Whether the peer's certificate lists this address. */
bool tls_peer_has_address(SSL *ssl, const struct addr *a);

/* The session's exporter (RFC 5705, RFC 8446 7.5) over the digest of a request. */
bool tls_export(SSL *ssl, const uint8_t request[DIGEST_BYTES], uint8_t out[EXPORTER_BYTES]);

/*
 * Why a handshake or connection failed; err is what the library reported, or 0.  Whether it was
 * one of the two sides that would not go on, rather than the path between them.
 */
bool tls_describe(SSL *ssl, unsigned long err, char why[WHY_MAX]);

bool tls_random(void *out, size_t n);

/* --- what others who speak TLS by other rules (fairlead-connect, the relay) have in common */

/* False, and why[] is "what: detail", or what alone. */
bool tls_refuse(char why[WHY_MAX], const char *what, const char *detail);
/* The same with what the library has to say, whose queue is empty then. */
bool tls_refuse_library(char why[WHY_MAX], const char *what);
/* A pem_password_cb: for an encrypted key OpenSSL would ask at the terminal. */
int tls_no_passphrase(char *buf, int size, int writing, void *arg);
/* Chain and key, PEM files both: false and why[] unless they belong together. */
bool tls_load_identity(SSL_CTX *ctx, const char *certificate, const char *key, char why[WHY_MAX]);
/* Of the DER SubjectPublicKeyInfo, as long as md has it. */
bool tls_key_digest(X509 *cert, const EVP_MD *md, uint8_t *out);

#endif
