// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/azure_hcl.h"

#include "verifier/refuse.h"
#include "verifier/snp_report.h"

enum {
	HEADER_BYTES = 32,
	VERSION_LAST = 2,
	REQUEST_REPORT = 2,
	RUNTIME_VERSION = 1,
	RUNTIME_SNP = 2,
	RUNTIME_SHA256 = 1,
	RUNTIME_HEADER_BYTES = 20,
	CLAIMS_BYTES_MAX = 4096, /* NV indexes are smaller */
	SIGNATURE_BYTES_MAX = 512,
};

static const char blob_magic[4] = "HCLA", frame_magic[4] = "HCLQ";

static bool starts_with(struct bytes in, const char magic[4])
{
	return in.n >= 4 && !memcmp(in.p, magic, 4);
}

bool azure_hcl_looks_like(struct bytes report)
{
	return starts_with(report, blob_magic) || starts_with(report, frame_magic);
}

static enum reason bad(struct claims *c, const char *what)
{
	return refuse(c, REASON_FORMAT, "HCL report: %s", what);
}

static bool get_part(struct bytes *in, struct bytes *out)
{
	uint32_t n;

	return get_le32(in, &n) && get(in, n, out);
}

static bool get_header(struct bytes *in, uint32_t *used)
{
	struct bytes magic, rest;
	uint32_t version, request, status;

	return get(in, 4, &magic) && starts_with(magic, blob_magic) && get_le32(in, &version) &&
	       version >= 1 && version <= VERSION_LAST && get_le32(in, used) &&
	       get_le32(in, &request) && request == REQUEST_REPORT && get_le32(in, &status) &&
	       status == 0 && get(in, 12, &rest);
}

static bool get_runtime(struct bytes *in, struct bytes *claims)
{
	uint32_t size, version, type, hash, n;

	return get_le32(in, &size) && get_le32(in, &version) && version == RUNTIME_VERSION &&
	       get_le32(in, &type) && type == RUNTIME_SNP && get_le32(in, &hash) &&
	       hash == RUNTIME_SHA256 && get_le32(in, &n) && n && n <= CLAIMS_BYTES_MAX &&
	       size == RUNTIME_HEADER_BYTES + n && get(in, n, claims);
}

static enum reason parse_blob(struct bytes in, struct azure_hcl *out, struct claims *c)
{
	uint32_t used;

	if (!get_header(&in, &used))
		return bad(c, "its header is not that of a report, version 1 or 2, status 0");
	if (!get(&in, SNP_REPORT_BYTES, &out->report))
		return bad(c, "it ends before the SNP report does");
	if (!get_runtime(&in, &out->claims))
		return bad(c, "no runtime data of an SNP report with SHA-256, or cut short");
	/* In some, used counts the claims' header and in some it does not: it is not needed. */
	if (used < SNP_REPORT_BYTES ||
	    used > HEADER_BYTES + SNP_REPORT_BYTES + RUNTIME_HEADER_BYTES + out->claims.n)
		return bad(c, "the size in its header is not that of what it holds");
	if (!bytes_are_zero(in))
		return bad(c, "more than zeroes behind the claims");
	return REASON_OK;
}

enum reason azure_hcl_parse(struct bytes in, struct azure_hcl *out, struct claims *c)
{
	struct bytes blob, magic;

	memset(out, 0, sizeof(*out));
	if (!starts_with(in, frame_magic))
		return parse_blob(in, out, c);
	if (!get(&in, 4, &magic) || !get_part(&in, &blob) || !get_part(&in, &out->attest) ||
	    !get_part(&in, &out->signature) || in.n || !out->attest.n ||
	    out->signature.n > SIGNATURE_BYTES_MAX)
		return bad(c, "the frame is not blob, quote and signature, and nothing else");
	return parse_blob(blob, out, c);
}
