// SPDX-License-Identifier: BSD-2-Clause
/* The extensions of VCEK and VLEK (AMD 57230, arc 1.3.6.1.4.1.3704.1), read by OID, strictly. */
#include "verifier/snp_certs.h"

#include "verifier/refuse.h"

enum {
	DER_INTEGER = 0x02,
	DER_OCTET_STRING = 0x04,
	DER_IA5STRING = 0x16,
	STRUCT_VERSION_LAST = 1,
};

#define ARC "1.3.6.1.4.1.3704.1."

static const char oid_struct_version[] = ARC "1", oid_product[] = ARC "2", oid_hwid[] = ARC "4",
		  oid_csp_id[] = ARC "5";

static const char *const oid_parts[SNP_PARTS] = {
	[SNP_FMC] = ARC "3.9", [SNP_BOOTLOADER] = ARC "3.1", [SNP_TEE] = ARC "3.2",
	[SNP_SNP] = ARC "3.3", [SNP_MICROCODE] = ARC "3.8",
};

/* Parts that do not exist yet, so 0; the first is not in a Turin's. */
static const char *const oid_reserved[] = { ARC "3.4", ARC "3.5", ARC "3.6", ARC "3.7" };

/* Exactly one. */
static bool one(const struct cert *c, const char *oid, struct bytes *out)
{
	return cert_extension(c, oid, out) == 1;
}

/*
 * A DER INTEGER of 0..255 in its only valid encoding.  0x02 0x01 0xdb is -37 and not 219.
 */
static bool small_integer(struct bytes in, uint8_t *out)
{
	uint8_t tag, length, first;

	if (!get_u8(&in, &tag) || tag != DER_INTEGER || !get_u8(&in, &length) || length != in.n ||
	    !get_u8(&in, &first))
		return false;
	if (first >= 0x80)
		return false;
	if (length == 2) {
		if (first != 0 || !get_u8(&in, &first) || first < 0x80)
			return false;
	}
	*out = first;
	return in.n == 0;
}

static bool ia5_string(struct bytes in, char *out, size_t size)
{
	uint8_t tag, length;

	if (!get_u8(&in, &tag) || tag != DER_IA5STRING || !get_u8(&in, &length) || length >= 0x80 ||
	    length != in.n || in.n == 0 || in.n >= size)
		return false;
	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] < ' ' || in.p[i] > '~')
			return false;
	memcpy(out, in.p, in.n);
	out[in.n] = 0;
	return true;
}

/* Raw in every genuine certificate; the text allows an OCTET STRING.  Only the length tells. */
static bool raw_or_octets(struct bytes in, uint8_t want, struct bytes *out)
{
	uint8_t tag, length;

	if (in.n == want) {
		*out = in;
		return true;
	}
	if (!get_u8(&in, &tag) || tag != DER_OCTET_STRING || !get_u8(&in, &length) ||
	    length != want || in.n != want)
		return false;
	*out = in;
	return true;
}

static enum reason bad(const struct snp_certs *c, const char *oid, const char *wanted,
		       struct claims *out)
{
	return refuse(out, REASON_CERT_LEAF, "certificate %s: extension %s: want %s",
		      c->leaf->subject, oid, wanted);
}

static enum reason read_version(const struct snp_certs *c, struct claims *out)
{
	uint8_t version, wanted = c->product == SNP_TURIN;
	struct bytes b;

	if (!one(c->leaf, oid_struct_version, &b) || !small_integer(b, &version) ||
	    version > STRUCT_VERSION_LAST)
		return bad(c, oid_struct_version, "one INTEGER, 0 or 1", out);
	if (version != wanted)
		return refuse(out, REASON_PRODUCT_MISMATCH,
			      "certificate %s of structure version %u, %s has %u", c->leaf->subject,
			      version, snp_product_str(c->product), wanted);
	return REASON_OK;
}

/* The base name must fit; the stepping behind it is known to be wrong on real parts. */
static enum reason read_product(const struct snp_certs *c, struct snp_leaf *leaf,
				struct claims *out)
{
	const char *want = snp_product_str(c->product);
	size_t n = strlen(want);
	struct bytes b;

	if (!one(c->leaf, oid_product, &b) || !ia5_string(b, leaf->product, sizeof(leaf->product)))
		return bad(c, oid_product, "one IA5String, the product", out);
	if (strncmp(leaf->product, want, n) || (leaf->product[n] && leaf->product[n] != '-'))
		return refuse(out, REASON_PRODUCT_MISMATCH,
			      "certificate %s of product \"%s\" in a chain of %s", c->leaf->subject,
			      leaf->product, want);
	return REASON_OK;
}

static enum reason read_parts(const struct snp_certs *c, struct snp_leaf *leaf, struct claims *out)
{
	struct bytes b;
	uint8_t zero;

	for (enum snp_part i = 0; i < SNP_PARTS; i++) {
		if (!snp_product_has_part(c->product, i)) {
			if (cert_extension(c->leaf, oid_parts[i], &b))
				return bad(c, oid_parts[i], "none on this product", out);
		} else if (!one(c->leaf, oid_parts[i], &b) ||
			   !small_integer(b, &leaf->tcb.part[i])) {
			return bad(c, oid_parts[i], "one INTEGER, 0..255", out);
		}
	}
	for (size_t i = 0; i < sizeof(oid_reserved) / sizeof(*oid_reserved); i++) {
		if (i == 0 && c->product == SNP_TURIN &&
		    !cert_extension(c->leaf, oid_reserved[i], &b))
			continue;
		if (!one(c->leaf, oid_reserved[i], &b) || !small_integer(b, &zero) || zero)
			return bad(c, oid_reserved[i], "one INTEGER, 0", out);
	}
	return REASON_OK;
}

static enum reason read_identity(const struct snp_certs *c, struct snp_leaf *leaf,
				 struct claims *out)
{
	uint8_t want = snp_chip_id_bytes(c->product);
	struct bytes b, id;

	if (c->kind == SNP_KEY_VCEK) {
		if (!one(c->leaf, oid_hwid, &b) || !raw_or_octets(b, want, &id))
			return bad(c, oid_hwid, "one chip id of this product's length", out);
		memcpy(leaf->chip_id, id.p, id.n);
		if (cert_extension(c->leaf, oid_csp_id, &b))
			return bad(c, oid_csp_id, "none in a VCEK", out);
		return REASON_OK;
	}
	if (cert_extension(c->leaf, oid_hwid, &b))
		return bad(c, oid_hwid, "none in a VLEK", out);
	if (!one(c->leaf, oid_csp_id, &b) || !ia5_string(b, leaf->csp_id, sizeof(leaf->csp_id)))
		return bad(c, oid_csp_id, "one IA5String, the provider", out);
	return REASON_OK;
}

enum reason snp_leaf_read(const struct snp_certs *c, struct snp_leaf *leaf, struct claims *out)
{
	enum reason reason;

	memset(leaf, 0, sizeof(*leaf));
	reason = read_parts(c, leaf, out);
	if (!reason)
		reason = read_identity(c, leaf, out);
	if (!reason)
		reason = read_version(c, out);
	if (!reason)
		reason = read_product(c, leaf, out);
	return reason;
}
