// SPDX-License-Identifier: BSD-2-Clause
#include "client/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "channel/tls.h"

enum {
	CHAIN_DEPTH_MAX = 4, /* as between nodes */
	ALPN_MAX = 256,	     /* its length in a byte, and the name */
};

struct client_tls {
	enum client_tls_kind kind;
	const struct options *options;
	SSL_CTX *ctx;
	unsigned char alpn[ALPN_MAX]; /* as on the wire; alpn[0] is 0 for none */
	uint8_t spki[DIGEST_BYTES];
};

/* Who has a certificate shows it; who has none is nobody, and bound as such. */
static bool load_own(struct client_tls *t, char why[WHY_MAX])
{
	const struct options *o = t->options;

	if (!o->certificate || t->kind == CLIENT_TLS_SERVICE)
		return sha384(bytes_of("", 0), t->spki) || tls_refuse(why, "SHA-384", "failed");
	if (!tls_load_identity(t->ctx, o->certificate, o->key, why))
		return false;
	return tls_key_digest(SSL_CTX_get0_certificate(t->ctx), EVP_sha384(), t->spki) ||
	       tls_refuse_library(why, o->certificate);
}

/* The operator's CA is for its nodes; a service beside its agent is known by its key alone. */
static bool verifies(const struct client_tls *t)
{
	return t->options->ca && t->kind != CLIENT_TLS_SERVICE;
}

static bool load_ca(struct client_tls *t, char why[WHY_MAX])
{
	SSL_CTX_set_verify(t->ctx, verifies(t) ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_verify_depth(t->ctx, CHAIN_DEPTH_MAX);
	return !verifies(t) || SSL_CTX_load_verify_locations(t->ctx, t->options->ca, NULL) == 1 ||
	       tls_refuse_library(why, t->options->ca);
}

static bool set_alpn(struct client_tls *t, char why[WHY_MAX])
{
	static const char *const names[] = {
		[CLIENT_TLS_INLINE] = "fairlead-app/1", [CLIENT_TLS_AGENT] = "fairlead/1"
	};
	const char *name = t->kind == CLIENT_TLS_SERVICE ? t->options->protocol : names[t->kind];
	size_t n = name ? strlen(name) : 0;

	if (!n)
		return true;
	t->alpn[0] = n;
	memcpy(t->alpn + 1, name, n);
	/* This one call answers 0 when it went well. */
	return !SSL_CTX_set_alpn_protos(t->ctx, t->alpn, n + 1) || tls_refuse_library(why, "ALPN");
}

static bool configure(struct client_tls *t, char why[WHY_MAX])
{
	SSL_CTX *ctx = t->ctx;

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* A peer may ask for new keys without end: then others have their turn as well. */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	return set_alpn(t, why) && load_ca(t, why) && load_own(t, why);
}

int client_tls_open(enum client_tls_kind kind, const struct options *o, struct client_tls **out,
		    char why[WHY_MAX])
{
	struct client_tls *t = calloc(1, sizeof(*t));

	why[0] = 0;
	if (!t) {
		tls_refuse(why, "no memory", "");
		return -ENOMEM;
	}
	t->kind = kind;
	t->options = o;
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx)
		tls_refuse_library(why, "TLS");
	if (!t->ctx || !configure(t, why)) {
		client_tls_close(t);
		return -EINVAL;
	}
	*out = t;
	return 0;
}

void client_tls_close(struct client_tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

SSL *client_tls_new(struct client_tls *t, int fd, const char *host)
{
	const char *name = t->options->server_name;
	struct addr is_address;
	SSL *ssl = SSL_new(t->ctx);

	if (!name && t->kind != CLIENT_TLS_AGENT && !addr_parse(host, &is_address))
		name = host; /* RFC 6066: an address is no server name */
	if (ssl && SSL_set_fd(ssl, fd) == 1 && (!name || SSL_set_tlsext_host_name(ssl, name) == 1))
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static bool alpn_agreed(const struct client_tls *t, SSL *ssl)
{
	const unsigned char *name;
	unsigned int n;

	SSL_get0_alpn_selected(ssl, &name, &n);
	if (t->kind == CLIENT_TLS_SERVICE && !n)
		return true; /* a service need not know of ALPN */
	return t->alpn[0] && n == t->alpn[0] && !memcmp(name, t->alpn + 1, n);
}

static bool is_the_node(struct client_tls *t, SSL *ssl, X509 *cert, const struct addr *dialled,
			struct client_peer *out, char why[WHY_MAX])
{
	const char *wanted = t->options->node;

	if (!verifies(t))
		return true;
	if (SSL_get_verify_result(ssl) != X509_V_OK)
		return tls_refuse(why, "its certificate",
				  X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	if (!tls_node_of(cert, out->node, why))
		return false;
	if (wanted && strcmp(out->node, wanted)) {
		snprintf(why, WHY_MAX, "its certificate is for node \"%.60s\", want \"%.60s\"",
			 out->node, wanted);
		return false;
	}
	/* A VIP is many nodes' address and in no certificate; an agent has its own. */
	return t->kind != CLIENT_TLS_AGENT || tls_peer_has_address(ssl, dialled) ||
	       tls_refuse(why, "its certificate does not list the address that was dialled", "");
}

/*
 * The contexts do not offer anything else, so most of this cannot fail.  It is asked all the
 * same: what rests on it is worth more than the calls.
 */
bool client_tls_identify(struct client_tls *t, SSL *ssl, const struct addr *dialled,
			 struct client_peer *out, char why[WHY_MAX])
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	bool ok = false;

	memset(out, 0, sizeof(*out));
	if (SSL_version(ssl) != TLS1_3_VERSION)
		tls_refuse(why, "want TLS 1.3", SSL_get_version(ssl));
	else if (SSL_session_reused(ssl))
		tls_refuse(why, "a session was resumed", "");
	else if (!alpn_agreed(t, ssl))
		tls_refuse(why, "it does not speak the protocol that was offered (ALPN)", "");
	else if (!cert)
		tls_refuse(why, "it has shown no certificate", "");
	else if (!tls_key_digest(cert, EVP_sha384(), out->spki) ||
		 !tls_key_digest(cert, EVP_sha256(), out->key))
		tls_refuse_library(why, "its certificate");
	else
		ok = is_the_node(t, ssl, cert, dialled, out, why);
	X509_free(cert);
	return ok;
}

bool client_tls_describe(SSL *ssl, int error, unsigned long err, char why[WHY_MAX])
{
	long verified = SSL_get_verify_result(ssl);
	const char *text = ERR_reason_error_string(err);
	bool path = ERR_GET_LIB(err) <= ERR_LIB_NONE || ERR_SYSTEM_ERROR(err);
	int code = ERR_SYSTEM_ERROR(err) ? ERR_GET_REASON(err) : errno;

	ERR_clear_error();
	if (error == SSL_ERROR_ZERO_RETURN ||
	    ERR_GET_REASON(err) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return tls_refuse(why, "it hung up", "");
	if (path)
		return tls_refuse(why, "the connection broke",
				  code && code != EAGAIN ? strerror(code) : "");
	if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && verified != X509_V_OK)
		tls_refuse(why, "its certificate", X509_verify_cert_error_string(verified));
	else
		tls_refuse(why, "TLS", text ? text : "failed");
	return true;
}

const uint8_t *client_tls_own_spki(const struct client_tls *t)
{
	return t->spki;
}
