// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/facts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "verifier/pem.h"
#include "verifier/snp.h"
#include "verifier/x509_dates.h"

enum {
	DER_SEQUENCE = 0x30,
	CHAIN_CERTS_MIN = 2,
	CHAIN_CERTS_MAX = 4,
};

/*
 * All that one platform is judged by goes to the verifier in one message, with its evidence: no
 * answer may be so long that the rest has no room.  Several times what is met.
 */
static const size_t body_max[WANT_KINDS] = {
	[WANT_VCEK] = 16384,	    [WANT_VCEK_CHAIN] = 32768, [WANT_VLEK_CHAIN] = 32768,
	[WANT_VCEK_CRL] = 32768,    [WANT_VLEK_CRL] = 32768,   [WANT_TCB_INFO] = 65536,
	[WANT_QE_IDENTITY] = 16384, [WANT_PCK_CRL] = 65536,    [WANT_ROOT_CRL] = 16384,
};

/* Whose lists these are: the end of the issuer's common name. */
static const char root_ca[] = "SGX Root CA", platform_ca[] = "SGX PCK Platform CA",
		  processor_ca[] = "SGX PCK Processor CA", ark[] = "ARK-";

__attribute__((format(printf, 2, 3))) static bool fault(char why[COLLATERAL_WHY_MAX],
							const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, COLLATERAL_WHY_MAX, fmt, args);
	va_end(args);
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/* --- certificates */

static const struct cert *named(const struct cert_pile *p, const char *prefix, const char *product)
{
	size_t n = strlen(prefix);

	for (size_t i = 0; i < p->count; i++)
		if (!strncmp(p->certs[i].subject, prefix, n) &&
		    !strcmp(p->certs[i].subject + n, product))
			return &p->certs[i];
	return NULL;
}

/* The shortest of the times of all that is in it. */
static void narrow(struct piece *out, int64_t from, int64_t to)
{
	if (from > out->issued)
		out->issued = from;
	if (!out->expires || to < out->expires)
		out->expires = to;
}

static bool all_certs(const struct cert_pile *p, size_t min, size_t max, char *why)
{
	if (p->broken || p->overfull)
		return fault(why, "not all of it can be decoded as certificates");
	if (p->count < min || p->count > max)
		return fault(why, "%zu certificates, want %zu to %zu", p->count, min, max);
	return true;
}

static bool check_amd_chain(const struct want *w, const struct cert_pile *p, struct piece *out,
			    char *why)
{
	const char *prefix = w->kind == WANT_VCEK_CHAIN ? "SEV-" : "SEV-VLEK-";

	if (!all_certs(p, CHAIN_CERTS_MIN, CHAIN_CERTS_MAX, why))
		return false;
	if (!named(p, prefix, w->product) || !named(p, ark, w->product))
		return fault(why, "want %s%s and ARK-%s in it, got \"%s\" first", prefix,
			     w->product, w->product, p->certs[0].subject);
	for (size_t i = 0; i < p->count; i++)
		narrow(out, p->certs[i].not_before, p->certs[i].not_after);
	return true;
}

static bool check_vcek(const struct want *w, const struct cert_pile *p, struct piece *out,
		       char *why)
{
	struct snp_certs certs = { .leaf = p->certs, .kind = SNP_KEY_VCEK };
	struct claims claims = { 0 };
	struct snp_leaf leaf;

	if (!all_certs(p, 1, 1, why))
		return false;
	certs.product = snp_product_by_name(w->product);
	if (strcmp(p->certs[0].subject, "SEV-VCEK"))
		return fault(why, "a certificate of \"%s\", want a VCEK", p->certs[0].subject);
	if (snp_leaf_read(&certs, &leaf, &claims))
		return fault(why, "%s", claims.detail);
	if (memcmp(leaf.chip_id, w->chip, sizeof(w->chip)))
		return fault(why, "the VCEK of another chip");
	for (int i = 0; i < WANT_PARTS; i++)
		if (leaf.tcb.part[i] != w->part[i])
			return fault(why, "the VCEK of another TCB: %s %u, want %u",
				     snp_part_str(i), leaf.tcb.part[i], w->part[i]);
	narrow(out, p->certs[0].not_before, p->certs[0].not_after);
	return true;
}

static bool read_certs(const struct want *w, struct bytes body, struct piece *out, char *why)
{
	struct cert_pile *p = calloc(1, sizeof(*p));
	bool ok = p && cert_pile_add(p, body) == 0;

	if (!ok)
		fault(why, "no memory");
	else if (w->kind == WANT_VCEK)
		ok = check_vcek(w, p, out, why);
	else
		ok = check_amd_chain(w, p, out, why);
	if (p)
		cert_pile_free(p);
	free(p);
	return ok;
}

/* The chain of a signer: what it proves is the verifier's to say. */
static bool check_chain(struct bytes chain, char *why)
{
	struct cert_pile *p = calloc(1, sizeof(*p));
	bool ok = false;

	if (!chain.n)
		fault(why, "came without the chain of who issued it");
	else if (!p || cert_pile_add(p, chain))
		fault(why, "no memory");
	else
		ok = all_certs(p, CHAIN_CERTS_MIN, CHAIN_CERTS_MAX, why);
	if (p)
		cert_pile_free(p);
	free(p);
	return ok;
}

/* --- revocation lists */

static size_t from_hex(struct bytes in, uint8_t *out)
{
	size_t n = 0, digits = 0;

	for (size_t i = 0; i < in.n; i++) {
		char pair[3] = { (char)in.p[i], 0 };
		char *end;
		unsigned long v;

		if (strchr(" \t\r\n", pair[0]) && pair[0])
			continue;
		v = strtoul(pair, &end, 16);
		if (end != pair + 1 || n == COLLATERAL_BODY_MAX)
			return 0;
		out[n] = digits % 2 ? (uint8_t)(out[n] | v) : (uint8_t)(v << 4);
		n += digits++ % 2;
	}
	return digits % 2 ? 0 : n;
}

/* DER out of DER, PEM or hexadecimal digits; empty: none of them. */
static struct bytes as_der(struct bytes in, uint8_t *buf)
{
	struct pem_block block;

	if (in.n && in.p[0] == DER_SEQUENCE && in.n > 1 && in.p[1] >= 0x80)
		return in;
	if (in.n > COLLATERAL_BODY_MAX)
		return bytes_of(buf, 0);
	if (in.n && memchr(in.p, '-', in.n)) {
		if (pem_next(&in, &block) <= 0 || !pem_label_is(&block, "X509 CRL"))
			return bytes_of(buf, 0);
		return bytes_of(buf, pem_decode(&block, buf, COLLATERAL_BODY_MAX));
	}
	return bytes_of(buf, from_hex(in, buf));
}

static bool is_issuer(const struct want *w, const char *issuer)
{
	switch (w->kind) {
	case WANT_VCEK_CRL:
	case WANT_VLEK_CRL:
		return !strncmp(issuer, ark, strlen(ark)) &&
		       !strcmp(issuer + strlen(ark), w->product);
	case WANT_PCK_CRL:
		return ends_with(issuer, w->processor ? processor_ca : platform_ca);
	default:
		return ends_with(issuer, root_ca);
	}
}

static bool read_list(const struct want *w, struct bytes body, uint8_t *buf, struct piece *out,
		      char *why)
{
	struct bytes der = as_der(body, buf), one;
	struct crl_dates l;

	if (!der.n || !crl_take(&der, &one, &l))
		return fault(why, "no certificate revocation list");
	if (der.n)
		return fault(why, "%zu bytes behind the list", der.n);
	if (!is_issuer(w, l.issuer))
		return fault(why, "a list of \"%s\"", l.issuer);
	if (!l.from || !l.to)
		return fault(why, "a list that does not say until when it holds");
	out->body = one;
	narrow(out, l.from, l.to);
	return true;
}

/* --- JSON */

static bool json_time(const json_t *o, const char *key, int64_t *out)
{
	const char *s = json_string_value(json_object_get(o, key));
	struct tm tm = { 0 };
	int n = 0;

	if (!s ||
	    sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 ||
	    n != 20 || s[n])
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*out = timegm(&tm);
	return true;
}

static bool json_fmspc(const json_t *o, uint8_t out[WANT_FMSPC_BYTES])
{
	const char *s = json_string_value(json_object_get(o, "fmspc"));

	if (!s || strlen(s) != 2 * WANT_FMSPC_BYTES ||
	    strspn(s, "0123456789abcdefABCDEF") != 2 * WANT_FMSPC_BYTES)
		return false;
	for (int i = 0; i < WANT_FMSPC_BYTES; i++)
		sscanf(s + 2 * i, "%2hhx", &out[i]);
	return true;
}

static bool check_document(const struct want *w, const json_t *o, struct piece *out, char *why)
{
	const char *id = json_string_value(json_object_get(o, "id"));
	const char *wanted = w->kind == WANT_TCB_INFO ? "TDX" : "TD_QE";
	json_int_t number = json_integer_value(json_object_get(o, "tcbEvaluationDataNumber"));
	uint8_t fmspc[WANT_FMSPC_BYTES];
	int64_t from, to;

	if (!id || strcmp(id, wanted))
		return fault(why, "its id is \"%.32s\", want \"%s\"", id ? id : "", wanted);
	if (w->kind == WANT_TCB_INFO &&
	    (!json_fmspc(o, fmspc) || memcmp(fmspc, w->fmspc, sizeof(fmspc))))
		return fault(why, "TCB info of another FMSPC");
	if (!json_time(o, "issueDate", &from) || !json_time(o, "nextUpdate", &to))
		return fault(why, "does not say from when until when it holds");
	out->evaluation = number > 0 && number <= UINT32_MAX ? number : 0;
	narrow(out, from, to);
	return true;
}

/* jansson bounds the depth itself. */
static json_t *load(struct bytes in)
{
	return json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES, NULL);
}

static const char *document_key(enum want_kind k)
{
	return k == WANT_TCB_INFO ? "tcbInfo" : "enclaveIdentity";
}

static bool read_document(const struct want *w, struct bytes body, struct piece *out, char *why)
{
	json_t *root = load(body), *o = json_object_get(root, document_key(w->kind));
	bool ok;

	if (!o)
		ok = fault(why, "no JSON document with \"%s\"", document_key(w->kind));
	else if (!json_is_string(json_object_get(root, "signature")))
		ok = fault(why, "a document without a signature");
	else
		ok = check_document(w, o, out, why);
	json_decref(root);
	return ok;
}

/* --- */

static bool read_piece(const struct want *w, struct bytes body, struct bytes chain, uint8_t *buf,
		       struct piece *out, char *why)
{
	*out = (struct piece){ .want = *w, .body = body };
	why[0] = 0;
	if (!body.n)
		return fault(why, "empty");
	if (body.n > COLLATERAL_BODY_MAX || chain.n > COLLATERAL_PEM_MAX)
		return fault(why, "longer than %d bytes", COLLATERAL_BODY_MAX);
	switch (w->kind) {
	case WANT_VCEK:
	case WANT_VCEK_CHAIN:
	case WANT_VLEK_CHAIN:
		return read_certs(w, body, out, why);
	case WANT_VCEK_CRL:
	case WANT_VLEK_CRL:
	case WANT_ROOT_CRL:
		return read_list(w, body, buf, out, why);
	case WANT_TCB_INFO:
	case WANT_QE_IDENTITY:
		out->chain = chain;
		return read_document(w, body, out, why) && check_chain(chain, why);
	case WANT_PCK_CRL:
		out->chain = chain;
		return read_list(w, body, buf, out, why) && check_chain(chain, why);
	case WANT_KINDS:
		break;
	}
	return fault(why, "nothing that is known");
}

bool facts_read(const struct want *w, struct bytes body, struct bytes chain, uint8_t *buf,
		struct piece *out, char why[COLLATERAL_WHY_MAX])
{
	if (!read_piece(w, body, chain, buf, out, why))
		return false;
	if (out->body.n > body_max[w->kind])
		return fault(why, "%zu bytes, want %zu at most", out->body.n, body_max[w->kind]);
	if (out->issued < 0 || out->expires < out->issued)
		return fault(why, "says that it ends before it begins");
	return true;
}

static bool name_list(enum collateral kind, const char *issuer, struct want *out)
{
	char text[WANT_TEXT_MAX];

	memset(out, 0, sizeof(*out));
	if (kind == COLLATERAL_ROOT_CRL) {
		out->kind = WANT_ROOT_CRL;
		return ends_with(issuer, root_ca);
	}
	if (kind == COLLATERAL_PCK_CRL) {
		out->kind = WANT_PCK_CRL;
		out->processor = ends_with(issuer, processor_ca);
		return out->processor || ends_with(issuer, platform_ca);
	}
	if (strncmp(issuer, ark, strlen(ark)))
		return false;
	snprintf(text, sizeof(text), "amd/%s/vcek-crl", issuer + strlen(ark));
	return want_parse(text, out);
}

static bool identify_document(enum want_kind kind, struct bytes *in, struct bytes *body,
			      struct want *out)
{
	json_t *root = load(*in), *o = json_object_get(root, document_key(kind));
	bool ok;

	memset(out, 0, sizeof(*out));
	out->kind = kind;
	ok = o && (kind != WANT_TCB_INFO || json_fmspc(o, out->fmspc));
	json_decref(root);
	return ok && get(in, in->n, body);
}

bool facts_identify(enum collateral kind, struct bytes *in, uint8_t *buf, struct bytes *body,
		    struct want *out)
{
	struct crl_dates l;

	if (kind == COLLATERAL_TCB_INFO)
		return identify_document(WANT_TCB_INFO, in, body, out);
	if (kind == COLLATERAL_QE_IDENTITY)
		return identify_document(WANT_QE_IDENTITY, in, body, out);
	*in = as_der(*in, buf);
	return in->n && crl_take(in, body, &l) && name_list(kind, l.issuer, out);
}
