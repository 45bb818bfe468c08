// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/x509.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "verifier/pem.h"

/* The only common name there is, or "". */
static void common_name(const X509_NAME *name, char out[CERT_NAME_MAX])
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *s;
	int n;

	out[0] = 0;
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	n = ASN1_STRING_length(s);
	if (n <= 0 || n >= CERT_NAME_MAX)
		return;
	for (int i = 0; i < n; i++) /* it is shown to people, and compared as text */
		if (ASN1_STRING_get0_data(s)[i] < ' ' || ASN1_STRING_get0_data(s)[i] > '~')
			return;
	memcpy(out, ASN1_STRING_get0_data(s), n);
	out[n] = 0;
}

static bool read_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

static bool spki_digest(X509 *x, uint8_t out[SHA256_BYTES])
{
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	bool ok = n > 0 && sha256(bytes_of(der, n), out);

	OPENSSL_free(der);
	return ok;
}

/* Reads what others decide by; false makes the certificate a broken one. */
static bool read_facts(X509 *x, struct bytes der, struct cert *c)
{
	*c = (struct cert){ .x = x };
	common_name(X509_get_subject_name(x), c->subject);
	common_name(X509_get_issuer_name(x), c->issuer);
	c->self_issued = !X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x));
	c->is_ca = X509_get_extension_flags(x) & EXFLAG_CA;
	return sha256(der, c->der_sha256) && spki_digest(x, c->spki_sha256) &&
	       read_time(X509_get0_notBefore(x), &c->not_before) &&
	       read_time(X509_get0_notAfter(x), &c->not_after);
}

static bool pile_has(const struct cert_pile *pile, const struct cert *c)
{
	for (size_t i = 0; i < pile->count; i++)
		if (!memcmp(pile->certs[i].der_sha256, c->der_sha256, sizeof(c->der_sha256)))
			return true;
	return false;
}

/* What one piece brought. */
struct tally {
	unsigned int found, known;
	bool broken;
};

/* How many bytes a DER element takes by its head; 0: no SEQUENCE of definite length that fits. */
static size_t element_size(struct bytes in)
{
	enum { DER_SEQUENCE = 0x30, LONG_FORM = 0x80, LENGTH_BYTES_MAX = 2 };
	struct bytes rest = in;
	uint8_t tag, first, more;
	size_t n;

	if (!get_u8(&rest, &tag) || tag != DER_SEQUENCE || !get_u8(&rest, &first))
		return 0;
	n = first;
	if (first & LONG_FORM) {
		n = 0;
		first &= ~LONG_FORM;
		if (!first || first > LENGTH_BYTES_MAX)
			return 0;
		while (first-- && get_u8(&rest, &more))
			n = n << 8 | more;
	}
	return n <= rest.n ? in.n - rest.n + n : 0;
}

/* Takes one off the front of *in that came along already, or that is an authority known before. */
static bool take_known(struct cert_pile *pile, struct bytes *in, struct tally *tally)
{
	struct cert c = { .x = NULL };
	size_t n = element_size(*in);
	struct bytes der;

	if (!n || n > CERT_DER_MAX || !sha256(bytes_of(in->p, n), c.der_sha256))
		return false;
	if (pile_has(pile, &c))
		tally->known++;
	else if (pile->count == CERT_PILE_MAX || !cert_recall(c.der_sha256, &c))
		return false;
	else {
		c.piece = pile->pieces;
		pile->certs[pile->count++] = c;
	}
	tally->found++;
	return get(in, n, &der);
}

/* Takes one certificate off the front of *in; false when there is none to be had there. */
static bool take_der(struct cert_pile *pile, struct bytes *in, struct tally *tally)
{
	const uint8_t *p = in->p;
	struct cert c;
	X509 *x;

	if (take_known(pile, in, tally))
		return true;
	x = in->n <= CERT_DER_MAX ? d2i_X509(NULL, &p, in->n) : NULL;
	if (!x || !read_facts(x, bytes_of(in->p, p - in->p), &c)) {
		X509_free(x);
		ERR_clear_error();
		return false;
	}
	in->n -= p - in->p;
	in->p = p;
	tally->found++;
	c.piece = pile->pieces;
	if (pile_has(pile, &c)) {
		tally->known++;
		X509_free(x);
	} else if (pile->count == CERT_PILE_MAX) {
		pile->overfull = true;
		X509_free(x);
	} else {
		pile->certs[pile->count++] = c;
	}
	return true;
}

/* Pages of a table, and files passed through editors, end in NULs and newlines. */
static struct bytes trim(struct bytes b)
{
	while (b.n && (b.p[b.n - 1] == 0 || b.p[b.n - 1] == '\n' || b.p[b.n - 1] == '\r'))
		b.n--;
	return b;
}

/*
 * A certificate's last byte may be a NUL or newline of its signature: so first as it is, and what
 * is left over after the last one is trimmed.
 */
static void add_der(struct cert_pile *pile, struct bytes in, struct tally *tally)
{
	while (in.n) {
		if (take_der(pile, &in, tally))
			continue;
		tally->broken = trim(in).n != 0;
		return;
	}
}

static int add_pem(struct cert_pile *pile, struct bytes in, struct tally *tally)
{
	uint8_t *der = malloc(CERT_DER_MAX);
	struct pem_block block;
	struct bytes one;
	int more;

	if (!der)
		return -ENOMEM;
	while ((more = pem_next(&in, &block)) > 0) {
		if (!pem_label_is(&block, "CERTIFICATE"))
			continue;
		one = bytes_of(der, pem_decode(&block, der, CERT_DER_MAX));
		if (!one.n || !take_der(pile, &one, tally) || one.n)
			tally->broken = true;
	}
	if (more < 0)
		tally->broken = true;
	free(der);
	return 0;
}

int cert_pile_add(struct cert_pile *pile, struct bytes piece)
{
	enum { DER_SEQUENCE = 0x30 };
	struct tally tally = { 0 };
	int err = 0;

	if (!trim(piece).n)
		return 0;
	if (piece.p[0] == DER_SEQUENCE)
		add_der(pile, piece, &tally);
	else
		err = add_pem(pile, piece, &tally);
	if (!err && !tally.found)
		tally.broken = true;
	pile->pieces++;
	pile->broken += tally.broken;
	pile->doubles += tally.known;
	pile->misplaced += tally.found == 1 && tally.known == 1;
	return err;
}

bool cert_share(const struct cert *from, struct cert *to)
{
	*to = *from;
	return X509_up_ref(from->x) == 1;
}

void cert_free(struct cert *c)
{
	X509_free(c->x);
	c->x = NULL;
}

bool cert_pile_share(struct cert_pile *pile, const struct cert *certs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cert *to = &pile->certs[pile->count];

		if (pile_has(pile, &certs[i])) {
			pile->doubles++;
			pile->misplaced += count == 1;
			continue;
		}
		if (pile->count == CERT_PILE_MAX || !cert_share(&certs[i], to)) {
			pile->overfull = true;
			break;
		}
		to->piece = pile->pieces;
		pile->count++;
	}
	pile->pieces++;
	return !pile->overfull;
}

void cert_pile_free(struct cert_pile *pile)
{
	for (size_t i = 0; i < pile->count; i++)
		X509_free(pile->certs[i].x);
	pile->count = 0;
}

bool cert_issued_by(const struct cert *c, const struct cert *issuer)
{
	return !X509_NAME_cmp(X509_get_issuer_name(c->x), X509_get_subject_name(issuer->x));
}

struct evp_pkey_st *cert_key(const struct cert *c)
{
	return X509_get0_pubkey(c->x);
}

unsigned int cert_extension(const struct cert *c, const char *oid, struct bytes *out)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	unsigned int count = 0;
	const ASN1_OCTET_STRING *s;

	if (!o)
		return 0;
	for (int at = -1; (at = X509_get_ext_by_OBJ(c->x, o, at)) >= 0; count++) {
		s = X509_EXTENSION_get_data(X509_get_ext(c->x, at));
		*out = bytes_of(ASN1_STRING_get0_data(s), ASN1_STRING_length(s));
	}
	ASN1_OBJECT_free(o);
	return count;
}
