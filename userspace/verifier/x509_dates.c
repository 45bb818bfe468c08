// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/x509_dates.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "verifier/pem.h"
#include "verifier/refuse.h"
#include "verifier/snp_table.h"

enum {
	DER_SEQUENCE = 0x30,
	SHORT_LIFE_S = 2 * 366 * 86400, /* what lives longer does not tell one year from the next */
};

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

bool crl_take(struct bytes *in, struct bytes *one, struct crl_dates *out)
{
	const uint8_t *p = in->p;
	X509_CRL *crl = in->n ? d2i_X509_CRL(NULL, &p, in->n) : NULL;

	if (!crl) {
		ERR_clear_error();
		return false;
	}
	if (X509_NAME_get_text_by_NID(X509_CRL_get_issuer(crl), NID_commonName, out->issuer,
				      sizeof(out->issuer)) < 0)
		out->issuer[0] = 0;
	out->from = time_of(X509_CRL_get0_lastUpdate(crl));
	out->to = time_of(X509_CRL_get0_nextUpdate(crl));
	X509_CRL_free(crl);
	return get(in, p - in->p, one);
}

/* How what is short-lived stands to the time of appraisal. */
struct tally {
	int64_t at;
	unsigned int early, late, in_time;
};

static void count(struct tally *t, int64_t from, int64_t to)
{
	t->early += t->at < from;
	t->late += t->at > to;
	t->in_time += t->at >= from && t->at <= to && to - from <= SHORT_LIFE_S;
}

static void count_lists(struct tally *t, struct bytes in)
{
	struct crl_dates d;
	struct bytes one;

	while (crl_take(&in, &one, &d))
		count(t, d.from, d.to);
}

static void count_crl(struct tally *t, struct bytes in)
{
	struct pem_block block;
	uint8_t *der;

	if (in.n && in.p[0] == DER_SEQUENCE) {
		count_lists(t, in);
		return;
	}
	der = malloc(in.n + 1);
	while (der && pem_next(&in, &block) > 0)
		count_lists(t, bytes_of(der, pem_decode(&block, der, block.body.n)));
	free(der);
}

/* A document's "issueDate" or "nextUpdate"; 0: none. */
static int64_t document_date(json_t *root, const char *key)
{
	const char *s = NULL, *name;
	struct tm tm = { 0 };
	json_t *body;

	json_object_foreach(root, name, body) if (!s) s =
		json_string_value(json_object_get(body, key));
	if (!s || sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			 &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm);
}

static void count_document(struct tally *t, struct bytes in)
{
	json_t *root = json_loadb((const char *)in.p, in.n, 0, NULL);
	int64_t from = document_date(root, "issueDate"), to = document_date(root, "nextUpdate");

	if (from && to)
		count(t, from, to);
	json_decref(root);
}

static void count_leaves(struct tally *t, const struct evidence *e)
{
	struct cert_pile *p = calloc(1, sizeof(*p));

	for (size_t i = 0; p && i < e->certs_count && i < CERTS_MAX; i++)
		if (!snp_table_looks_like(e->certs[i]) && cert_pile_add(p, e->certs[i]))
			break;
	for (size_t i = 0; p && i < p->count; i++)
		if (!p->certs[i].is_ca) /* those are judged with what they have signed */
			count(t, p->certs[i].not_before, p->certs[i].not_after);
	if (p)
		cert_pile_free(p);
	free(p);
}

static bool is_of_time(enum reason r)
{
	return r == REASON_CERT_EXPIRED || r == REASON_CERT_NOT_YET_VALID ||
	       r == REASON_CRL_STALE || r == REASON_COLLATERAL_STALE;
}

void clock_doubt(const struct evidence *e, enum reason reason, struct claims *out)
{
	struct tally t = { .at = e->at };
	size_t n = strlen(out->detail);

	if (!is_of_time(reason))
		return;
	count_leaves(&t, e);
	count_crl(&t, e->collateral[COLLATERAL_CRL]);
	count_crl(&t, e->collateral[COLLATERAL_PCK_CRL]);
	count_crl(&t, e->collateral[COLLATERAL_ROOT_CRL]);
	count_document(&t, e->collateral[COLLATERAL_TCB_INFO]);
	count_document(&t, e->collateral[COLLATERAL_QE_IDENTITY]);
	if (t.in_time || (t.early && t.late))
		return;
	snprintf(out->detail + n, sizeof(out->detail) - n,
		 "; the clock is suspect: by it, %s, nothing that came is in its time",
		 time_text(e->at).text);
}
