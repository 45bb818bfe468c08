// SPDX-License-Identifier: BSD-2-Clause
/* What OpenSSL checks of any chain, and its complaints in our words. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "verifier/refuse.h"
#include "verifier/x509.h"

enum {
	AUTH_LEVEL = 3, /* 128 bits: OpenSSL counts RSA-4096 below level 4 */
};

struct path {
	const struct cert *const *certs; /* leaf first, root last */
	int count;
	bool partial; /* the last is no root, but known to have one */
	bool pinned;  /* the last is trusted by its bytes */
};

/* Names fit, so either a signature is wrong or OpenSSL dislikes how the two belong together. */
static enum reason broken_link(const struct path *path, const char *said, struct claims *out)
{
	for (int i = 0; i < path->count; i++) {
		const struct cert *c = path->certs[i];
		const struct cert *issuer = path->certs[i + 1 < path->count ? i + 1 : i];

		if (X509_verify(c->x, cert_key(issuer)) != 1)
			return refuse(out, REASON_CERT_SIGNATURE,
				      "certificate %s is not signed by the %s that came along",
				      c->subject, issuer->subject);
	}
	return refuse(out, REASON_CERT_CHAIN, "certificate chain: %s", said);
}

static enum reason explain(X509_STORE_CTX *ctx, const struct path *path, struct claims *out)
{
	int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
	const char *said = X509_verify_cert_error_string(error);
	const struct cert *c = path->certs[depth >= 0 && depth < path->count ? depth : 0];

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return refuse(out, REASON_CERT_EXPIRED, "certificate %s expired %s", c->subject,
			      time_text(c->not_after).text);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return refuse(out, REASON_CERT_NOT_YET_VALID, "certificate %s is valid from %s",
			      c->subject, time_text(c->not_before).text);
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
		return refuse(out, REASON_CERT_SIGNATURE, "certificate %s: %s", c->subject, said);
	case X509_V_ERR_OUT_OF_MEM:
	case X509_V_ERR_UNSPECIFIED:
		return refuse(out, REASON_INTERNAL, "certificate chain: %s", said);
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
	case X509_V_ERR_EE_KEY_TOO_SMALL:
		if (depth == 0)
			return refuse(out, REASON_CERT_LEAF, "certificate %s: %s", c->subject,
				      said);
		return refuse(out, REASON_CERT_CHAIN, "certificate %s: %s", c->subject, said);
	default:
		return broken_link(path, said, out);
	}
}

/* What was built is what was given: no shorter way to the root, no other intermediate. */
static bool built_as_given(X509_STORE_CTX *ctx, const struct path *path)
{
	const STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(ctx);

	if (sk_X509_num(built) != path->count)
		return false;
	for (int i = 0; i < path->count; i++)
		if (X509_cmp(sk_X509_value(built, i), path->certs[i]->x))
			return false;
	return true;
}

static enum reason verify(X509_STORE_CTX *ctx, const struct path *path, int64_t at,
			  struct claims *out)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	unsigned long flags = path->partial ? X509_V_FLAG_PARTIAL_CHAIN : 0;

	X509_VERIFY_PARAM_set_time(param, at);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, path->count - 2);
	/* A root is trusted by its key alone when pinned by that: then its own signature counts. */
	if (!path->pinned)
		flags |= X509_V_FLAG_CHECK_SS_SIGNATURE;
	if (X509_VERIFY_PARAM_set_flags(param, flags) != 1)
		return refuse(out, REASON_INTERNAL, "certificate chain: OpenSSL takes no flags");
	if (X509_verify_cert(ctx) != 1)
		return explain(ctx, path, out);
	if (!built_as_given(ctx, path))
		return refuse(out, REASON_CERT_CHAIN,
			      "certificate chain: not the %d certificates from leaf to root",
			      path->count);
	return REASON_OK;
}

/* All between leaf and root; NULL without memory. */
static STACK_OF(X509) * between(const struct path *path)
{
	STACK_OF(X509) *list = sk_X509_new_null();

	for (int i = 1; list && i < path->count - 1; i++)
		if (sk_X509_push(list, path->certs[i]->x) < 1) {
			sk_X509_free(list);
			return NULL;
		}
	return list;
}

static enum reason path_verify(const struct path *path, int64_t at, struct claims *out)
{
	const struct cert *const *certs = path->certs;
	STACK_OF(X509) *untrusted = between(path);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();
	enum reason reason;

	if (!ctx || !store || !untrusted ||
	    X509_STORE_add_cert(store, certs[path->count - 1]->x) != 1 ||
	    X509_STORE_CTX_init(ctx, store, certs[0]->x, untrusted) != 1)
		reason = refuse(out, REASON_INTERNAL, "certificate chain: no memory");
	else
		reason = verify(ctx, path, at, out);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(untrusted); /* the certificates are the pile's */
	ERR_clear_error();
	return reason;
}

enum reason cert_path_verify(const struct cert *const certs[], size_t count, int64_t at,
			     struct claims *out)
{
	const struct path path = { .certs = certs, .count = count };

	return path_verify(&path, at, out);
}

enum reason cert_path_verify_pinned(const struct cert *const certs[], size_t count, int64_t at,
				    struct claims *out)
{
	const struct path path = { .certs = certs, .count = count, .pinned = true };

	return path_verify(&path, at, out);
}

enum reason cert_link_verify(const struct cert *cert, const struct cert *issuer, int64_t at,
			     struct claims *out)
{
	const struct cert *const certs[] = { cert, issuer };
	const struct path path = { .certs = certs, .count = 2, .partial = true };

	return path_verify(&path, at, out);
}
