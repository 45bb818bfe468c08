// SPDX-License-Identifier: BSD-2-Clause
/*
 * What makes a report of Azure's paravisor an answer to this session: its REPORT_DATA digests the
 * claims, these name the virtual TPM's key or what the guest wrote, and one of both is the
 * question.
 */
#include <openssl/crypto.h>

#include "verifier/refuse.h"
#include "verifier/snp.h"

static enum reason check_claims(struct snp_case *c)
{
	const uint8_t *data = c->report.report_data;
	struct bytes rest = bytes_of(data + SHA256_BYTES, REPORT_DATA_BYTES - SHA256_BYTES);
	uint8_t digest[SHA256_BYTES];

	if (!sha256(c->hcl.claims, digest))
		return refuse(c->out, REASON_INTERNAL, "no SHA-256 of the claims could be made");
	if (CRYPTO_memcmp(data, digest, sizeof(digest)) || !bytes_are_zero(rest))
		return refuse(c->out, REASON_REPORT_DATA,
			      "report is for REPORT_DATA %s, its HCL claims digest to %s",
			      hex_short(data).text, hex_short(digest).text);
	return REASON_OK;
}

static enum reason check_nonce(struct snp_case *c, struct bytes nonce)
{
	uint8_t want[AZURE_NONCE_BYTES];

	if (!c->evidence->report_data)
		return REASON_OK;
	if (!sha256(bytes_of(c->evidence->report_data, REPORT_DATA_BYTES), want))
		return refuse(c->out, REASON_INTERNAL, "no SHA-256 of the question could be made");
	if (nonce.n != sizeof(want) || CRYPTO_memcmp(nonce.p, want, sizeof(want)))
		return refuse(c->out, REASON_REPORT_DATA,
			      "TPM quote answers another question: its %zu bytes are not %s",
			      nonce.n, hex_short(want).text);
	return REASON_OK;
}

static enum reason check_quote(struct snp_case *c, const struct azure_claims *claims)
{
	struct azure_quote q;
	enum reason reason;

	if (!azure_quote_verify(claims, c->hcl.attest, c->hcl.signature))
		return refuse(c->out, REASON_REPORT_SIGNATURE,
			      "TPM quote is not signed by the key that the HCL claims name");
	reason = azure_quote_parse(c->hcl.attest, &q, c->out);
	if (!reason)
		reason = check_nonce(c, q.nonce);
	if (reason)
		return reason;
	c->has_pcrs = q.all_pcrs;
	memcpy(c->pcrs, q.pcrs.p, sizeof(c->pcrs));
	return REASON_OK;
}

/* Without a quote: the guest wrote the question where the paravisor puts it into its claims. */
static enum reason check_user_data(struct snp_case *c, const struct azure_claims *claims)
{
	const uint8_t *want = c->evidence->report_data;

	if (want && (!claims->has_user_data ||
		     CRYPTO_memcmp(claims->user_data, want, AZURE_USER_DATA_BYTES)))
		return refuse(c->out, REASON_REPORT_DATA,
			      "no TPM quote came along, and user-data of the HCL claims is not %s",
			      hex_short(want).text);
	return REASON_OK;
}

enum reason snp_azure_check(struct snp_case *c)
{
	struct azure_claims claims = { 0 };
	enum reason reason = check_claims(c);

	if (!reason)
		reason = azure_claims_read(c->hcl.claims, &claims, c->out);
	if (!reason)
		reason = c->hcl.attest.n ? check_quote(c, &claims) : check_user_data(c, &claims);
	azure_claims_free(&claims);
	return reason;
}

enum reason snp_azure_judge(const struct snp_case *c)
{
	const struct value_list *pcrs = &c->rules->azure_pcrs;

	if (!c->is_azure)
		return REASON_OK;
	if (!c->rules->azure_vtpm)
		return refuse(
			c->out, REASON_TEE,
			"report of Azure's paravisor, not of the guest: policy \"%s\" does not "
			"allow azure-vtpm",
			c->policy->name);
	if (pcrs->count && !c->has_pcrs)
		return refuse(c->out, REASON_MEASUREMENT,
			      "policy \"%s\" wants a quote over all 24 PCRs of the virtual TPM",
			      c->policy->name);
	if (pcrs->count && !value_list_has(pcrs, c->pcrs))
		return refuse(c->out, REASON_MEASUREMENT,
			      "PCRs %s not in policy \"%s\" (%zu allowed)", hex_short(c->pcrs).text,
			      c->policy->name, pcrs->count);
	return REASON_OK;
}
