// SPDX-License-Identifier: BSD-2-Clause
#include "relay/tls.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "channel/tls.h"

enum {
	CA_BYTES_MAX = 1 << 20, /* the whole web's take 220 KiB */
	READ_BYTES = 32768,	/* of a socket at a time: two full records */
};

static const uint8_t alpn[] = "\x0e"
			      "fairlead-app/1";

struct relay_tls {
	const struct relay_config *config;
	SSL_CTX *server, *clients[RELAY_DESTINATIONS_MAX];
	uint8_t spki[DIGEST_BYTES];
};

static bool refuse(char why[WHY_MAX], const char *what, const char *detail)
{
	snprintf(why, WHY_MAX, "%.120s: %.120s", what, detail);
	return false;
}

static bool refuse_as_library(char why[WHY_MAX], const char *what)
{
	unsigned long err = ERR_peek_error();
	const char *text = ERR_SYSTEM_ERROR(err) ? strerror(ERR_GET_REASON(err))
						 : ERR_reason_error_string(err);

	ERR_clear_error();
	return refuse(why, what, text ? text : "TLS failed");
}

/* An encrypted key would have OpenSSL ask at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

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
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BYTES);
	return ctx;
}

static int select_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_n, const uint8_t *in,
		       unsigned int n, void *arg)
{
	unsigned char *chosen;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&chosen, out_n, alpn, sizeof(alpn) - 1, in, n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool spki_digest(X509 *cert, const EVP_MD *md, uint8_t *out)
{
	uint8_t *der = NULL;
	int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : 0;
	bool ok = n > 0 && EVP_Digest(der, n, out, NULL, md, NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

static bool open_server(struct relay_tls *t, char why[WHY_MAX])
{
	const struct relay_config *c = t->config;
	SSL_CTX *ctx = t->server = context(TLS_server_method(), TLS1_3_VERSION);

	if (!ctx)
		return refuse_as_library(why, "TLS");
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, c->certificate) != 1)
		return refuse_as_library(why, c->certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, c->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return refuse_as_library(why, c->key);
	if (c->clients_ca[0]) {
		if (SSL_CTX_load_verify_locations(ctx, c->clients_ca, NULL) != 1)
			return refuse_as_library(why, c->clients_ca);
		SSL_CTX_set_verify(
			ctx, SSL_VERIFY_PEER | (c->enrolled ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			NULL);
	}
	return spki_digest(SSL_CTX_get0_certificate(ctx), EVP_sha384(), t->spki) ||
	       refuse_as_library(why, c->certificate);
}

static bool is_pinned(const struct relay_destination *d, X509 *cert)
{
	uint8_t digest[SHA256_BYTES];

	if (!spki_digest(cert, EVP_sha256(), digest))
		return false;
	for (size_t i = 0; i < d->pins_count; i++)
		if (!memcmp(d->pins[i], digest, sizeof(digest)))
			return true;
	return false;
}

/* In place of OpenSSL's own check: what the configuration asks for, all of it. */
static int verify(X509_STORE_CTX *v, void *arg)
{
	const struct relay_destination *d = arg;

	if (d->ca[0] && X509_verify_cert(v) != 1)
		return 0;
	if (d->pins_count ? is_pinned(d, X509_STORE_CTX_get0_cert(v)) : d->ca[0]) {
		X509_STORE_CTX_set_error(v, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(v, X509_V_ERR_CERT_UNTRUSTED);
	return 0;
}

/* The file, if its bytes are those that the configuration, and so the claims, speak of. */
static bool read_pinned(const struct relay_destination *d, char *text, size_t *n, char why[WHY_MAX])
{
	uint8_t digest[SHA256_BYTES];
	FILE *f = fopen(d->ca, "re");

	if (!f)
		return refuse(why, d->ca, strerror(errno));
	*n = fread(text, 1, CA_BYTES_MAX, f);
	fclose(f);
	return (EVP_Digest(text, *n, digest, NULL, EVP_sha256(), NULL) == 1 &&
		!memcmp(digest, d->ca_sha256, sizeof(digest))) ||
	       refuse(why, d->ca, "its SHA-256 is not the configuration's ca-sha256");
}

static bool load_ca(SSL_CTX *ctx, const struct relay_destination *d, char why[WHY_MAX])
{
	char *text = malloc(CA_BYTES_MAX);
	BIO *bio = NULL;
	unsigned int count = 0;
	X509 *cert;
	size_t n;

	if (text && read_pinned(d, text, &n, why))
		bio = BIO_new_mem_buf(text, n);
	while (bio && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		count += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) == 1;
		X509_free(cert);
	}
	ERR_clear_error(); /* of the text's end */
	if (bio && !count)
		refuse(why, d->ca, "no certificate in it");
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
	SSL_CTX_set_cert_verify_callback(ctx, verify, (void *)d);
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (d->server_name[0] && X509_VERIFY_PARAM_set1_ip_asc(p, d->server_name) != 1 &&
	    X509_VERIFY_PARAM_set1_host(p, d->server_name, 0) != 1)
		return refuse_as_library(why, d->server_name);
	list[0] = n;
	memcpy(list + 1, d->alpn, n);
	if (n && SSL_CTX_set_alpn_protos(ctx, list, n + 1) != 0) /* 0 is well */
		return refuse_as_library(why, d->alpn);
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
				   : refuse_as_library(why, "TLS");
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

static SSL *over(SSL *ssl, int fd)
{
	if (ssl && SSL_set_fd(ssl, fd) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

SSL *relay_tls_server(struct relay_tls *t, int fd)
{
	SSL *ssl = over(SSL_new(t->server), fd);

	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

SSL *relay_tls_client(struct relay_tls *t, size_t destination, int fd)
{
	const char *name = t->config->destinations[destination].server_name;
	SSL *ssl = over(SSL_new(t->clients[destination]), fd);
	struct addr ignored;

	if (!ssl)
		return NULL;
	SSL_set_connect_state(ssl);
	if (name[0] && !addr_parse(name, &ignored))
		SSL_set_tlsext_host_name(ssl, name);
	return ssl;
}

int relay_tls_shake(struct end *e, char why[WHY_MAX])
{
	int r, err;

	if (!(e->ready & e->read_needs))
		return 0;
	ERR_clear_error();
	r = SSL_do_handshake(e->ssl);
	if (r == 1) {
		e->read_needs = EV_READ;
		return 1;
	}
	err = SSL_get_error(e->ssl, r);
	if (err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE) {
		tls_describe(e->ssl, ERR_peek_error(), why);
		return -1;
	}
	e->read_needs = err == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE;
	e->ready &= ~e->read_needs;
	return 0;
}

const uint8_t *relay_tls_spki(const struct relay_tls *t)
{
	return t->spki;
}

/* Most of this cannot fail as the context is; what rests on it is worth more than the calls. */
bool relay_tls_identify(SSL *ssl, uint8_t spki[DIGEST_BYTES], bool *anonymous, char why[WHY_MAX])
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	const uint8_t *name;
	unsigned int n;
	bool ok = false;

	*anonymous = !cert;
	SSL_get0_alpn_selected(ssl, &name, &n);
	if (SSL_version(ssl) != TLS1_3_VERSION || SSL_session_reused(ssl))
		refuse(why, "TLS", "want a new session of version 1.3");
	else if (n != alpn[0] || memcmp(name, alpn + 1, n))
		refuse(why, "TLS", "want the application protocol fairlead-app/1");
	else if (cert && SSL_get_verify_result(ssl) != X509_V_OK)
		refuse(why, "its certificate",
		       X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	else
		ok = cert ? spki_digest(cert, EVP_sha384(), spki) : sha384(bytes_of("", 0), spki);
	X509_free(cert);
	return ok;
}

bool relay_tls_agreed(SSL *ssl, const struct relay_destination *d)
{
	const uint8_t *name;
	unsigned int n;

	SSL_get0_alpn_selected(ssl, &name, &n);
	return !d->alpn[0] || (n == strlen(d->alpn) && !memcmp(name, d->alpn, n));
}
