// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/tdx_quote.h"

#include "verifier/refuse.h"

enum {
	HEADER_BYTES = 48,
	VERSION_4 = 4,
	VERSION_5 = 5,
	KEY_ECDSA_P256 = 2,
	TEE_TYPE_TDX = 0x81,
	BODY_TD_10 = 2,
	BODY_TD_15 = 3,
	TD_10_BYTES = 584,
	TD_15_BYTES = 648,
	CERTIFICATION_QE = 6,	 /* the quoting enclave's report and what certifies it */
	CERTIFICATION_CHAIN = 5, /* PEM certificates */
	RESERVED_BYTES = 4,
};

static const uint8_t intel_vendor[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					  0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };

static bool point(struct bytes *in, size_t n, const uint8_t **out)
{
	struct bytes b;

	if (!get(in, n, &b))
		return false;
	*out = b.p;
	return true;
}

static bool parse_body(struct bytes in, struct tdx_body *b)
{
	static const uint8_t zero[TDX_DIGEST_BYTES];
	bool ok = point(&in, TDX_SVN_BYTES, &b->tcb_svn) &&
		  point(&in, TDX_DIGEST_BYTES, &b->mrseam) &&
		  point(&in, TDX_DIGEST_BYTES, &b->mrsignerseam) &&
		  get_le64(&in, &b->seam_attributes) && get_le64(&in, &b->attributes) &&
		  get_le64(&in, &b->xfam) && point(&in, TDX_DIGEST_BYTES, &b->mrtd) &&
		  point(&in, TDX_DIGEST_BYTES, &b->mrconfigid) &&
		  point(&in, TDX_DIGEST_BYTES, &b->mrowner) &&
		  point(&in, TDX_DIGEST_BYTES, &b->mrownerconfig);

	for (int i = 0; ok && i < TDX_RTMRS; i++)
		ok = point(&in, TDX_DIGEST_BYTES, &b->rtmr[i]);
	ok = ok && point(&in, REPORT_DATA_BYTES, &b->report_data);
	b->is_15 = in.n != 0;
	b->tcb_svn2 = b->mrservicetd = zero;
	if (ok && b->is_15)
		ok = point(&in, TDX_SVN_BYTES, &b->tcb_svn2) &&
		     point(&in, TDX_DIGEST_BYTES, &b->mrservicetd);
	return ok && in.n == 0;
}

static bool parse_qe_report(struct bytes in, struct tdx_qe_report *r)
{
	struct bytes skip;

	return get(&in, 16, &skip) && /* CPUSVN */
	       get_le32(&in, &r->miscselect) && get(&in, 28, &skip) &&
	       point(&in, 16, &r->attributes) && point(&in, SGX_MEASUREMENT_BYTES, &r->mrenclave) &&
	       get(&in, 32, &skip) && point(&in, SGX_MEASUREMENT_BYTES, &r->mrsigner) &&
	       get(&in, 96, &skip) && get_le16(&in, &r->isvprodid) && get_le16(&in, &r->isvsvn) &&
	       get(&in, 60, &skip) && point(&in, REPORT_DATA_BYTES, &r->report_data) && in.n == 0;
}

static enum reason parse_header(struct bytes *in, struct tdx_quote *q, struct claims *why)
{
	struct bytes reserved, vendor, user_data;
	uint16_t key_type;
	uint32_t tee;

	if (!get_le16(in, &q->version) || !get_le16(in, &key_type) || !get_le32(in, &tee) ||
	    !get(in, RESERVED_BYTES, &reserved) || !get(in, sizeof(intel_vendor), &vendor) ||
	    !get(in, 20, &user_data))
		return refuse(why, REASON_LENGTH, "quote ends in its header of %d bytes",
			      HEADER_BYTES);
	if (q->version != VERSION_4 && q->version != VERSION_5)
		return refuse(why, REASON_VERSION, "quote of version %u, want 4 or 5", q->version);
	if (tee != TEE_TYPE_TDX)
		return refuse(why, REASON_FORMAT, "quote of TEE type 0x%x, want 0x%x, TDX", tee,
			      TEE_TYPE_TDX);
	if (key_type != KEY_ECDSA_P256)
		return refuse(why, REASON_SIGNATURE_ALGORITHM,
			      "quote by a key of type %u, want 2, ECDSA P-256", key_type);
	if (memcmp(vendor.p, intel_vendor, vendor.n))
		return refuse(why, REASON_FORMAT, "quote of vendor %s, want Intel's",
			      hex_short(vendor.p).text);
	return REASON_OK;
}

/* Version 5 says which body follows. */
static enum reason find_body(struct bytes *in, struct tdx_quote *q, struct bytes *body,
			     struct claims *why)
{
	uint32_t size = TD_10_BYTES, want = TD_10_BYTES;
	uint16_t type = BODY_TD_10;

	if (q->version == VERSION_5) {
		if (!get_le16(in, &type) || !get_le32(in, &size))
			return refuse(why, REASON_LENGTH, "quote ends before its body");
		if (type != BODY_TD_10 && type != BODY_TD_15)
			return refuse(why, REASON_FORMAT,
				      "quote with a body of type %u, want 2 or 3, a TD's", type);
		want = type == BODY_TD_15 ? TD_15_BYTES : TD_10_BYTES;
	}
	if (size != want)
		return refuse(why, REASON_LENGTH, "quote with a body of %u bytes, want %u", size,
			      want);
	if (!get(in, size, body))
		return refuse(why, REASON_LENGTH, "quote ends in its body of %u bytes", size);
	return REASON_OK;
}

/* A certification: its type, its length, and so many bytes, which end all there is. */
static bool certification(struct bytes in, uint16_t *type, struct bytes *out)
{
	uint32_t n;

	return get_le16(&in, type) && get_le32(&in, &n) && get(&in, n, out) && in.n == 0;
}

static enum reason parse_signature(struct bytes in, struct tdx_quote *q, struct claims *why)
{
	uint16_t type, auth;
	struct bytes qe;

	if (!get(&in, TDX_SIGNATURE_BYTES, &q->signature) || !get(&in, TDX_KEY_BYTES, &q->key) ||
	    !certification(in, &type, &qe))
		return refuse(why, REASON_LENGTH, "quote: lengths in its signature do not fit");
	if (type != CERTIFICATION_QE)
		return refuse(why, REASON_FORMAT,
			      "quote certified by data of type %u, want 6, a quoting enclave's",
			      type);
	if (!get(&qe, TDX_QE_REPORT_BYTES, &q->qe_report) ||
	    !get(&qe, TDX_SIGNATURE_BYTES, &q->qe_signature) || !get_le16(&qe, &auth) ||
	    !get(&qe, auth, &q->qe_auth) || !certification(qe, &type, &q->certificates))
		return refuse(why, REASON_LENGTH, "quote: lengths in its certification do not fit");
	if (type != CERTIFICATION_CHAIN)
		return refuse(why, REASON_FORMAT,
			      "quoting enclave certified by data of type %u, want 5, certificates",
			      type);
	return parse_qe_report(q->qe_report, &q->qe)
		       ? REASON_OK
		       : refuse(why, REASON_LENGTH, "quote: the enclave's report is cut");
}

enum reason tdx_quote_parse(struct bytes in, struct tdx_quote *q, struct claims *why)
{
	struct bytes all = in, body = { 0 }, signature;
	enum reason reason;
	uint32_t n;

	memset(q, 0, sizeof(*q));
	if (in.n > TDX_QUOTE_MAX)
		return refuse(why, REASON_LENGTH, "quote of %zu bytes, want %d at most", in.n,
			      TDX_QUOTE_MAX);
	reason = parse_header(&in, q, why);
	if (!reason)
		reason = find_body(&in, q, &body, why);
	if (reason)
		return reason;
	q->signed_part = bytes_of(all.p, all.n - in.n);
	if (!parse_body(body, &q->body) || !get_le32(&in, &n) || !get(&in, n, &signature))
		return refuse(why, REASON_LENGTH, "quote ends before its signature does");
	q->rest = in;
	return parse_signature(signature, q, why);
}
