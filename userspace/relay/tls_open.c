// SPDX-License-Identifier: BSD-2-Clause
/* What the relay's TLS is loaded from, once, before there is a connection. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/tls.h"
#include "relay/tls.h"

enum {
	CA_BYTES_MAX = 1 << 20, /* the whole web's take 220 KiB */
};

static SSL_CTX *context(const SSL_METHOD *method, int minimum)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, minimum);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ctx, 1);
	return ctx;
}

static bool open_server(struct relay_tls *t, char why[WHY_MAX])
{
	const struct relay_config *c = t->config;
	SSL_CTX *ctx = t->server = context(TLS_server_method(), TLS1_3_VERSION);

	if (!ctx)
		return tls_refuse_library(why, "TLS");
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, relay_tls_select, NULL);
	if (!tls_load_identity(ctx, c->certificate, c->key, why))
		return false;
	if (c->clients_ca[0]) {
		if (SSL_CTX_load_verify_locations(ctx, c->clients_ca, NULL) != 1)
			return tls_refuse_library(why, c->clients_ca);
		SSL_CTX_set_verify(
			ctx, SSL_VERIFY_PEER | (c->enrolled ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			NULL);
	}
	return relay_tls_digest(SSL_CTX_get0_certificate(ctx), EVP_sha384(), t->spki) ||
	       tls_refuse_library(why, c->certificate);
}

/* The file, if its bytes are those that the configuration, and so the claims, speak of. */
static bool read_pinned(const struct relay_destination *d, char *text, size_t *n, char why[WHY_MAX])
{
	uint8_t digest[SHA256_BYTES];
	FILE *f = fopen(d->ca, "re");

	if (!f)
		return tls_refuse(why, d->ca, strerror(errno));
	*n = fread(text, 1, CA_BYTES_MAX, f);
	fclose(f);
	return (EVP_Digest(text, *n, digest, NULL, EVP_sha256(), NULL) == 1 &&
		!memcmp(digest, d->ca_sha256, sizeof(digest))) ||
	       tls_refuse(why, d->ca, "its SHA-256 is not the configuration's ca-sha256");
}

static bool load_ca(SSL_CTX *ctx, const struct relay_destination *d, char why[WHY_MAX])
{
	char *text = malloc(CA_BYTES_MAX);
	BIO *bio = NULL;
	unsigned int count = 0;
	X509 *cert;
	size_t n = 0;

	if (text && read_pinned(d, text, &n, why))
		bio = BIO_new_mem_buf(text, n);
	while (bio && (cert = PEM_read_bio_X509(bio, NULL, tls_no_passphrase, NULL))) {
		count += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) == 1;
		X509_free(cert);
	}
	ERR_clear_error(); /* of the text's end */
	if (bio && !count)
		tls_refuse(why, d->ca, "no certificate in it");
	BIO_free(bio);
	free(text);
	return count;
}

static bool open_client(SSL_CTX *ctx, const struct relay_destination *d, char why[WHY_MAX])
{
	X509_VERIFY_PARAM *p = SSL_CTX_get0_param(ctx);
	uint8_t list[RELAY_ALPN_MAX + 1];
	size_t n = strlen(d->alpn);

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, relay_tls_verify, (void *)d);
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (d->server_name[0] && X509_VERIFY_PARAM_set1_ip_asc(p, d->server_name) != 1 &&
	    X509_VERIFY_PARAM_set1_host(p, d->server_name, 0) != 1)
		return tls_refuse_library(why, d->server_name);
	list[0] = n;
	memcpy(list + 1, d->alpn, n);
	if (n && SSL_CTX_set_alpn_protos(ctx, list, n + 1) != 0) /* 0 is well */
		return tls_refuse_library(why, d->alpn);
	return !d->ca[0] || load_ca(ctx, d, why);
}

int relay_tls_open(const struct relay_config *c, struct relay_tls **out, char why[WHY_MAX])
{
	struct relay_tls *t = calloc(1, sizeof(*t));
	bool ok;

	if (!t)
		return -ENOMEM;
	t->config = c;
	ok = open_server(t, why);
	for (size_t i = 0; ok && i < c->destinations_count; i++) {
		const struct relay_destination *d = &c->destinations[i];

		if (!d->tls)
			continue;
		t->clients[i] =
			context(TLS_client_method(), d->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
		ok = t->clients[i] ? open_client(t->clients[i], d, why)
				   : tls_refuse_library(why, "TLS");
	}
	if (!ok) {
		relay_tls_close(t);
		return -EINVAL;
	}
	*out = t;
	return 0;
}

void relay_tls_close(struct relay_tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->server);
	for (size_t i = 0; i < RELAY_DESTINATIONS_MAX; i++)
		SSL_CTX_free(t->clients[i]);
	free(t);
}
