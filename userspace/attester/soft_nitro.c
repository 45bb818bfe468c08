// SPDX-License-Identifier: BSD-2-Clause
/*
 * Documents as the Nitro hypervisor makes them since 2025, the payload's map of indefinite length.
 * The verifier has its own reader: the two share CBOR's numbers and strings, and no more.
 */
#include "attester/soft_nitro.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attester/pki.h"
#include "attester/soft_file.h"
#include "base/cbor.h"

enum {
	SCALAR_BYTES = 48,
	SIGNATURE_BYTES = 2 * SCALAR_BYTES,
	SIGNATURE_DER_MAX = 128,
	FILE_TEXT_MAX = 32,
};

static const uint8_t protected[] = { 0xa1, 0x01, 0x38, 0x22 }; /* {1: -35}, ES384 */
static const uint8_t map_begins = 0xbf, map_ends = 0xff;       /* of indefinite length */

static void put_raw(struct cbor_writer *w, uint8_t byte)
{
	if (w->n < w->max)
		w->p[w->n++] = byte;
	else
		w->full = true;
}

static void put_pcrs(struct cbor_writer *w, const struct soft_enclave *e)
{
	cbor_put_text(w, "pcrs");
	cbor_put_map(w, SOFT_PCRS);
	for (int i = 0; i < SOFT_PCRS; i++) {
		cbor_put_int(w, i);
		cbor_put_bytes(w, bytes_of(e->pcrs[i], SOFT_PCR_BYTES));
	}
}

static int put_bundle(struct cbor_writer *w, const char *directory, char why[WHY_MAX])
{
	char name[FILE_TEXT_MAX];
	uint8_t *der;
	size_t n;

	cbor_put_text(w, "cabundle");
	cbor_put_array(w, SOFT_BUNDLE);
	for (int i = 0; i < SOFT_BUNDLE; i++) {
		snprintf(name, sizeof(name), "cabundle%d.der", i);
		der = pki_read(directory, name, SOFT_CERT_MAX, &n, why);
		if (!der)
			return -EIO;
		cbor_put_bytes(w, bytes_of(der, n));
		free(der);
	}
	return 0;
}

static int put_payload(struct cbor_writer *w, const char *directory, const struct soft_enclave *e,
		       const struct soft_leaf *leaf, struct bytes user_data, int64_t now_ms,
		       char why[WHY_MAX])
{
	int err;

	put_raw(w, map_begins);
	cbor_put_text(w, "module_id");
	cbor_put_text(w, e->module_id);
	cbor_put_text(w, "digest");
	cbor_put_text(w, "SHA384");
	cbor_put_text(w, "timestamp");
	cbor_put_int(w, now_ms);
	put_pcrs(w, e);
	cbor_put_text(w, "certificate");
	cbor_put_bytes(w, bytes_of(leaf->der, leaf->n));
	err = put_bundle(w, directory, why);
	cbor_put_text(w, "public_key");
	cbor_put_null(w);
	cbor_put_text(w, "user_data");
	cbor_put_bytes(w, user_data);
	cbor_put_text(w, "nonce");
	cbor_put_null(w);
	put_raw(w, map_ends);
	return err;
}

/* DER to r || s, big endian. */
static bool flatten(const uint8_t *der, size_t n, uint8_t out[SIGNATURE_BYTES])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, n);
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, SCALAR_BYTES) == SCALAR_BYTES &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + SCALAR_BYTES, SCALAR_BYTES) ==
			  SCALAR_BYTES;

	ECDSA_SIG_free(sig);
	return ok;
}

static bool sign(EVP_PKEY *key, struct bytes message, uint8_t out[SIGNATURE_BYTES])
{
	uint8_t der[SIGNATURE_DER_MAX];
	size_t n = sizeof(der);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestSignInit(md, NULL, EVP_sha384(), NULL, key) == 1 &&
		  EVP_DigestSign(md, der, &n, message.p, message.n) == 1 && flatten(der, n, out);

	EVP_MD_CTX_free(md);
	return ok;
}

/* Sig_structure of RFC 9052, 4.4, signed; out is the COSE_Sign1 around payload. */
static int wrap(EVP_PKEY *key, struct bytes payload, struct cbor_writer *out, char why[WHY_MAX])
{
	uint8_t message[SOFT_DOCUMENT_MAX], signature[SIGNATURE_BYTES];
	struct cbor_writer w = { .p = message, .max = sizeof(message) };

	cbor_put_array(&w, 4);
	cbor_put_text(&w, "Signature1");
	cbor_put_bytes(&w, bytes_of(protected, sizeof(protected)));
	cbor_put_bytes(&w, bytes_of(NULL, 0));
	cbor_put_bytes(&w, payload);
	if (w.full || !sign(key, bytes_of(message, w.n), signature))
		return pki_error(why, "document: cannot sign");
	cbor_put_array(out, 4);
	cbor_put_bytes(out, bytes_of(protected, sizeof(protected)));
	cbor_put_map(out, 0);
	cbor_put_bytes(out, payload);
	cbor_put_bytes(out, bytes_of(signature, sizeof(signature)));
	if (!out->full)
		return 0;
	snprintf(why, WHY_MAX, "document: no room");
	return -ENOSPC;
}

int soft_document(const char *directory, const struct soft_enclave *e, const struct soft_leaf *leaf,
		  const uint8_t report_data[REPORT_DATA_BYTES], int64_t now_ms,
		  uint8_t out[SOFT_DOCUMENT_MAX], char why[WHY_MAX])
{
	uint8_t payload[SOFT_DOCUMENT_MAX];
	struct cbor_writer p = { .p = payload, .max = sizeof(payload) },
			   w = { .p = out, .max = SOFT_DOCUMENT_MAX };
	int err = put_payload(&p, directory, e, leaf, bytes_of(report_data, REPORT_DATA_BYTES),
			      now_ms, why);

	if (!err && p.full) {
		snprintf(why, WHY_MAX, "document: no room");
		err = -ENOSPC;
	}
	if (!err)
		err = wrap(leaf->key, bytes_of(payload, p.n), &w, why);
	return err ? err : (int)w.n;
}

struct soft_nitro {
	char directory[ATTESTER_PATH_MAX];
	struct soft_leaf leaf; /* serves many documents, as AWS's do */
	uint32_t leaf_s;       /* what enclave.yaml said when it was issued */
};

/* A new leaf when there is none, half of its time is over or the file wants another. */
static int refresh_leaf(struct soft_nitro *s, const struct soft_enclave *e, int64_t now,
			char why[WHY_MAX])
{
	const struct soft_leaf *l = &s->leaf;

	if (l->key && s->leaf_s == e->leaf_s && now >= l->from &&
	    now - l->from <= (l->until - l->from) / 2)
		return 0;
	soft_leaf_free(&s->leaf);
	s->leaf_s = e->leaf_s;
	return soft_leaf_issue(s->directory, e, now, &s->leaf, why);
}

static int quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
		 char why[WHY_MAX])
{
	struct soft_nitro *s = source;
	char path[ATTESTER_PATH_MAX];
	struct soft_enclave e;
	struct timespec t;
	int n;

	n = pki_path(path, s->directory, "enclave.yaml", why);
	if (!n)
		n = soft_enclave_read(path, &e, why);
	if (n)
		return n;
	clock_gettime(CLOCK_REALTIME, &t);
	n = refresh_leaf(s, &e, t.tv_sec, why);
	if (n)
		return n;
	n = soft_document(s->directory, &e, &s->leaf, report_data,
			  (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, out->buf, why);
	if (n < 0)
		return n;
	out->tee = TEE_NITRO;
	out->report = bytes_of(out->buf, n);
	return 0;
}

static void source_close(void *source)
{
	struct soft_nitro *s = source;

	soft_leaf_free(&s->leaf);
	free(s);
}

static int source_open(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	struct soft_nitro *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	snprintf(s->directory, sizeof(s->directory), "%s", c->directory);
	err = soft_begin(&source_soft_nitro, s, s->directory, why);
	if (err)
		source_close(s);
	else
		*out = s;
	return err;
}

const struct source_ops source_soft_nitro = { "soft", TEE_NITRO, source_open, quote, source_close };
