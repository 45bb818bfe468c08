// SPDX-License-Identifier: BSD-2-Clause
/*
 * Quotes as Intel's quoting library makes them (Intel TDX DCAP quoting library API, versions 4 and
 * 5 of the format): header and body, signed by the quoting enclave's key, which the enclave's own
 * report vouches for, which the platform's PCK has signed.  The verifier has its own reader.
 */
#include "attester/soft_tdx.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "attester/pki.h"
#include "attester/soft_file.h"

enum {
	SCALAR_BYTES = 32,
	KEY_BYTES = 2 * SCALAR_BYTES,
	SIGNATURE_DER_MAX = 80,
	CHAIN_MAX = 6144,
	AUTH_BYTES = 32, /* what the enclave hashes with its key: genuine ones have 0 to 31 */
	QE_REPORT_BYTES = 384,
	QE_AT_ATTRIBUTES = 48,
	QE_AT_MRENCLAVE = 64,
	QE_AT_MRSIGNER = 128,
	QE_AT_PRODUCT = 256,
	QE_AT_SVN = 258,
	QE_AT_REPORT_DATA = 320,
	TYPE_QE = 6,
	TYPE_CHAIN = 5,
};

/* What does not fit is left out, and full says so. */
struct writer {
	uint8_t *p;
	size_t n, max;
	bool full;
};

static void put(struct writer *w, const void *p, size_t n)
{
	if (w->max - w->n < n) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void put_le(struct writer *w, uint64_t v, size_t n)
{
	uint8_t le[8];

	for (size_t i = 0; i < n; i++)
		le[i] = v >> 8 * i;
	put(w, le, n);
}

static void put_header(struct writer *w, const struct soft_td *t)
{
	static const uint8_t intel[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					   0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };
	static const uint8_t user_data[20];
	static const struct {
		uint16_t type;
		uint32_t size;
	} bodies[SOFT_TD_BODIES] = { { 2, 584 }, { 3, 648 } };

	put_le(w, t->version, 2);
	put_le(w, 2, 2);    /* ECDSA P-256 */
	put_le(w, 0x81, 4); /* TDX */
	put_le(w, 0, 4);
	put(w, intel, sizeof(intel));
	put(w, user_data, sizeof(user_data));
	if (t->version >= 5) {
		put_le(w, bodies[t->body].type, 2);
		put_le(w, bodies[t->body].size, 4);
	}
}

static void put_body(struct writer *w, const struct soft_td *t,
		     const uint8_t report_data[REPORT_DATA_BYTES])
{
	static const uint8_t intel_signer[SOFT_TD_DIGEST_BYTES]; /* of the module: zero */

	put(w, t->tcb_svn, sizeof(t->tcb_svn));
	put(w, t->mrseam, sizeof(t->mrseam));
	put(w, intel_signer, sizeof(intel_signer));
	put_le(w, 0, 8); /* SEAM attributes */
	put_le(w, t->attributes, 8);
	put_le(w, t->xfam, 8);
	put(w, t->mrtd, sizeof(t->mrtd));
	put(w, t->mrconfigid, sizeof(t->mrconfigid));
	put(w, t->mrowner, sizeof(t->mrowner));
	put(w, t->mrownerconfig, sizeof(t->mrownerconfig));
	put(w, t->rtmr, sizeof(t->rtmr));
	put(w, report_data, REPORT_DATA_BYTES);
	if (t->body == SOFT_TD_15) {
		put(w, t->tcb_svn, sizeof(t->tcb_svn));
		put(w, t->mrservicetd, sizeof(t->mrservicetd));
	}
}

bool soft_sign_p256(EVP_PKEY *key, struct bytes message, uint8_t out[SOFT_SIGNATURE_BYTES])
{
	uint8_t der[SIGNATURE_DER_MAX];
	const uint8_t *at = der;
	size_t n = sizeof(der);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(md, der, &n, message.p, message.n) == 1;
	ECDSA_SIG *sig = ok ? d2i_ECDSA_SIG(NULL, &at, n) : NULL;

	ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, SCALAR_BYTES) == SCALAR_BYTES &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + SCALAR_BYTES, SCALAR_BYTES) == SCALAR_BYTES;
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
	return ok;
}

static bool sha256(struct bytes in, uint8_t out[32])
{
	return EVP_Digest(in.p, in.n, out, NULL, EVP_sha256(), NULL) == 1;
}

bool soft_qe_mrsigner(uint8_t out[32])
{
	static const char name[] = "fairlead lab quoting enclave";

	return sha256(bytes_of(name, strlen(name)), out);
}

/* x || y */
static bool public_point(EVP_PKEY *key, uint8_t out[KEY_BYTES])
{
	uint8_t point[1 + KEY_BYTES];
	size_t n;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					    &n) != 1 ||
	    n != sizeof(point))
		return false;
	memcpy(out, point + 1, KEY_BYTES);
	return true;
}

/* The quoting enclave's report, over SHA-256(key || auth). */
static bool make_qe_report(const struct soft_td *t, const uint8_t key[KEY_BYTES],
			   const uint8_t auth[AUTH_BYTES], uint8_t out[QE_REPORT_BYTES])
{
	uint8_t bound[KEY_BYTES + AUTH_BYTES];

	memset(out, 0, QE_REPORT_BYTES);
	out[QE_AT_ATTRIBUTES] = 0x15; /* INIT, MODE64BIT, PROVISIONKEY */
	out[QE_AT_PRODUCT] = SOFT_QE_PRODUCT;
	out[QE_AT_SVN] = t->qe_svn & 0xff;
	out[QE_AT_SVN + 1] = t->qe_svn >> 8;
	memcpy(bound, key, KEY_BYTES);
	memcpy(bound + KEY_BYTES, auth, AUTH_BYTES);
	return soft_qe_mrsigner(out + QE_AT_MRENCLAVE) && soft_qe_mrsigner(out + QE_AT_MRSIGNER) &&
	       sha256(bytes_of(bound, sizeof(bound)), out + QE_AT_REPORT_DATA);
}

/* Keys and certificates of one TD. */
struct platform {
	EVP_PKEY *pck, *quote;
	uint8_t *chain; /* PEM */
	size_t chain_n;
};

static int open_platform(const char *directory, struct platform *p, char why[WHY_MAX])
{
	*p = (struct platform){ .pck = pki_key_read(directory, "pck.key", why) };
	if (p->pck)
		p->quote = pki_key_read(directory, "quote.key", why);
	if (p->quote)
		p->chain = pki_read(directory, "pck_chain.pem", CHAIN_MAX, &p->chain_n, why);
	return p->chain ? 0 : -ENOKEY;
}

static void close_platform(struct platform *p)
{
	EVP_PKEY_free(p->pck);
	EVP_PKEY_free(p->quote);
	free(p->chain);
}

/* Behind what w holds: the signature over it, and all that vouches for the key. */
static bool put_signature(struct writer *w, const struct soft_td *t, const struct platform *p)
{
	uint8_t signature[SOFT_SIGNATURE_BYTES], qe_signature[SOFT_SIGNATURE_BYTES];
	uint8_t key[KEY_BYTES], auth[AUTH_BYTES], report[QE_REPORT_BYTES];
	size_t qe_n = QE_REPORT_BYTES + SOFT_SIGNATURE_BYTES + 2 + AUTH_BYTES + 6 + p->chain_n;

	for (int i = 0; i < AUTH_BYTES; i++)
		auth[i] = i;
	if (!soft_sign_p256(p->quote, bytes_of(w->p, w->n), signature) ||
	    !public_point(p->quote, key) || !make_qe_report(t, key, auth, report) ||
	    !soft_sign_p256(p->pck, bytes_of(report, sizeof(report)), qe_signature))
		return false;
	put_le(w, SOFT_SIGNATURE_BYTES + KEY_BYTES + 6 + qe_n, 4);
	put(w, signature, sizeof(signature));
	put(w, key, sizeof(key));
	put_le(w, TYPE_QE, 2);
	put_le(w, qe_n, 4);
	put(w, report, sizeof(report));
	put(w, qe_signature, sizeof(qe_signature));
	put_le(w, AUTH_BYTES, 2);
	put(w, auth, sizeof(auth));
	put_le(w, TYPE_CHAIN, 2);
	put_le(w, p->chain_n, 4);
	put(w, p->chain, p->chain_n);
	return true;
}

int soft_quote(const char *directory, const struct soft_td *t,
	       const uint8_t report_data[REPORT_DATA_BYTES], uint8_t out[SOFT_QUOTE_MAX],
	       char why[WHY_MAX])
{
	struct writer w = { .p = out, .max = SOFT_QUOTE_MAX };
	struct platform p;
	int err = open_platform(directory, &p, why);

	if (!err) {
		put_header(&w, t);
		put_body(&w, t, report_data);
		if (!put_signature(&w, t, &p))
			err = pki_error(why, "quote: cannot sign");
	}
	close_platform(&p);
	if (!err && w.full) {
		snprintf(why, WHY_MAX, "quote: no room");
		err = -ENOSPC;
	}
	return err ? err : (int)w.n;
}

static int quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
		 char why[WHY_MAX])
{
	const char *directory = source;
	char path[ATTESTER_PATH_MAX];
	struct soft_td t;
	int n;

	n = pki_path(path, directory, "td.yaml", why);
	if (!n)
		n = soft_td_read(path, &t, why);
	if (!n)
		n = soft_quote(directory, &t, report_data, out->buf, why);
	if (n < 0)
		return n;
	out->tee = TEE_TDX;
	out->certs_count = 0;
	out->report = bytes_of(out->buf, n);
	return 0;
}

static int source_open(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	char *directory = strdup(c->directory);
	int err;

	if (!directory) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	err = soft_begin(&source_soft_tdx, directory, directory, why);
	if (err)
		free(directory);
	else
		*out = directory;
	return err;
}

static void source_close(void *source)
{
	free(source);
}

const struct source_ops source_soft_tdx = { "soft", TEE_TDX, source_open, quote, source_close };
