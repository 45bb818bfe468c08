// SPDX-License-Identifier: BSD-2-Clause
/* What a document and its certificates say, as JSON: compact it stays below 8 KiB. */
#include <stdio.h>

#include "verifier/claims_json.h"
#include "verifier/nitro.h"
#include "verifier/refuse.h"

enum {
	PCR_NAME_MAX = 8,
};

static void put_text(json_t *o, const char *key, struct bytes text)
{
	claim(o, key, json_stringn((const char *)text.p, text.n));
}

/* null, the bytes, or { bytes, sha384 } of a long one: three of 1,024 bytes are too much. */
static void put_field(json_t *o, const char *key, const struct nitro_field *f)
{
	uint8_t digest[DIGEST_BYTES];
	json_t *brief;

	if (!f->given) {
		claim(o, key, json_null());
	} else if (f->value.n <= FIELD_SHOWN_MAX) {
		claim_hex(o, key, f->value.p, f->value.n);
	} else if (sha384(f->value, digest)) {
		brief = json_object();
		claim(brief, "bytes", json_integer(f->value.n));
		claim_hex(brief, "sha384", digest, sizeof(digest));
		claim(o, key, brief);
	}
}

/* Registers that nobody has extended are zero: left out, or 32 of them fill the page. */
static void put_pcrs(json_t *o, const struct nitro_document *d)
{
	json_t *pcrs = json_object();
	char name[PCR_NAME_MAX];
	int present = 0;

	for (int i = 0; i < NITRO_PCRS; i++) {
		present += d->pcrs[i].n != 0;
		if (bytes_are_zero(d->pcrs[i]))
			continue;
		snprintf(name, sizeof(name), "%d", i);
		claim_hex(pcrs, name, d->pcrs[i].p, d->pcrs[i].n);
	}
	claim(o, "pcrs", pcrs);
	claim(o, "pcr_count", json_integer(present));
}

static void put_document(const struct nitro_case *c, json_t *o)
{
	const struct nitro_document *d = &c->document;
	struct claims *out = c->out;

	strcpy(out->product, "Nitro Enclave"); /* fits */
	if (d->pcrs[0].n) {
		memcpy(out->measurement, d->pcrs[0].p, NITRO_PCR_BYTES);
		claim_hex(o, "measurement", d->pcrs[0].p, d->pcrs[0].n);
	}
	claim(o, "product", json_string(out->product));
	put_text(o, "module_id", d->module_id);
	if (c->instance[0])
		claim(o, "instance", json_string(c->instance));
	claim(o, "timestamp", json_string(time_text(d->timestamp_ms / 1000).text));
	claim(o, "timestamp_ms", json_integer(d->timestamp_ms));
	claim(o, "digest", json_string("SHA384"));
	put_pcrs(o, d);
	put_field(o, "public_key", &d->public_key);
	put_field(o, "user_data", &d->user_data);
	put_field(o, "nonce", &d->nonce);
}

static json_t *cert_json(const struct cert *c)
{
	json_t *o = json_object();

	claim(o, "subject", json_string(c->subject));
	claim(o, "not_before", json_string(time_text(c->not_before).text));
	claim(o, "not_after", json_string(time_text(c->not_after).text));
	claim_hex(o, "sha256", c->der_sha256, SHA256_BYTES);
	return o;
}

static int64_t first_to_expire(const struct nitro_chain *c)
{
	int64_t t = INT64_MAX;

	for (size_t i = 0; i < c->count; i++)
		if (c->certs[i].not_after < t)
			t = c->certs[i].not_after;
	return t;
}

static void put_root(const struct nitro_case *c)
{
	hex(c->chain.root->der_sha256, SHA256_BYTES, c->out->root);
	c->out->lab_root = !c->chain.root_is_aws;
}

void nitro_claims_fill(const struct nitro_case *c)
{
	json_t *o = c->out->json;

	if (c->chain.root)
		put_root(c);
	claim(o, "trust_root", trust_root_json(c->out));
	if (c->parsed)
		put_document(c, o);
	if (c->chain.leaf)
		claim(o, "leaf", cert_json(c->chain.leaf));
	if (c->chain_verified)
		c->out->not_after = first_to_expire(&c->chain);
}
