// SPDX-License-Identifier: BSD-2-Clause
#include "relay/tls.h"

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "channel/tls.h"

static const uint8_t alpn[] = "\x0e"
			      "fairlead-app/1";

int relay_tls_select(SSL *ssl, const uint8_t **out, uint8_t *out_n, const uint8_t *in,
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

bool relay_tls_digest(X509 *cert, const EVP_MD *md, uint8_t *out)
{
	uint8_t *der = NULL;
	int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : 0;
	bool ok = n > 0 && EVP_Digest(der, n, out, NULL, md, NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

static bool is_pinned(const struct relay_destination *d, X509 *cert)
{
	uint8_t digest[SHA256_BYTES];

	if (!relay_tls_digest(cert, EVP_sha256(), digest))
		return false;
	for (size_t i = 0; i < d->pins_count; i++)
		if (!memcmp(d->pins[i], digest, sizeof(digest)))
			return true;
	return false;
}

/* In place of OpenSSL's own check: what the configuration asks for, all of it. */
int relay_tls_verify(X509_STORE_CTX *v, void *arg)
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

/*
 * OpenSSL 3.5 forgets what it has read ahead when the other end changes its key and kTLS is asked
 * for, in vain or not: so both at once are not wanted.
 */
static void settle_offload(SSL *ssl)
{
	if (BIO_get_ktls_send(SSL_get_wbio(ssl)) || BIO_get_ktls_recv(SSL_get_rbio(ssl)))
		SSL_set_read_ahead(ssl, 0);
	else
		SSL_clear_options(ssl, SSL_OP_ENABLE_KTLS);
}

int relay_tls_shake(struct end *e, char why[WHY_MAX])
{
	int r, err;

	if (!(e->ready & e->read_needs))
		return 0;
	ERR_clear_error();
	r = SSL_do_handshake(e->ssl);
	if (r == 1) {
		settle_offload(e->ssl);
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
		snprintf(why, WHY_MAX, "want a new session of TLS 1.3");
	else if (n != alpn[0] || memcmp(name, alpn + 1, n))
		snprintf(why, WHY_MAX, "want the application protocol fairlead-app/1");
	else if (cert && SSL_get_verify_result(ssl) != X509_V_OK)
		snprintf(why, WHY_MAX, "its certificate: %s",
			 X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	else
		ok = cert ? relay_tls_digest(cert, EVP_sha384(), spki)
			  : sha384(bytes_of("", 0), spki);
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
