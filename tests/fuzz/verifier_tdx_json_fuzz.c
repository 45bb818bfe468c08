// SPDX-License-Identifier: BSD-2-Clause
/*
 * Collateral of any bytes, as if it were signed: the envelope, TCB info, QE identity; and what is
 * understood is good enough to evaluate any platform by.
 */
#include <stdlib.h>

#include "verifier/tdx.h"

static void evaluate(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe)
{
	static const uint8_t svn[TDX_SVN_BYTES] = { 7, 1, 4 }, zero[TDX_DIGEST_BYTES];
	struct tdx_quote q = { .qe = { .isvsvn = 6, .attributes = zero, .mrsigner = zero } };
	struct tdx_pck pck = { .pcesvn = 13 };
	struct claims why = { 0 };
	struct tdx_tcb tcb;

	q.body.tcb_svn = svn;
	q.body.tcb_svn2 = svn;
	q.body.is_15 = true;
	q.body.mrsignerseam = zero;
	memset(pck.components, 3, sizeof(pck.components));
	tdx_qe_check(qe, &q.qe, &why);
	if (!tdx_tcb_evaluate(info, qe, &pck, &q, &tcb, &why) && tcb.status >= TDX_STATUSES)
		abort();
	json_decref(tcb.advisories);
}

static void read_both(struct bytes info_body, struct bytes qe_body)
{
	static struct tdx_tcb_info info;
	static struct tdx_qe_identity qe;
	const char *wrong = NULL;
	bool has_info, has_qe;

	has_info = tdx_tcb_info_read(info_body, &info, &wrong);
	if (!has_info && !wrong)
		abort();
	has_qe = tdx_qe_identity_read(qe_body, &qe, &wrong);
	if (has_info && (info.levels_count == 0 || info.levels_count > TDX_LEVELS_MAX))
		abort();
	if (has_info && has_qe)
		evaluate(&info, &qe);
	else if (has_info)
		evaluate(&info, &(struct tdx_qe_identity){ .levels.count = 1 });
	if (has_info)
		tdx_document_free(&info.document);
	if (has_qe)
		tdx_document_free(&qe.document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size);
	struct tdx_signed info, qe;

	read_both(all, all);
	if (tdx_json_open(all, "tcbInfo", &info))
		read_both(info.body, info.body);
	if (tdx_json_open(all, "enclaveIdentity", &qe))
		read_both(qe.body, qe.body);
	return 0;
}
