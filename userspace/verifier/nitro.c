// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/nitro.h"

#include <openssl/crypto.h>

#include "verifier/objections.h"
#include "verifier/refuse.h"

enum {
	SIGNED_MAX = NITRO_PAYLOAD_MAX + 64, /* the protected header is 4 bytes by then */
	FUTURE_MAX_S = 300,		     /* clocks differ: how much newer than now it may be */
};

/* "i-078824548edcf6519-enc01784234ec227b58": the instance, the enclave on it. */
static void read_instance(struct nitro_case *c)
{
	static const char enclave[] = "-enc";
	struct bytes id = c->document.module_id;
	const uint8_t *at = memmem(id.p, id.n, enclave, strlen(enclave));
	size_t n = at ? at - id.p : 0;

	if (n && n < sizeof(c->instance))
		memcpy(c->instance, id.p, n); /* the rest is zero */
}

static enum reason parse(struct nitro_case *c)
{
	enum reason reason = nitro_document_parse(c->evidence->report, &c->document, c->out);

	c->parsed = reason == REASON_OK;
	if (c->parsed)
		read_instance(c);
	return reason;
}

static enum reason read_chain(struct nitro_case *c)
{
	if (nitro_known_chain(c))
		return REASON_OK;
	return nitro_chain_read(&c->document, &c->chain, c->out);
}

static enum reason pin_root(struct nitro_case *c)
{
	if (c->chain_verified)
		return REASON_OK;
	return nitro_chain_pin(&c->chain, &c->rules->roots, c->out);
}

static enum reason verify_chain(struct nitro_case *c)
{
	enum reason reason;

	if (c->chain_verified)
		return REASON_OK;
	reason = nitro_chain_verify(&c->chain, c->evidence->at, c->out);
	c->chain_verified = reason == REASON_OK;
	return reason;
}

static enum reason check_signature(struct nitro_case *c)
{
	const struct cert *leaf = c->chain.leaf;
	uint8_t message[SIGNED_MAX];
	size_t n = nitro_signed_bytes(&c->document, message, sizeof(message));

	if (!n)
		return refuse(c->out, REASON_INTERNAL, "document: no room for what is signed");
	if (!sig_verify(CURVE_P384, cert_key(leaf), bytes_of(message, n), c->document.signature))
		return refuse(c->out, REASON_REPORT_SIGNATURE,
			      "document is not signed by the key of its certificate %s",
			      leaf->subject);
	return REASON_OK;
}

/* One leaf serves many documents, none outside its time; none comes from the future. */
static enum reason check_timestamp(struct nitro_case *c)
{
	const struct cert *leaf = c->chain.leaf;
	int64_t made = c->document.timestamp_ms / 1000;

	if (made < leaf->not_before || made > leaf->not_after)
		return refuse(c->out, REASON_TIMESTAMP,
			      "document of %s, its certificate is valid from %s to %s",
			      time_text(made).text, time_text(leaf->not_before).text,
			      time_text(leaf->not_after).text);
	if (made - c->evidence->at > FUTURE_MAX_S)
		return refuse(c->out, REASON_TIMESTAMP,
			      "document of %s, now is %s: one of the clocks is wrong",
			      time_text(made).text, time_text(c->evidence->at).text);
	return REASON_OK;
}

static enum reason check_report_data(struct nitro_case *c)
{
	struct bytes has = c->document.user_data.value;
	const uint8_t *want = c->evidence->report_data;

	if (!want)
		return REASON_OK;
	if (has.n != REPORT_DATA_BYTES)
		return refuse(c->out, REASON_REPORT_DATA,
			      "document has %zu bytes of user_data, want the %d of REPORT_DATA",
			      has.n, REPORT_DATA_BYTES);
	if (CRYPTO_memcmp(has.p, want, REPORT_DATA_BYTES))
		return refuse(
			c->out, REASON_REPORT_DATA,
			"document is for user_data %s, want %s: another session's or question's",
			hex_short(has.p).text, hex_short(want).text);
	return REASON_OK;
}

static enum reason judge(struct nitro_case *c)
{
	objections_begin(c->evidence, c->out);
	return nitro_judge(c);
}

enum reason nitro_appraise(const struct policy *policy, const struct evidence *evidence,
			   struct claims *out)
{
	/* In this order, which decides what the reason is when there are several. */
	static enum reason (*const steps[])(struct nitro_case * c) = {
		parse,		 read_chain,
		pin_root, /* an untrusted root is said first: the rest may be anything */
		verify_chain,	 check_signature, /* from here on it is AWS's word */
		check_timestamp, check_report_data,
		judge, /* from here on it is what policy wants */
	};
	struct nitro_case c = {
		.policy = policy, .rules = &policy->nitro, .evidence = evidence, .out = out
	};
	enum reason reason = REASON_OK;

	for (size_t i = 0; !reason && i < sizeof(steps) / sizeof(*steps); i++)
		reason = steps[i](&c);
	nitro_claims_fill(&c);
	if (!reason) {
		nitro_known_keep(&c);
		out->class_mask = nitro_classes(&c);
	}
	nitro_chain_free(&c.chain);
	return reason;
}
