// SPDX-License-Identifier: BSD-2-Clause
/* What a document and its certificates say, as JSON: compact it stays below 8 KiB. */
#include <stdio.h>

#include "verifier/nitro.h"
#include "verifier/refuse.h"

enum {
	FIELD_SHOWN_MAX = 128, /* bytes; of a longer one the digest: three of 1,024 are too much */
	PCR_NAME_MAX = 8,
};

/* A member that there is no memory for is left out; nobody decides by these. */
static void put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void put_hex(json_t *o, const char *key, struct bytes b)
{
	char text[2 * FIELD_SHOWN_MAX + 1];

	put(o, key, json_string(hex(b.p, b.n, text)));
}

static void put_text(json_t *o, const char *key, struct bytes text)
{
	put(o, key, json_stringn((const char *)text.p, text.n));
}

/* null, the bytes, or { bytes, sha384 } of a long one. */
static void put_field(json_t *o, const char *key, const struct nitro_field *f)
{
	uint8_t digest[DIGEST_BYTES];
	json_t *brief;

	if (!f->given) {
		put(o, key, json_null());
	} else if (f->value.n <= FIELD_SHOWN_MAX) {
		put_hex(o, key, f->value);
	} else if (sha384(f->value, digest)) {
		brief = json_object();
		put(brief, "bytes", json_integer(f->value.n));
		put_hex(brief, "sha384", bytes_of(digest, sizeof(digest)));
		put(o, key, brief);
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
		put_hex(pcrs, name, d->pcrs[i]);
	}
	put(o, "pcrs", pcrs);
	put(o, "pcr_count", json_integer(present));
}

static void put_document(const struct nitro_case *c, json_t *o)
{
	const struct nitro_document *d = &c->document;
	struct claims *out = c->out;

	strcpy(out->product, "Nitro Enclave"); /* fits */
	if (d->pcrs[0].n) {
		memcpy(out->measurement, d->pcrs[0].p, NITRO_PCR_BYTES);
		put_hex(o, "measurement", d->pcrs[0]);
	}
	put(o, "product", json_string(out->product));
	put_text(o, "module_id", d->module_id);
	if (c->instance[0])
		put(o, "instance", json_string(c->instance));
	put(o, "timestamp", json_string(time_text(d->timestamp_ms / 1000).text));
	put(o, "timestamp_ms", json_integer(d->timestamp_ms));
	put(o, "digest", json_string("SHA384"));
	put_pcrs(o, d);
	put_field(o, "public_key", &d->public_key);
	put_field(o, "user_data", &d->user_data);
	put_field(o, "nonce", &d->nonce);
}

static json_t *cert_json(const struct cert *c)
{
	json_t *o = json_object();

	put(o, "subject", json_string(c->subject));
	put(o, "not_before", json_string(time_text(c->not_before).text));
	put(o, "not_after", json_string(time_text(c->not_after).text));
	put_hex(o, "sha256", bytes_of(c->der_sha256, SHA256_BYTES));
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
	put(o, "trust_root", trust_root_json(c->out));
	if (c->parsed)
		put_document(c, o);
	if (c->chain.leaf)
		put(o, "leaf", cert_json(c->chain.leaf));
	if (c->chain_verified)
		c->out->not_after = first_to_expire(&c->chain);
}
