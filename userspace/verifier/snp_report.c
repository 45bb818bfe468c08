// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/snp_report.h"

#include "verifier/refuse.h"

enum {
	SIGNATURE_ECDSA_P384_SHA384 = 1,
	RSP_BYTES = 4000, /* AMD 56860 MSG_REPORT_RSP, in the buffer of struct snp_report_resp */
	RSP_RESERVED = 24,
	SIGNATURE_PART = 72,
	KEY_INFO_BITS = 5,
	KEY_MASK = 7,
	VERSION_MITIGATION = 4, /* first that may have the mitigation vectors */
	ANY_VERSION = 255,
};

enum reason snp_report_unwrap(struct bytes *evidence, struct claims *out)
{
	struct bytes in = *evidence, reserved, report;
	uint32_t status, size;

	if (in.n != RSP_BYTES)
		return REASON_OK;
	if (!get_le32(&in, &status) || !get_le32(&in, &size) ||
	    !get(&in, RSP_RESERVED, &reserved) || !get(&in, SNP_REPORT_BYTES, &report))
		return refuse(out, REASON_FORMAT, "response of the guest device: too short");
	if (status)
		return refuse(out, REASON_FORMAT,
			      "response of the guest device: firmware status 0x%x, no report",
			      status);
	if (size != SNP_REPORT_BYTES)
		return refuse(out, REASON_LENGTH,
			      "response of the guest device: a report of %u bytes, want %d", size,
			      SNP_REPORT_BYTES);
	*evidence = report;
	return REASON_OK;
}

static bool get_array(struct bytes *in, size_t n, const uint8_t **out)
{
	struct bytes b;

	if (!get(in, n, &b))
		return false;
	*out = b.p;
	return true;
}

static bool skip(struct bytes *in, size_t n)
{
	struct bytes b;

	return get(in, n, &b);
}

/* Build before minor before major. */
static bool get_firmware(struct bytes *in, struct snp_firmware *f)
{
	return get_u8(in, &f->build) && get_u8(in, &f->minor) && get_u8(in, &f->major) &&
	       skip(in, 1);
}

/* 0x000 to 0x17f */
static bool get_guest(struct bytes *in, struct snp_report *r)
{
	return get_le32(in, &r->version) && get_le32(in, &r->guest_svn) &&
	       get_le64(in, &r->policy) && get_array(in, SNP_ID_BYTES, &r->family_id) &&
	       get_array(in, SNP_ID_BYTES, &r->image_id) && get_le32(in, &r->vmpl) &&
	       get_le32(in, &r->signature_algo) && get_array(in, SNP_TCB_BYTES, &r->current_tcb) &&
	       get_le64(in, &r->platform_info) && get_le32(in, &r->key_info) && skip(in, 4) &&
	       get_array(in, REPORT_DATA_BYTES, &r->report_data) &&
	       get_array(in, DIGEST_BYTES, &r->measurement) &&
	       get_array(in, SNP_HOST_DATA_BYTES, &r->host_data) &&
	       get_array(in, DIGEST_BYTES, &r->id_key_digest) &&
	       get_array(in, DIGEST_BYTES, &r->author_key_digest) &&
	       get_array(in, 32, &r->report_id) && get_array(in, 32, &r->report_id_ma);
}

/* 0x180 to 0x49f */
static bool get_platform(struct bytes *in, struct snp_report *r)
{
	return get_array(in, SNP_TCB_BYTES, &r->reported_tcb) && get_u8(in, &r->family) &&
	       get_u8(in, &r->model) && get_u8(in, &r->stepping) && skip(in, 21) &&
	       get_array(in, SNP_CHIP_ID_BYTES, &r->chip_id) &&
	       get_array(in, SNP_TCB_BYTES, &r->committed_tcb) && get_firmware(in, &r->current) &&
	       get_firmware(in, &r->committed) && get_array(in, SNP_TCB_BYTES, &r->launch_tcb) &&
	       get_le64(in, &r->launch_mitigation) && get_le64(in, &r->current_mitigation) &&
	       skip(in, 152) && get(in, SIGNATURE_PART, &r->r) && get(in, SIGNATURE_PART, &r->s) &&
	       skip(in, 368);
}

enum reason snp_report_parse(struct bytes in, struct snp_report *r, struct claims *out)
{
	if (in.n != SNP_REPORT_BYTES)
		return refuse(out, REASON_LENGTH, "report of %zu bytes, want %d", in.n,
			      SNP_REPORT_BYTES);
	*r = (struct snp_report){ .all = in };
	if (!get_guest(&in, r) || !get_platform(&in, r) || in.n)
		return refuse(out, REASON_INTERNAL, "report: fields do not add up to %d bytes",
			      SNP_REPORT_BYTES);
	return REASON_OK;
}

/* What must be zero, by version. */
static const struct {
	uint16_t offset, size;
	uint8_t first, last;
} zeroes[] = {
	{ 0x04c, 4, 0, ANY_VERSION },
	{ 0x188, 24, 0, SNP_VERSION_CPUID - 1 },
	{ 0x18b, 21, SNP_VERSION_CPUID, ANY_VERSION },
	{ 0x1eb, 1, 0, ANY_VERSION },
	{ 0x1ef, 1, 0, ANY_VERSION },
	{ 0x1f8, 168, 0, VERSION_MITIGATION - 1 },
	{ 0x208, 152, VERSION_MITIGATION, ANY_VERSION },
	{ 0x330, 368, 0, ANY_VERSION }, /* not covered by the signature */
};

static enum reason check_zeroes(const struct snp_report *r, struct claims *out)
{
	for (size_t i = 0; i < sizeof(zeroes) / sizeof(*zeroes); i++) {
		uint8_t version = r->version < ANY_VERSION ? r->version : ANY_VERSION;

		if (version < zeroes[i].first || version > zeroes[i].last ||
		    bytes_are_zero(bytes_of(r->all.p + zeroes[i].offset, zeroes[i].size)))
			continue;
		return refuse(out, REASON_RESERVED,
			      "report: bytes 0x%03x..0x%03x must be zero in version %u",
			      zeroes[i].offset, zeroes[i].offset + zeroes[i].size - 1, r->version);
	}
	if (r->key_info >> KEY_INFO_BITS)
		return refuse(out, REASON_RESERVED,
			      "report: key information 0x%x has reserved bits", r->key_info);
	return REASON_OK;
}

static enum reason check_policy_bits(const struct snp_report *r, bool unknown, struct claims *out)
{
	unsigned long long policy = r->policy;

	if (!(policy >> SNP_POLICY_RESERVED_ONE & 1))
		return refuse(out, REASON_POLICY_RESERVED, "guest policy 0x%llx: bit %d must be 1",
			      policy, SNP_POLICY_RESERVED_ONE);
	if (!unknown && policy >> SNP_POLICY_BITS)
		return refuse(out, REASON_POLICY_RESERVED,
			      "guest policy 0x%llx has bits from %d on, which we do not know",
			      policy, SNP_POLICY_BITS);
	return REASON_OK;
}

enum reason snp_report_shape(const struct snp_report *r, bool newer_versions,
			     bool unknown_policy_bits, struct claims *out)
{
	enum reason reason;

	if (r->version < SNP_VERSION_FIRST)
		return refuse(out, REASON_VERSION, "report of version %u, want %d to %d",
			      r->version, SNP_VERSION_FIRST, SNP_VERSION_LAST);
	if (r->version > SNP_VERSION_LAST && !newer_versions)
		return refuse(
			out, REASON_VERSION,
			"report of version %u is newer than we know (%d to %d): update fairlead",
			r->version, SNP_VERSION_FIRST, SNP_VERSION_LAST);
	if (r->signature_algo != SIGNATURE_ECDSA_P384_SHA384)
		return refuse(out, REASON_SIGNATURE_ALGORITHM,
			      "report: signature algorithm %u, want 1 (ECDSA P-384, SHA-384)",
			      r->signature_algo);
	reason = check_zeroes(r, out);
	if (reason)
		return reason;
	if (snp_report_key(r) >= SNP_KEYS)
		return refuse(out, REASON_SIGNING_KEY,
			      "report: signing key %u, want 0 (VCEK) or 1 "
			      "(VLEK)%s",
			      snp_report_key(r),
			      snp_report_key(r) == SNP_KEY_NONE ? "; it is unsigned" : "");
	return check_policy_bits(r, unknown_policy_bits, out);
}

bool snp_report_author_key(const struct snp_report *r)
{
	return r->key_info & 1;
}

bool snp_report_chip_masked(const struct snp_report *r)
{
	return r->key_info >> 1 & 1;
}

enum snp_key snp_report_key(const struct snp_report *r)
{
	return r->key_info >> 2 & KEY_MASK;
}

const char *snp_key_str(enum snp_key k)
{
	static const char *const names[SNP_KEYS] = { "vcek", "vlek" };

	return k < SNP_KEYS ? names[k] : "none";
}
