// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "verifier/pem.h"
#include "verifier/refuse.h"
#include "verifier/x509.h"

/* Files passed through editors end in newlines, and pages in NULs, also where a list follows. */
static void skip_ends(struct bytes *in)
{
	static const char ends[] = "\r\n";

	while (in->n && memchr(ends, in->p[0], sizeof(ends))) {
		in->p++;
		in->n--;
	}
}

/* The list at the front of *in; NULL and !*readable: there is none. */
static X509_CRL *take_der(struct bytes *in, bool *readable)
{
	const uint8_t *p = in->p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, in->n);

	if (!crl) {
		*readable = false;
		in->n = 0;
		return NULL;
	}
	in->n -= p - in->p;
	in->p = p;
	return crl;
}

/* The list of the next block; NULL: another thing is in it, or, with !*readable, there is no more.
 */
static X509_CRL *take_pem(struct bytes *in, bool *readable)
{
	struct pem_block block;
	X509_CRL *crl = NULL;
	struct bytes one;
	uint8_t *der;

	if (pem_next(in, &block) <= 0) {
		*readable = false;
		in->n = 0;
		return NULL;
	}
	if (!pem_label_is(&block, "X509 CRL"))
		return NULL;
	der = malloc(block.body.n + 1);
	one = bytes_of(der, der ? pem_decode(&block, der, block.body.n) : 0);
	crl = take_der(&one, readable);
	*readable &= one.n == 0;
	free(der);
	return crl;
}

/* Takes lists off *in, DER or PEM, until one is in root's name; !*readable when one could not be.
 */
static X509_CRL *find(struct bytes *in, const X509_NAME *root, bool *readable)
{
	enum { DER_SEQUENCE = 0x30 };
	X509_CRL *crl = NULL;

	for (skip_ends(in); in->n; skip_ends(in)) {
		crl = in->p[0] == DER_SEQUENCE ? take_der(in, readable) : take_pem(in, readable);
		if (crl && !X509_NAME_cmp(X509_CRL_get_issuer(crl), root))
			return crl;
		X509_CRL_free(crl);
	}
	return NULL;
}

static bool read_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

/* Only a plain, whole list says that what is not in it is not revoked. */
static bool is_plain(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
		if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
			return false;
	return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0;
}

static bool lists(X509_CRL *crl, const struct cert *c)
{
	X509_REVOKED *entry;

	return X509_CRL_get0_by_serial(crl, &entry, X509_get_serialNumber(c->x)) != 0;
}

/* Of the issuer's kind: AMD's are RSA, Intel's P-256. */
static bool algorithm_fits(const X509_ALGOR *alg, const struct cert *issuer)
{
	if (EVP_PKEY_get_base_id(cert_key(issuer)) == EVP_PKEY_RSA)
		return algorithm_is_pss_sha384(alg);
	return key_is_on(cert_key(issuer), CURVE_P256) &&
	       OBJ_obj2nid(alg->algorithm) == NID_ecdsa_with_SHA256;
}

static enum reason check_signed(X509_CRL *crl, const struct cert *root, struct crl_facts *facts,
				struct claims *out)
{
	const X509_ALGOR *alg;

	X509_CRL_get0_signature(crl, NULL, &alg);
	if (!cert_key(root) || !algorithm_fits(alg, root) ||
	    X509_CRL_verify(crl, cert_key(root)) != 1)
		return refuse(out, REASON_CRL, "the CRL is not signed by %s", root->subject);
	if (!is_plain(crl))
		return refuse(out, REASON_CRL,
			      "the CRL of %s is a partial one, or has a critical "
			      "extension that we do not know",
			      root->subject);
	if (!read_time(X509_CRL_get0_lastUpdate(crl), &facts->this_update) ||
	    !read_time(X509_CRL_get0_nextUpdate(crl), &facts->next_update))
		return refuse(out, REASON_CRL, "the CRL of %s does not say until when it holds",
			      root->subject);
	return REASON_OK;
}

static enum reason check_time(const struct crl_facts *f, int64_t at, uint64_t max_age_s,
			      struct claims *out)
{
	if (at < f->this_update)
		return refuse(out, REASON_CRL_STALE, "the CRL holds from %s, wanted one for %s",
			      time_text(f->this_update).text, time_text(at).text);
	if (at > f->next_update)
		return refuse(out, REASON_CRL_STALE, "the CRL ran out %s, wanted one for %s",
			      time_text(f->next_update).text, time_text(at).text);
	if (max_age_s && (uint64_t)(at - f->this_update) > max_age_s)
		return refuse(out, REASON_CRL_STALE,
			      "the CRL is of %s, policy wants one within %llu h",
			      time_text(f->this_update).text, (unsigned long long)max_age_s / 3600);
	return REASON_OK;
}

static enum reason none_found(const struct cert *root, bool readable, struct claims *why)
{
	if (!readable)
		return refuse(why, REASON_CRL, "the CRL cannot be decoded");
	return refuse(why, REASON_CRL, "there is a CRL, but none of %s", root->subject);
}

enum reason crl_read(struct bytes given, const struct cert *root, struct crl_list *out,
		     struct claims *why)
{
	const X509_NAME *name = X509_get_subject_name(root->x);
	X509_CRL *another = NULL;
	bool readable = true;
	enum reason reason;

	out->crl = find(&given, name, &readable);
	if (out->crl)
		another = find(&given, name, &readable);
	if (!out->crl || !readable)
		reason = none_found(root, readable, why);
	else if (another)
		reason = refuse(why, REASON_CRL, "there are two CRLs of %s, want the newer one",
				root->subject);
	else
		reason = check_signed(out->crl, root, &out->facts, why);
	X509_CRL_free(another);
	ERR_clear_error();
	return reason;
}

enum reason crl_judge(const struct crl_list *l, const struct cert *root, const struct cert *cert,
		      int64_t at, uint64_t max_age_s, struct claims *out)
{
	/* A list that has run out still names those that were revoked: that is no "could not tell".
	 */
	if (lists(l->crl, cert) || lists(l->crl, root))
		return refuse(out, REASON_REVOKED, "%s has revoked certificate %s", root->subject,
			      lists(l->crl, cert) ? cert->subject : root->subject);
	return check_time(&l->facts, at, max_age_s, out);
}

void crl_free(struct crl_list *l)
{
	X509_CRL_free(l->crl);
	l->crl = NULL;
}

/* What all lists of a root say of one certificate. */
struct opinion {
	const struct cert *root, *cert;
	int64_t at;
	uint64_t max_age_s;
	size_t lists;
	enum reason reason;
	struct crl_facts facts;
	struct claims said;
};

/*
 * Whom one of them revokes, is revoked: an operator's list may be older than the vendor's beside
 * it.  Otherwise one that is good is enough, and it is the one that holds for longest; but none is
 * where something cannot be read, for that may have been a list that revokes.
 */
static void hear(struct opinion *o, X509_CRL *crl)
{
	struct crl_list l = { .crl = crl };
	struct claims said = { 0 };
	enum reason reason = check_signed(crl, o->root, &l.facts, &said);
	bool better;

	if (!reason)
		reason = crl_judge(&l, o->root, o->cert, o->at, o->max_age_s, &said);
	better = !reason && (o->reason || l.facts.next_update > o->facts.next_update);
	if (o->lists++ && (o->reason == REASON_REVOKED || (reason != REASON_REVOKED && !better)))
		return;
	o->reason = reason;
	o->facts = l.facts;
	memcpy(o->said.detail, said.detail, sizeof(said.detail));
}

enum reason crl_check(struct bytes given, const struct cert *root, const struct cert *cert,
		      int64_t at, uint64_t max_age_s, struct crl_facts *facts, struct claims *out)
{
	struct opinion o = { .root = root, .cert = cert, .at = at, .max_age_s = max_age_s };
	bool readable = true;
	X509_CRL *crl;

	while ((crl = find(&given, X509_get_subject_name(root->x), &readable))) {
		hear(&o, crl);
		X509_CRL_free(crl);
	}
	ERR_clear_error();
	if (!o.lists || (!readable && o.reason != REASON_REVOKED))
		return none_found(root, readable, out);
	*facts = o.facts;
	return o.reason ? refuse(out, o.reason, "%s", o.said.detail) : REASON_OK;
}
