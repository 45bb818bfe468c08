// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/tdx.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "verifier/objections.h"
#include "verifier/refuse.h"

static enum reason parse(struct tdx_case *c)
{
	enum reason reason = tdx_quote_parse(c->evidence->report, &c->quote, c->out);

	c->parsed = reason == REASON_OK;
	if (c->parsed)
		tdx_known_platform(c);
	return reason;
}

static enum reason read_chain(struct tdx_case *c)
{
	if (c->platform_known)
		return REASON_OK;
	return tdx_chain_read(c->quote.certificates, &c->rules->roots, &c->platform->chain, c->out);
}

static enum reason verify_chain(struct tdx_case *c)
{
	enum reason reason = REASON_OK;

	if (!c->platform_known)
		reason = tdx_chain_verify(&c->platform->chain, c->evidence->at, c->out);
	c->chain_verified = reason == REASON_OK;
	return reason;
}

static enum reason read_pck(struct tdx_case *c)
{
	enum reason reason = REASON_OK;

	if (!c->platform_known)
		reason = tdx_pck_read(c->platform->chain.leaf, &c->platform->pck, c->out);
	c->pck_read = reason == REASON_OK;
	return reason;
}

static enum reason check_qe_signature(struct tdx_case *c)
{
	const struct tdx_quote *q = &c->quote;

	if (!c->platform_known && !sig_verify(CURVE_P256, cert_key(c->platform->chain.leaf),
					      q->qe_report, q->qe_signature))
		return refuse(c->out, REASON_QE_SIGNATURE,
			      "the quoting enclave's report is not signed by the platform's PCK");
	return REASON_OK;
}

/* The enclave's report says whose key it is: SHA-256(key || auth), then zeroes. */
static enum reason check_binding(struct tdx_case *c)
{
	const struct tdx_quote *q = &c->quote;
	uint8_t bound[TDX_QUOTE_MAX], want[REPORT_DATA_BYTES] = { 0 };
	size_t n = q->key.n + q->qe_auth.n;

	memcpy(bound, q->key.p, q->key.n);
	if (q->qe_auth.n)
		memcpy(bound + q->key.n, q->qe_auth.p, q->qe_auth.n);
	if (!sha256(bytes_of(bound, n), want))
		return refuse(c->out, REASON_INTERNAL, "no SHA-256 of the quote's key");
	if (memcmp(q->qe.report_data, want, sizeof(want)))
		return refuse(c->out, REASON_QE_SIGNATURE,
			      "the quoting enclave vouches for another key than the quote's");
	return REASON_OK;
}

static enum reason check_signature(struct tdx_case *c)
{
	const struct tdx_quote *q = &c->quote;
	struct evp_pkey_st *key = key_of_point(CURVE_P256, q->key);

	c->genuine = key && sig_verify(CURVE_P256, key, q->signed_part, q->signature);
	key_free(key);
	if (!key)
		return refuse(c->out, REASON_REPORT_SIGNATURE,
			      "quote by a key that is no point of P-256");
	if (!c->genuine)
		return refuse(c->out, REASON_REPORT_SIGNATURE,
			      "quote is not signed by the key that its enclave vouches for");
	return REASON_OK;
}

static enum reason check_report_data(struct tdx_case *c)
{
	const uint8_t *want = c->evidence->report_data, *have = c->quote.body.report_data;

	if (want && CRYPTO_memcmp(have, want, REPORT_DATA_BYTES))
		return refuse(
			c->out, REASON_REPORT_DATA,
			"quote is for REPORTDATA %s, want %s: another session's or question's",
			hex_short(have).text, hex_short(want).text);
	return REASON_OK;
}

/* Both lists have been looked at, and the PCK is good: what is known of it may be kept. */
static enum reason check_revocation(struct tdx_case *c)
{
	enum reason reason = tdx_revocation_check(c);

	c->lists_checked = reason == REASON_OK;
	if (!reason) {
		tdx_known_keep_platform(c);
		tdx_known_collateral(c);
	}
	return reason;
}

static enum reason read_collateral(struct tdx_case *c)
{
	enum reason reason = tdx_collateral_read(c);

	c->collateral_read = reason == REASON_OK;
	if (!reason)
		tdx_known_keep_collateral(c);
	return reason;
}

static enum reason check_collateral(struct tdx_case *c)
{
	return tdx_collateral_check(c);
}

static enum reason check_qe(struct tdx_case *c)
{
	return tdx_qe_check(&c->collateral->qe, &c->quote.qe, c->out);
}

static enum reason evaluate(struct tdx_case *c)
{
	enum reason reason = tdx_tcb_evaluate(&c->collateral->info, &c->collateral->qe,
					      &c->platform->pck, &c->quote, &c->tcb, c->out);

	c->evaluated = reason == REASON_OK;
	return reason;
}

static enum reason judge_tcb(struct tdx_case *c)
{
	objections_begin(c->evidence, c->out);
	return tdx_judge_tcb(c);
}

static enum reason judge_td(struct tdx_case *c)
{
	return tdx_judge_td(c);
}

/* Nothing vouches for what stands behind the signature; hosts pad there with zeroes. */
static enum reason check_rest(struct tdx_case *c)
{
	if (!bytes_are_zero(c->quote.rest))
		return refuse(c->out, REASON_FORMAT,
			      "quote with %zu bytes behind its signature, not all of them zero",
			      c->quote.rest.n);
	return REASON_OK;
}

typedef enum reason (*step)(struct tdx_case *c);

/* In this order, which decides what the reason is when there are several. */
static const step steps[] = {
	parse,	    /* what is wrong with the quote by itself */
	read_chain, /* an untrusted root is said first: the rest may be anything */
	verify_chain,
	read_pck,
	check_qe_signature,
	check_binding,
	check_signature, /* from here on the quote is the platform's word */
	check_report_data,
	check_revocation,
	read_collateral,
	check_collateral,
	check_qe,
	evaluate, /* from here on it is what policy wants */
	judge_tcb,
	judge_td,
	check_rest,
};

/*
 * What could not be told for want of collateral is refused all the same when the TD itself is not
 * what policy wants: no collateral would change that.
 */
static enum reason refuse_anyway(const struct tdx_case *c, enum reason reason)
{
	struct claims kept = *c->out;
	enum reason of_td;

	if (!c->genuine || reason_verdict(reason) != VERDICT_UNDETERMINED)
		return reason;
	objections_begin(c->evidence, c->out);
	of_td = tdx_judge_td(c);
	if (of_td)
		return of_td;
	memcpy(c->out->detail, kept.detail, sizeof(kept.detail));
	return reason;
}

enum reason tdx_appraise(const struct policy *policy, const struct evidence *evidence,
			 struct claims *out)
{
	struct tdx_case *c = calloc(1, sizeof(*c));
	enum reason reason = REASON_OK;

	if (!c)
		return refuse(out, REASON_INTERNAL, "no memory for an appraisal");
	c->policy = policy;
	c->rules = &policy->tdx;
	c->evidence = evidence;
	c->out = out;
	if (!tdx_known_begin(c))
		reason = refuse(out, REASON_INTERNAL, "no memory for an appraisal");
	for (size_t i = 0; !reason && i < sizeof(steps) / sizeof(*steps); i++)
		reason = steps[i](c);
	reason = refuse_anyway(c, reason);
	if (c->platform && c->collateral)
		tdx_claims_fill(c);
	if (!reason)
		out->class_mask = tdx_classes(c);
	json_decref(c->tcb.advisories);
	tdx_known_end(c);
	free(c);
	return reason;
}

bool tdx_collateral_wanted(struct bytes quote, struct tdx_wanted *out)
{
	static const char platform[] = "Intel SGX PCK Platform CA";
	struct tdx_chain *chain = calloc(1, sizeof(*chain));
	struct claims why = { 0 };
	struct tdx_quote q;
	struct tdx_pck pck;
	bool ok;

	ok = chain && !tdx_quote_parse(quote, &q, &why) &&
	     !cert_pile_add(&chain->pile, q.certificates) && chain->pile.count &&
	     !tdx_pck_read(&chain->pile.certs[0], &pck, &why);
	if (ok) {
		memcpy(out->fmspc, pck.fmspc, sizeof(out->fmspc));
		out->authority =
			strcmp(chain->pile.certs[0].issuer, platform) ? "processor" : "platform";
	}
	if (chain)
		tdx_chain_free(chain);
	free(chain);
	return ok;
}
