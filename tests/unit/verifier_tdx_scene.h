/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenes of the laboratory Intel: begin, change, build, change bytes, judge, end. */
#ifndef VERIFIER_TDX_SCENE_H
#define VERIFIER_TDX_SCENE_H

#include "unit/verifier_tdx_lab.h"

/* Offsets in the body and in the enclave's report. */
enum {
	BODY_MRSEAM = 16,
	BODY_MRSIGNERSEAM = 64,
	BODY_SEAM_ATTRIBUTES = 112,
	BODY_ATTRIBUTES = 120,
	BODY_XFAM = 128,
	BODY_MRTD = 136,
	BODY_MRCONFIGID = 184,
	BODY_MROWNER = 232,
	BODY_MROWNERCONFIG = 280,
	BODY_RTMR0 = 328,
	BODY_REPORT_DATA = 520,
	BODY_SVN2 = 584,
	BODY_SERVICE_TD = 600,
	QE_MISCSELECT = 16,
	QE_ATTRIBUTES = 48,
	QE_MRSIGNER = 128,
	QE_ISVPRODID = 256,
	QE_ISVSVN = 258,
	QE_REPORT_DATA = 320,
};

#define Z16 "00000000000000000000000000000000"
#define Z96 Z16 Z16 Z16

/* A level: every component of the platform at least sgx, TDX loader at least tdx. */
static inline json_t *tdx_scene_level(int sgx, int tdx, int pcesvn, const char *status)
{
	json_t *s = json_array(), *t = json_array();

	for (int i = 0; i < TDX_COMPONENTS; i++) {
		json_array_append_new(s, json_pack("{s:i}", "svn", sgx));
		json_array_append_new(t, json_pack("{s:i}", "svn", i == 2 ? tdx : 0));
	}
	return json_pack("{s:{s:o,s:o,s:i}, s:s, s:s, s:[s]}", "tcb", "sgxtcbcomponents", s,
			 "tdxtcbcomponents", t, "pcesvn", pcesvn, "tcbDate", "2025-05-14T00:00:00Z",
			 "tcbStatus", status, "advisoryIDs",
			 sgx ? "INTEL-SA-01111" : "INTEL-SA-00002");
}

static inline json_t *tdx_scene_svn_level(int svn, const char *status)
{
	return json_pack("{s:{s:i}, s:s, s:s}", "tcb", "isvsvn", svn, "tcbDate",
			 svn ? "2025-08-13T00:00:00Z" : "2020-01-01T00:00:00Z", "tcbStatus",
			 status);
}

static inline json_t *tdx_scene_module(const char *id)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[o,o]}", "id", id, "mrsigner", Z96, "attributes",
			 "0000000000000000", "attributesMask", "FFFFFFFFFFFFFFFF", "tcbLevels",
			 tdx_scene_svn_level(5, "UpToDate"), tdx_scene_svn_level(2, "OutOfDate"));
}

static inline json_t *tdx_scene_info(void)
{
	return json_pack(
		"{s:s,s:i,s:s,s:s,s:s,s:s,s:i,s:i,s:{s:s,s:s,s:s},s:[o,o],s:[o,o]}", "id", "TDX",
		"version", 3, "issueDate", "2026-05-20T00:00:00Z", "nextUpdate",
		"2026-06-19T00:00:00Z", "fmspc", "90C06F000000", "pceId", "0000", "tcbType", 0,
		"tcbEvaluationDataNumber", 19, "tdxModule", "mrsigner", Z96, "attributes",
		"0000000000000000", "attributesMask", "FFFFFFFFFFFFFFFF", "tdxModuleIdentities",
		tdx_scene_module("TDX_03"), tdx_scene_module("TDX_01"), "tcbLevels",
		tdx_scene_level(3, 4, 13, "UpToDate"), tdx_scene_level(0, 0, 5, "OutOfDate"));
}

static inline json_t *tdx_scene_identity(void)
{
	return json_pack("{s:s,s:i,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:i,s:[o,o]}", "id", "TD_QE",
			 "version", 2, "issueDate", "2026-05-20T00:00:00Z", "nextUpdate",
			 "2026-06-19T00:00:00Z", "tcbEvaluationDataNumber", 19, "miscselect",
			 "00000000", "miscselectMask", "FFFFFFFF", "attributes",
			 "11000000000000000000000000000000", "attributesMask",
			 "FBFFFFFFFFFFFFFF0000000000000000", "mrsigner",
			 "AA000000000000000000000000000000" Z16, "isvprodid", 2, "tcbLevels",
			 tdx_scene_svn_level(4, "UpToDate"), tdx_scene_svn_level(1, "OutOfDate"));
}

static inline void tdx_scene_platform(struct tdx_pck *p)
{
	static const uint8_t fmspc[] = { 0x90, 0xc0, 0x6f };

	memset(p, 0, sizeof(*p));
	memset(p->ppid, 0x11, sizeof(p->ppid));
	memset(p->instance, 0x22, sizeof(p->instance));
	memset(p->components, 3, sizeof(p->components));
	p->components[1] = 255;
	memcpy(p->fmspc, fmspc, sizeof(fmspc));
	p->pcesvn = 13;
	p->has_instance = true;
	p->sgx_type = 1;
	p->dynamic = TDX_FLAG_NO;
	p->cached_keys = p->smt = TDX_FLAG_YES;
}

static inline void tdx_scene_td(struct tdx_scene *s)
{
	static const uint8_t svn[] = { 7, 1, 4 };

	s->version = 4;
	s->body_type = 2;
	memcpy(s->body, svn, sizeof(svn));
	memset(s->body + BODY_MRSEAM, 0x51, TDX_DIGEST_BYTES);
	s->body[BODY_ATTRIBUTES + 3] = 0x10; /* SEPT_VE_DISABLE */
	s->body[BODY_XFAM] = 0xe7;
	for (int i = 0; i < 8; i++) /* MRTD to RTMR3, each its own */
		memset(s->body + BODY_MRTD + i * TDX_DIGEST_BYTES, 0x60 + i, TDX_DIGEST_BYTES);
	memset(s->body + BODY_REPORT_DATA, 0x70, REPORT_DATA_BYTES);
	memcpy(s->body + BODY_SVN2, svn, sizeof(svn));
	s->qe_report[QE_ATTRIBUTES] = 0x15;
	s->qe_report[QE_MRSIGNER] = 0xaa;
	s->qe_report[QE_ISVPRODID] = 2;
	s->qe_report[QE_ISVSVN] = 6;
	memset(s->auth, 0x0f, sizeof(s->auth));
	s->auth_n = 32;
}

static inline void tdx_scene_begin(struct tdx_scene *s)
{
	static const char root[] = "Intel SGX Root CA", ca[] = "Intel SGX PCK Platform CA",
			  pck[] = "Intel SGX PCK Certificate", tcb[] = "Intel SGX TCB Signing";
	const int64_t from = TDX_LAB_FROM, to = TDX_LAB_TO;

	memset(s, 0, sizeof(*s));
	s->root = (struct tdx_lab_cert){ root, root, LAB_ROOT, LAB_ROOT, 1,
					 from, to,   true,     false,	 .md = EVP_sha256 };
	s->ca = (struct tdx_lab_cert){ ca,   root, LAB_CA, LAB_ROOT, 2,
				       from, to,   true,   false,    .md = EVP_sha256 };
	s->pck = (struct tdx_lab_cert){ pck,  ca, LAB_PCK, LAB_CA, 3,
					from, to, false,   true,   .md = EVP_sha256 };
	s->signer = (struct tdx_lab_cert){ tcb,	 root, LAB_SIGNER, LAB_ROOT, 4,
					   from, to,   false,	   true,     .md = EVP_sha256 };
	s->root_crl = (struct tdx_lab_crl){ root, LAB_ROOT, from, to, 99, false };
	s->pck_crl = (struct tdx_lab_crl){ ca, LAB_CA, from, to, 99, false };
	tdx_scene_platform(&s->platform);
	tdx_scene_td(s);
	s->info = tdx_scene_info();
	s->qe = tdx_scene_identity();
	assert_non_null(s->info);
	assert_non_null(s->qe);
	s->info_signer = s->qe_signer = LAB_SIGNER;
	s->quote_signer = LAB_QUOTE;
	s->qe_report_signer = LAB_PCK;
	s->policy = policy_default();
	s->evidence = (struct evidence){ .tee = TEE_TDX, .at = TDX_LAB_NOW };
}

static inline void tdx_scene_put(struct tdx_scene *s, const void *p, size_t n)
{
	assert_true(s->quote.n + n <= sizeof(s->quote.bytes));
	memcpy(s->quote.bytes + s->quote.n, p, n);
	s->quote.n += n;
}

static inline void tdx_scene_le(struct tdx_scene *s, uint64_t v, size_t n)
{
	uint8_t le[8];

	for (size_t i = 0; i < n; i++)
		le[i] = v >> 8 * i;
	tdx_scene_put(s, le, n);
}

static inline void tdx_scene_public(enum tdx_lab_key key, uint8_t out[64])
{
	uint8_t point[160];
	size_t n;

	assert_int_equal(EVP_PKEY_get_octet_string_param(tdx_lab_keys[key], OSSL_PKEY_PARAM_PUB_KEY,
							 point, sizeof(point), &n),
			 1);
	memcpy(out, point + 1, 64);
}

static inline void tdx_scene_bind(struct tdx_scene *s, const uint8_t key[64])
{
	uint8_t bound[64 + TDX_LAB_AUTH_MAX];

	memcpy(bound, key, 64);
	memcpy(bound + 64, s->auth, s->auth_n);
	assert_true(sha256(bytes_of(bound, 64 + s->auth_n), s->qe_report + QE_REPORT_DATA));
	if (s->binding_spoiled)
		s->qe_report[QE_REPORT_DATA + 63] ^= 1;
}

static inline void tdx_scene_header(struct tdx_scene *s)
{
	static const uint8_t vendor[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					    0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };
	static const uint8_t user_data[20];
	size_t body = s->body_type == 3 ? 648 : 584;

	s->quote.n = 0;
	tdx_scene_le(s, s->version, 2);
	tdx_scene_le(s, 2, 2);
	tdx_scene_le(s, 0x81, 4);
	tdx_scene_le(s, 0, 4);
	tdx_scene_put(s, vendor, sizeof(vendor));
	tdx_scene_put(s, user_data, sizeof(user_data));
	if (s->version == 5) {
		tdx_scene_le(s, s->body_type, 2);
		tdx_scene_le(s, body, 4);
	}
	tdx_scene_put(s, s->body, body);
}

/* After the certificates. */
static inline void tdx_scene_quote(struct tdx_scene *s)
{
	struct tdx_lab_file *pem = calloc(1, sizeof(*pem));
	uint8_t sig[64], qe_sig[64], key[64];
	size_t qe_n;

	tdx_lab_pem(pem, &s->pck);
	tdx_lab_pem(pem, &s->ca);
	tdx_lab_pem(pem, &s->root);
	if (s->after_pem) {
		memcpy(pem->bytes + pem->n, s->after_pem, strlen(s->after_pem));
		pem->n += strlen(s->after_pem);
	}
	tdx_scene_header(s);
	tdx_lab_sign(s->quote_signer, s->quote.bytes, s->quote.n, sig);
	tdx_scene_public(LAB_QUOTE, key);
	tdx_scene_bind(s, key);
	tdx_lab_sign(s->qe_report_signer, s->qe_report, sizeof(s->qe_report), qe_sig);
	qe_n = TDX_QE_REPORT_BYTES + 64 + 2 + s->auth_n + 6 + pem->n;
	tdx_scene_le(s, 64 + 64 + 6 + qe_n, 4);
	tdx_scene_put(s, sig, 64);
	tdx_scene_put(s, key, 64);
	tdx_scene_le(s, 6, 2);
	tdx_scene_le(s, qe_n, 4);
	tdx_scene_put(s, s->qe_report, sizeof(s->qe_report));
	tdx_scene_put(s, qe_sig, 64);
	tdx_scene_le(s, s->auth_n, 2);
	tdx_scene_put(s, s->auth, s->auth_n);
	tdx_scene_le(s, 5, 2);
	tdx_scene_le(s, pem->n, 4);
	tdx_scene_put(s, pem->bytes, pem->n);
	free(pem);
}

static inline void tdx_scene_trust(struct tdx_scene *s)
{
	uint8_t *der = NULL, digest[SHA256_BYTES];
	int n = i2d_X509(s->root.x, &der);

	assert_true(sha256(bytes_of(der, n), digest));
	assert_int_equal(policy_trust_root(s->policy, digest), 0);
	OPENSSL_free(der);
}

static inline void tdx_scene_build(struct tdx_scene *s)
{
	struct tdx_lab_file *f = s->files;

	if (!s->extension_n)
		s->extension_n = tdx_lab_extension(s->extension, &s->platform);
	tdx_lab_cert(&s->root, NULL, 0);
	tdx_lab_cert(&s->ca, NULL, 0);
	tdx_lab_cert(&s->pck, s->extension, s->extension_n);
	tdx_lab_cert(&s->signer, NULL, 0);
	tdx_scene_quote(s);
	tdx_lab_document(&f[COLLATERAL_TCB_INFO], "tcbInfo", s->info, s->info_signer);
	tdx_lab_document(&f[COLLATERAL_QE_IDENTITY], "enclaveIdentity", s->qe, s->qe_signer);
	for (enum collateral i = COLLATERAL_TCB_INFO_CHAIN; i <= COLLATERAL_QE_IDENTITY_CHAIN;
	     i += COLLATERAL_QE_IDENTITY_CHAIN - COLLATERAL_TCB_INFO_CHAIN) {
		tdx_lab_pem(&f[i], &s->signer);
		tdx_lab_pem(&f[i], &s->root);
	}
	tdx_lab_crl(&f[COLLATERAL_PCK_CRL], &s->pck_crl);
	tdx_lab_crl(&f[COLLATERAL_ROOT_CRL], &s->root_crl);
	tdx_scene_trust(s);
	s->evidence.report = bytes_of(s->quote.bytes, s->quote.n);
	for (int i = 0; i < COLLATERAL_COUNT; i++)
		s->evidence.collateral[i] = bytes_of(f[i].bytes, f[i].n);
}

static inline enum reason tdx_scene_judge(struct tdx_scene *s)
{
	claims_free(&s->claims);
	return appraise(s->policy, &s->evidence, &s->claims);
}

static inline void tdx_scene_end(struct tdx_scene *s)
{
	struct tdx_lab_cert *const certs[] = { &s->pck, &s->ca, &s->root, &s->signer };

	for (int i = 0; i < 4; i++)
		X509_free(certs[i]->x);
	json_decref(s->info);
	json_decref(s->qe);
	claims_free(&s->claims);
	policy_free(s->policy);
}

/* One row of a table: what is changed before and after building, and the verdict then. */
struct tdx_row {
	const char *what;
	void (*before)(struct tdx_scene *s);
	void (*after)(struct tdx_scene *s);
	enum reason want;
};

static inline void run_tdx_rows(const struct tdx_row *rows, size_t count)
{
	struct tdx_scene *s = malloc(sizeof(*s));
	enum reason reason;

	for (size_t i = 0; i < count; i++) {
		tdx_scene_begin(s);
		if (rows[i].before)
			rows[i].before(s);
		tdx_scene_build(s);
		if (rows[i].after)
			rows[i].after(s);
		reason = tdx_scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		assert_true(reason == REASON_OK || s->claims.detail[0]);
		assert_int_equal(reason == REASON_OK, s->claims.class_mask != 0);
		tdx_scene_end(s);
	}
	free(s);
}

#endif
