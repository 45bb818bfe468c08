// SPDX-License-Identifier: BSD-2-Clause
/*
 * Shapes from AWS's text on the attestation process, and where that contradicts itself or the
 * documents that the hypervisor makes, from the documents: the optional fields reach 1,024 bytes
 * and are null when unused; the payload's map is of indefinite length since August 2025.
 */
#include "verifier/nitro_document.h"

#include "base/cbor.h"
#include "verifier/refuse.h"

enum {
	COSE_TAG = 18,
	COSE_PARTS = 4,
	COSE_ALG = 1, /* the header parameter */
	COSE_ES384 = -35,
};

static enum reason bad(struct claims *out, const char *what)
{
	return refuse(out, REASON_FORMAT, "document: %s", what);
}

/* {1: -35} and nothing else: no other algorithm, no "crit", no key that picks another. */
static enum reason check_protected(struct bytes in, struct claims *out)
{
	struct cbor_items items;
	int64_t parameter, value;

	if (!cbor_get_map(&in, &items) || items.indefinite)
		return bad(out, "the protected header is no map of definite length");
	if (!cbor_more(&in, &items))
		return bad(out, "the protected header names no algorithm, want ES384");
	if (!cbor_get_int(&in, &parameter) || parameter != COSE_ALG || !cbor_get_int(&in, &value))
		return bad(out, "the protected header is not {1: algorithm}");
	if (items.left || in.n)
		return bad(out, "the protected header holds more than an algorithm");
	if (value != COSE_ES384)
		return refuse(out, REASON_SIGNATURE_ALGORITHM,
			      "document: COSE algorithm %lld, want %d (ES384)", (long long)value,
			      COSE_ES384);
	return REASON_OK;
}

static bool get_empty_map(struct bytes *in)
{
	struct cbor_items items;

	return cbor_get_map(in, &items) && !items.indefinite && !items.left;
}

/* COSE_Sign1 = [ protected, unprotected, payload, signature ], with its tag or without. */
static enum reason parse_cose(struct bytes in, struct nitro_document *d, struct claims *out)
{
	struct cbor_items items;
	uint64_t tag;

	if (cbor_get_tag(&in, &tag) && tag != COSE_TAG)
		return refuse(out, REASON_FORMAT, "document: CBOR tag %llu, want %d or none",
			      (unsigned long long)tag, COSE_TAG);
	if (!cbor_get_array(&in, &items) || items.indefinite || items.left != COSE_PARTS)
		return bad(out, "no COSE_Sign1: want an array of 4");
	if (!cbor_get_bytes(&in, &d->protected))
		return bad(out, "the protected header is no byte string");
	if (!get_empty_map(&in))
		return bad(out, "the unprotected header, which nobody signs, is not an empty map");
	if (!cbor_get_bytes(&in, &d->payload) || !d->payload.n)
		return bad(out, "the payload is no byte string: detached, or none");
	if (d->payload.n > NITRO_PAYLOAD_MAX)
		return refuse(out, REASON_LENGTH, "document: payload of %zu bytes, want at most %d",
			      d->payload.n, NITRO_PAYLOAD_MAX);
	if (!cbor_get_bytes(&in, &d->signature) || d->signature.n != NITRO_SIGNATURE_BYTES)
		return refuse(out, REASON_FORMAT, "document: the signature is not %d bytes",
			      NITRO_SIGNATURE_BYTES);
	if (in.n)
		return refuse(out, REASON_FORMAT, "document: %zu bytes behind its end", in.n);
	return check_protected(d->protected, out);
}

static enum reason read_module_id(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	struct bytes id;

	if (!cbor_get_text(in, &id) || !id.n || id.n > NITRO_MODULE_ID_MAX)
		return refuse(out, REASON_FORMAT, "document: module_id is no text of 1 to %d bytes",
			      NITRO_MODULE_ID_MAX);
	for (size_t i = 0; i < id.n; i++) /* it is shown to people, and compared as text */
		if (id.p[i] <= ' ' || id.p[i] > '~')
			return bad(out, "module_id holds something that cannot be printed");
	d->module_id = id;
	return REASON_OK;
}

static enum reason read_digest(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	static const char sha384_name[] = "SHA384";
	struct bytes name;

	(void)d;
	if (!cbor_get_text(in, &name) ||
	    !bytes_equal(name, bytes_of(sha384_name, strlen(sha384_name))))
		return bad(out, "digest is not the text SHA384");
	return REASON_OK;
}

static enum reason read_timestamp(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	if (!cbor_get_uint(in, &d->timestamp_ms) || !d->timestamp_ms || d->timestamp_ms > INT64_MAX)
		return bad(out, "timestamp is no positive number");
	return REASON_OK;
}

static enum reason read_pcr(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	struct bytes value;
	uint64_t index;

	if (!cbor_get_uint(in, &index) || index >= NITRO_PCRS)
		return refuse(out, REASON_FORMAT, "document: a PCR's index is not 0..%d",
			      NITRO_PCRS - 1);
	if (!cbor_get_bytes(in, &value) || value.n != NITRO_PCR_BYTES)
		return refuse(out, REASON_FORMAT, "document: PCR%d is not %d bytes", (int)index,
			      NITRO_PCR_BYTES);
	if (d->pcrs[index].n)
		return refuse(out, REASON_FORMAT, "document: PCR%d is there twice", (int)index);
	d->pcrs[index] = value;
	return REASON_OK;
}

static enum reason read_pcrs(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	enum reason reason = REASON_OK;
	struct cbor_items items;
	size_t count = 0;

	if (!cbor_get_map(in, &items))
		return bad(out, "pcrs is no map");
	for (; !reason && cbor_more(in, &items); count++)
		reason = read_pcr(in, d, out);
	return reason || count ? reason : bad(out, "pcrs is empty");
}

static bool get_cert(struct bytes *in, struct bytes *out)
{
	return cbor_get_bytes(in, out) && out->n && out->n <= NITRO_CERT_MAX;
}

static enum reason read_certificate(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	if (!get_cert(in, &d->certificate))
		return refuse(out, REASON_FORMAT, "document: certificate is not 1 to %d bytes",
			      NITRO_CERT_MAX);
	return REASON_OK;
}

static enum reason read_cabundle(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	struct cbor_items items;

	if (!cbor_get_array(in, &items))
		return bad(out, "cabundle is no array");
	while (cbor_more(in, &items)) {
		if (d->cabundle_count == NITRO_BUNDLE_MAX)
			return refuse(out, REASON_FORMAT,
				      "document: cabundle has more than %d certificates",
				      NITRO_BUNDLE_MAX);
		if (!get_cert(in, &d->cabundle[d->cabundle_count]))
			return refuse(out, REASON_FORMAT,
				      "document: cabundle[%zu] is not 1 to %d bytes",
				      d->cabundle_count, NITRO_CERT_MAX);
		d->cabundle_count++;
	}
	return d->cabundle_count ? REASON_OK : bad(out, "cabundle is empty");
}

static enum reason read_field(struct bytes *in, struct nitro_field *f, const char *name,
			      struct claims *out)
{
	if (cbor_get_null(in))
		return REASON_OK;
	if (!cbor_get_bytes(in, &f->value) || f->value.n > NITRO_FIELD_MAX)
		return refuse(out, REASON_FORMAT,
			      "document: %s is neither null nor at most %d bytes", name,
			      NITRO_FIELD_MAX);
	f->given = true;
	return REASON_OK;
}

static enum reason read_public_key(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	return read_field(in, &d->public_key, "public_key", out);
}

static enum reason read_user_data(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	return read_field(in, &d->user_data, "user_data", out);
}

static enum reason read_nonce(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	return read_field(in, &d->nonce, "nonce", out);
}

/* An EC2 instance's document has the same issuer and another meaning: nothing is encrypted there.
 */
static enum reason read_nitrotpm(struct bytes *in, struct nitro_document *d, struct claims *out)
{
	(void)in;
	(void)d;
	return bad(out, "nitrotpm_pcrs: an instance's NitroTPM made it, no enclave");
}

static const struct member {
	const char *key;
	bool required;
	enum reason (*read)(struct bytes *in, struct nitro_document *d, struct claims *out);
} members[] = {
	{ "module_id", true, read_module_id },
	{ "digest", true, read_digest },
	{ "timestamp", true, read_timestamp },
	{ "pcrs", true, read_pcrs },
	{ "certificate", true, read_certificate },
	{ "cabundle", true, read_cabundle },
	{ "public_key", false, read_public_key },
	{ "user_data", false, read_user_data },
	{ "nonce", false, read_nonce },
	{ "nitrotpm_pcrs", false, read_nitrotpm },
};
enum { MEMBERS = sizeof(members) / sizeof(*members) };

static struct bytes key_of(const struct member *m)
{
	return bytes_of(m->key, strlen(m->key));
}

/* One that we do not know is passed over: AWS may add some, and what we judge by is all here. */
static enum reason read_member(struct bytes *in, struct bytes key, struct nitro_document *d,
			       struct claims *out)
{
	for (int i = 0; i < MEMBERS; i++)
		if (bytes_equal(key, key_of(&members[i])))
			return members[i].read(in, d, out);
	if (!cbor_skip(in))
		return bad(out, "a member of unknown name is no CBOR, or nested too deep");
	return REASON_OK;
}

static bool has_key(const struct cbor_keys *seen, struct bytes key)
{
	for (size_t i = 0; i < seen->count; i++)
		if (bytes_equal(seen->keys[i], key))
			return true;
	return false;
}

static enum reason check_required(const struct cbor_keys *seen, struct claims *out)
{
	for (int i = 0; i < MEMBERS; i++)
		if (members[i].required && !has_key(seen, key_of(&members[i])))
			return refuse(out, REASON_FORMAT, "document: there is no %s",
				      members[i].key);
	return REASON_OK;
}

static enum reason parse_payload(struct bytes in, struct nitro_document *d, struct claims *out)
{
	struct cbor_keys seen = { .count = 0 };
	enum reason reason = REASON_OK;
	struct cbor_items items;
	struct bytes key;

	if (!cbor_get_map(&in, &items))
		return bad(out, "the payload is no map");
	while (!reason && cbor_more(&in, &items)) {
		if (!cbor_get_text(&in, &key))
			return bad(out, "a key of the payload is no text");
		if (!cbor_keys_add(&seen, key))
			return bad(out, "the payload has a key twice, or too many");
		reason = read_member(&in, key, d, out);
	}
	if (!reason && in.n)
		reason = refuse(out, REASON_FORMAT, "document: %zu bytes behind the payload's map",
				in.n);
	return reason ? reason : check_required(&seen, out);
}

enum reason nitro_document_parse(struct bytes in, struct nitro_document *d, struct claims *out)
{
	enum reason reason;

	*d = (struct nitro_document){ 0 };
	reason = parse_cose(in, d, out);
	return reason ? reason : parse_payload(d->payload, d, out);
}

/* Sig_structure = [ "Signature1", protected, external_aad, payload ] */
size_t nitro_signed_bytes(const struct nitro_document *d, uint8_t *buf, size_t max)
{
	struct cbor_writer w = { .p = buf, .max = max };

	cbor_put_array(&w, COSE_PARTS);
	cbor_put_text(&w, "Signature1");
	cbor_put_bytes(&w, d->protected);
	cbor_put_bytes(&w, bytes_of(NULL, 0));
	cbor_put_bytes(&w, d->payload);
	return w.full ? 0 : w.n;
}
