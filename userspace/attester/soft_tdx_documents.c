// SPDX-License-Identifier: BSD-2-Clause
/* What a lab's PCS publishes of TCBs: TCB info and QE identity, as Intel's API version 4 has them.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attester/pki.h"
#include "attester/soft_tdx.h"

enum {
	COMPONENTS = 16,
	TIME_TEXT_MAX = 24,
	HEX_MAX = 97,
	VALID_DAYS = 30, /* as Intel's */
	MODULE_SVN = 5,
	LOADER_SVN = 4,
	QE_SVN = 4,
	DOCUMENT_MAX = 16384,
};

#define ZERO_8	"0000000000000000"
#define ZERO_48 ZERO_8 ZERO_8 ZERO_8 ZERO_8 ZERO_8 ZERO_8
static const char good_date[] = "2025-05-14T00:00:00Z", old_date[] = "2023-08-09T00:00:00Z";

static const char *time_of(int64_t at, char out[TIME_TEXT_MAX])
{
	time_t t = at;
	struct tm tm;

	strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return out;
}

static const char *hex_of(const uint8_t *p, size_t n, char out[HEX_MAX])
{
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, "%02X", p[i]);
	return out;
}

/* At this level, or the last resort below it: everything zero. */
static json_t *platform_level(bool good)
{
	static const uint8_t tdx[COMPONENTS] = { MODULE_SVN, 1, LOADER_SVN };
	json_t *s = json_array(), *t = json_array();

	for (int i = 0; i < COMPONENTS; i++) {
		json_array_append_new(s, json_pack("{s:i}", "svn", good ? soft_components[i] : 0));
		json_array_append_new(t, json_pack("{s:i}", "svn", good ? tdx[i] : 0));
	}
	return json_pack("{s:{s:o,s:i,s:o},s:s,s:s,s:[s]}", "tcb", "sgxtcbcomponents", s, "pcesvn",
			 good ? SOFT_PCESVN : 0, "tdxtcbcomponents", t, "tcbDate",
			 good ? good_date : old_date, "tcbStatus", good ? "UpToDate" : "OutOfDate",
			 "advisoryIDs", good ? "INTEL-SA-01111" : "INTEL-SA-00837");
}

static json_t *svn_level(int svn, bool good)
{
	return json_pack("{s:{s:i},s:s,s:s}", "tcb", "isvsvn", svn, "tcbDate",
			 good ? good_date : old_date, "tcbStatus", good ? "UpToDate" : "OutOfDate");
}

static json_t *levels_from(int svn)
{
	return json_pack("[o,o]", svn_level(svn, true), svn_level(1, false));
}

static json_t *tcb_info(const struct soft_tdx_options *o)
{
	char issued[TIME_TEXT_MAX], next[TIME_TEXT_MAX], fmspc[HEX_MAX];

	return json_pack(
		"{s:s,s:i,s:s,s:s,s:s,s:s,s:i,s:I,s:{s:s,s:s,s:s},s:[{s:s,s:s,s:s,s:s,s:o}]"
		",s:[o,o]}",
		"id", "TDX", "version", 3, "issueDate", time_of(o->now, issued), "nextUpdate",
		time_of(o->now + VALID_DAYS * PKI_DAY_S, next), "fmspc",
		hex_of(soft_fmspc, SOFT_FMSPC_BYTES, fmspc), "pceId", "0000", "tcbType", 0,
		"tcbEvaluationDataNumber", (json_int_t)o->evaluation, "tdxModule", "mrsigner",
		ZERO_48, "attributes", ZERO_8, "attributesMask", "FFFFFFFFFFFFFFFF",
		"tdxModuleIdentities", "id", "TDX_01", "mrsigner", ZERO_48, "attributes", ZERO_8,
		"attributesMask", "FFFFFFFFFFFFFFFF", "tcbLevels", levels_from(MODULE_SVN),
		"tcbLevels", platform_level(true), platform_level(false));
}

static json_t *qe_identity(const struct soft_tdx_options *o)
{
	char issued[TIME_TEXT_MAX], next[TIME_TEXT_MAX], signer[HEX_MAX];
	uint8_t mrsigner[32];

	if (!soft_qe_mrsigner(mrsigner))
		return NULL;
	return json_pack("{s:s,s:i,s:s,s:s,s:I,s:s,s:s,s:s,s:s,s:s,s:i,s:o}", "id", "TD_QE",
			 "version", 2, "issueDate", time_of(o->now, issued), "nextUpdate",
			 time_of(o->now + VALID_DAYS * PKI_DAY_S, next), "tcbEvaluationDataNumber",
			 (json_int_t)o->evaluation, "miscselect", "00000000", "miscselectMask",
			 "FFFFFFFF", "attributes", "11000000000000000000000000000000",
			 "attributesMask", "FBFFFFFFFFFFFFFF0000000000000000", "mrsigner",
			 hex_of(mrsigner, sizeof(mrsigner), signer), "isvprodid", SOFT_QE_PRODUCT,
			 "tcbLevels", levels_from(QE_SVN));
}

/* {"MEMBER":BODY,"signature":"…"}, the signature over BODY as it stands there.  Frees body. */
static int write_document(const char *directory, const char *name, const char *member, json_t *body,
			  EVP_PKEY *signer, char why[WHY_MAX])
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	char all[DOCUMENT_MAX], digits[2 * SOFT_SIGNATURE_BYTES + 1];
	uint8_t signature[SOFT_SIGNATURE_BYTES];
	int n, err;

	json_decref(body);
	if (!text || !soft_sign_p256(signer, bytes_of(text, strlen(text)), signature)) {
		err = pki_error(why, name);
	} else {
		for (int i = 0; i < SOFT_SIGNATURE_BYTES; i++)
			sprintf(digits + 2 * i, "%02x", signature[i]);
		n = snprintf(all, sizeof(all), "{\"%s\":%s,\"signature\":\"%s\"}", member, text,
			     digits);
		err = pki_write(directory, name, bytes_of(all, n), 0644, why);
	}
	free(text);
	return err;
}

int soft_tdx_documents(const char *directory, EVP_PKEY *signer, const struct soft_tdx_options *o,
		       char why[WHY_MAX])
{
	int err = write_document(directory, "tcb_info.json", "tcbInfo", tcb_info(o), signer, why);

	if (!err)
		err = write_document(directory, "qe_identity.json", "enclaveIdentity",
				     qe_identity(o), signer, why);
	return err;
}
