// SPDX-License-Identifier: BSD-2-Clause
#include "channel/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

static const char node_prefix[] = "fairlead://node/";
static const unsigned char alpn[] = "\x0a"
				    "fairlead/1";
/* "EXPERIMENTAL" is what RFC 5705 asks of a label that is in no registry. */
static const char exporter_label[] = "EXPERIMENTAL-fairlead";

enum {
	ALPN_BYTES = sizeof(alpn) - 1,
	CHAIN_DEPTH_MAX = 4, /* intermediates between a node and the operator's root */
};

struct tls {
	SSL_CTX *client, *server;
	uint8_t spki[DIGEST_BYTES];
};

bool tls_refuse(char why[WHY_MAX], const char *what, const char *detail)
{
	snprintf(why, WHY_MAX, "%.120s%s%.120s", what, detail[0] ? ": " : "", detail);
	return false;
}

bool tls_refuse_library(char why[WHY_MAX], const char *what)
{
	unsigned long err = ERR_peek_error(); /* the first: later ones say where it came through */
	const char *text = ERR_SYSTEM_ERROR(err) ? strerror(ERR_GET_REASON(err))
						 : ERR_reason_error_string(err);

	ERR_clear_error();
	return tls_refuse(why, what, text ? text : "no reason given");
}

int tls_no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length,
		       const unsigned char *in, unsigned int n, void *arg)
{
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_length, alpn, ALPN_BYTES, in, n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

bool tls_load_identity(SSL_CTX *ctx, const char *certificate, const char *key, char why[WHY_MAX])
{
	SSL_CTX_set_default_passwd_cb(ctx, tls_no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return tls_refuse_library(why, certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return tls_refuse_library(why, key);
	return SSL_CTX_check_private_key(ctx) == 1 ||
	       tls_refuse(why, key, "is not the key of the certificate");
}

static bool load(SSL_CTX *ctx, const struct channel_config *c, char why[WHY_MAX])
{
	return tls_load_identity(ctx, c->certificate, c->key, why) &&
	       (SSL_CTX_load_verify_locations(ctx, c->ca, NULL) == 1 ||
		tls_refuse_library(why, c->ca));
}

static SSL_CTX *context(const SSL_METHOD *method, const struct channel_config *c, char why[WHY_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx) {
		tls_refuse_library(why, "TLS");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
	/* An end without close_notify is an end: lengths tell a message that was cut short. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_recv_max_early_data(ctx, 0);
	/* A peer may ask for new keys without end: then others have their turn as well. */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH_MAX);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	/* This one call answers 0 when it went well. */
	if (SSL_CTX_set_alpn_protos(ctx, alpn, ALPN_BYTES) != 0 || !load(ctx, c, why)) {
		if (!why[0])
			tls_refuse_library(why, "TLS");
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

bool tls_key_digest(X509 *cert, const EVP_MD *md, uint8_t *out)
{
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool ok = n > 0 && EVP_Digest(der, n, out, NULL, md, NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

static bool is_node_name(const uint8_t *p, size_t n)
{
	if (n == 0 || n >= NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~' || p[i] == '/')
			return false;
	return true;
}

/* The one name fairlead://node/… among a certificate's; two names would be two identities. */
bool tls_node_of(X509 *cert, char out[NAME_MAX_BYTES], char why[WHY_MAX])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t prefix = sizeof(node_prefix) - 1;
	int found = 0;

	memset(out, 0, NAME_MAX_BYTES);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct bytes uri;

		if (name->type != GEN_URI)
			continue;
		uri = bytes_of(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
			       ASN1_STRING_length(name->d.uniformResourceIdentifier));
		if (uri.n < prefix || memcmp(uri.p, node_prefix, prefix))
			continue;
		found++;
		if (found == 1 && is_node_name(uri.p + prefix, uri.n - prefix))
			memcpy(out, uri.p + prefix, uri.n - prefix);
	}
	GENERAL_NAMES_free(names);
	if (!found)
		return tls_refuse(
			why, "its certificate names no node, want a URI fairlead://node/NAME", "");
	if (found > 1)
		return tls_refuse(why, "its certificate names several nodes, want one", "");
	return out[0] || tls_refuse(why, "its certificate's node is no name", "");
}

static bool fits_node(struct tls *t, const struct channel_config *c, char why[WHY_MAX])
{
	X509 *cert = SSL_CTX_get0_certificate(t->client);
	char node[NAME_MAX_BYTES] = "", reason[WHY_MAX] = "";

	if (!tls_node_of(cert, node, reason))
		return tls_refuse(why, c->certificate, reason);
	if (strcmp(node, c->node)) {
		snprintf(why, WHY_MAX, "%.80s: is for node \"%.60s\", want \"%.60s\"",
			 c->certificate, node, c->node);
		return false;
	}
	return tls_key_digest(cert, EVP_sha384(), t->spki) ||
	       tls_refuse_library(why, c->certificate);
}

int tls_open(const struct channel_config *c, struct tls **out, char why[WHY_MAX])
{
	struct tls *t = calloc(1, sizeof(*t));

	why[0] = 0;
	if (!t) {
		tls_refuse(why, "no memory", "");
		return -ENOMEM;
	}
	t->client = context(TLS_client_method(), c, why);
	if (t->client)
		t->server = context(TLS_server_method(), c, why);
	if (!t->server || !fits_node(t, c, why)) {
		tls_close(t);
		return -EINVAL;
	}
	*out = t;
	return 0;
}

void tls_close(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->client);
	SSL_CTX_free(t->server);
	free(t);
}

bool tls_trusts_itself(const struct tls *t, time_t now, char why[WHY_MAX])
{
	X509_STORE_CTX *v = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = NULL;
	bool ok;

	SSL_CTX_get0_chain_certs(t->server, &chain);
	ok = v && X509_STORE_CTX_init(v, SSL_CTX_get_cert_store(t->server),
				      SSL_CTX_get0_certificate(t->server), chain) == 1;
	if (ok) {
		if (now)
			X509_STORE_CTX_set_time(v, 0, now);
		else
			X509_STORE_CTX_set_flags(v, X509_V_FLAG_NO_CHECK_TIME);
		X509_STORE_CTX_set_depth(v, CHAIN_DEPTH_MAX);
		ok = X509_verify_cert(v) == 1;
	}
	if (!ok)
		tls_refuse(why, "our certificate",
			   v ? X509_verify_cert_error_string(X509_STORE_CTX_get_error(v))
			     : "no memory");
	X509_STORE_CTX_free(v);
	ERR_clear_error();
	return ok;
}

const uint8_t *tls_own_spki(const struct tls *t)
{
	return t->spki;
}

SSL *tls_client(struct tls *t)
{
	return SSL_new(t->client);
}

SSL *tls_server(struct tls *t)
{
	return SSL_new(t->server);
}

static bool alpn_agreed(SSL *ssl)
{
	const unsigned char *name;
	unsigned int n;

	SSL_get0_alpn_selected(ssl, &name, &n);
	return n == ALPN_BYTES - 1 && !memcmp(name, alpn + 1, n);
}

static bool last_second(X509 *cert, time_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

/*
 * The contexts do not offer anything else, so most of this cannot fail.  It is asked all the
 * same: what rests on it is worth more than the calls.
 */
bool tls_identify(SSL *ssl, struct tls_peer *out, char why[WHY_MAX])
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	bool ok = false;

	memset(out, 0, sizeof(*out));
	if (SSL_version(ssl) != TLS1_3_VERSION)
		tls_refuse(why, "want TLS 1.3", SSL_get_version(ssl));
	else if (SSL_session_reused(ssl))
		tls_refuse(why, "a session was resumed", "");
	else if (!alpn_agreed(ssl))
		tls_refuse(why, "want the application protocol fairlead/1", "");
	else if (!cert)
		tls_refuse(why, "it has shown no certificate", "");
	else if (SSL_get_verify_result(ssl) != X509_V_OK)
		tls_refuse(why, "its certificate",
			   X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	else if (!tls_key_digest(cert, EVP_sha384(), out->spki) ||
		 !last_second(cert, &out->not_after))
		tls_refuse_library(why, "its certificate");
	else
		ok = tls_node_of(cert, out->node, why);
	X509_free(cert);
	return ok;
}

bool tls_peer_has_address(SSL *ssl, const struct addr *a)
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	bool v4 = addr_is_ipv4(a), has;

	has = cert && X509_check_ip(cert, (const unsigned char *)(v4 ? &a->w[3] : &a->w[0]),
				    v4 ? sizeof(a->w[3]) : sizeof(a->w), 0) == 1;
	X509_free(cert);
	return has;
}

bool tls_export(SSL *ssl, const uint8_t request[DIGEST_BYTES], uint8_t out[EXPORTER_BYTES])
{
	return SSL_export_keying_material(ssl, out, EXPORTER_BYTES, exporter_label,
					  sizeof(exporter_label) - 1, request, DIGEST_BYTES,
					  1) == 1;
}

static bool is_in_time(const X509 *cert)
{
	return cert && X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* When neither side's certificate is in its time, that is hardly the certificates' fault. */
static void blame_certificate(SSL *ssl, long verified, char why[WHY_MAX])
{
	bool of_time = verified == X509_V_ERR_CERT_NOT_YET_VALID ||
		       verified == X509_V_ERR_CERT_HAS_EXPIRED;
	char detail[WHY_MAX];

	snprintf(detail, sizeof(detail), "%.80s%s", X509_verify_cert_error_string(verified),
		 of_time && !is_in_time(SSL_get_certificate(ssl))
			 ? ", nor is ours in its time: the clock is suspect"
			 : "");
	tls_refuse(why, "its certificate", detail);
}

bool tls_describe(SSL *ssl, unsigned long err, char why[WHY_MAX])
{
	/* libevent reports a broken path by a number of SSL_get_error(), which is of no library. */
	bool path = ERR_GET_LIB(err) <= ERR_LIB_NONE || ERR_SYSTEM_ERROR(err);
	const char *text = path ? NULL : ERR_reason_error_string(err);
	long verified = SSL_get_verify_result(ssl);

	if (verified != X509_V_OK)
		blame_certificate(ssl, verified, why);
	else if (path)
		tls_refuse(why, "the connection broke", "");
	else
		tls_refuse(why, "TLS", text ? text : "failed");
	ERR_clear_error();
	return !path;
}

bool tls_key_of_file(const char *path, uint8_t out[32], char why[WHY_MAX])
{
	FILE *f = fopen(path, "re");
	X509 *cert = f ? PEM_read_X509(f, NULL, tls_no_passphrase, NULL) : NULL;
	bool ok = cert && tls_key_digest(cert, EVP_sha256(), out);

	if (!ok)
		tls_refuse(why, path, f ? "no certificate in PEM" : strerror(errno));
	X509_free(cert);
	if (f)
		fclose(f);
	ERR_clear_error();
	return ok;
}

bool tls_random(void *out, size_t n)
{
	return RAND_bytes(out, n) == 1;
}
