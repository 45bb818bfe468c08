// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/reason.h"

static const char *const names[REASON_COUNT] = {
	[REASON_OK] = "ok",
	[REASON_NO_LEAF] = "unverifiable-no-leaf",
	[REASON_NO_CHAIN] = "unverifiable-no-chain",
	[REASON_CRL_STALE] = "bad-crl",
	[REASON_CRL_MISSING] = "unverifiable-no-crl",
	[REASON_FORMAT] = "bad-format",
	[REASON_LENGTH] = "bad-length",
	[REASON_VERSION] = "bad-version",
	[REASON_SIGNATURE_ALGORITHM] = "bad-signature-algorithm",
	[REASON_RESERVED] = "bad-reserved-nonzero",
	[REASON_SIGNING_KEY] = "bad-signing-key",
	[REASON_CERT_TABLE] = "bad-cert-table",
	[REASON_CERT_LEAF] = "bad-cert-leaf",
	[REASON_CERT_CHAIN] = "bad-cert-chain",
	[REASON_CERT_SIGNATURE] = "bad-cert-signature",
	[REASON_CERT_EXPIRED] = "bad-cert-expired",
	[REASON_CERT_NOT_YET_VALID] = "bad-cert-not-yet-valid",
	[REASON_UNTRUSTED_ROOT] = "bad-untrusted-root",
	[REASON_CRL] = "bad-crl",
	[REASON_REVOKED] = "bad-revoked",
	[REASON_REPORT_SIGNATURE] = "bad-report-signature",
	[REASON_LEAF_MISMATCH] = "bad-leaf-mismatch",
	[REASON_PRODUCT_MISMATCH] = "bad-product-mismatch",
	[REASON_TCB_MISMATCH] = "bad-tcb-mismatch",
	[REASON_CHIP_ID_MISMATCH] = "bad-chip-id-mismatch",
	[REASON_TCB_ORDER] = "bad-tcb-order",
	[REASON_REPORT_DATA] = "bad-report-data",
	[REASON_VMPL] = "bad-vmpl",
	[REASON_POLICY_RESERVED] = "bad-policy-reserved",
	[REASON_POLICY_DEBUG] = "bad-policy-debug",
	[REASON_POLICY_MIGRATION] = "bad-policy-migration",
	[REASON_POLICY_BITS] = "bad-policy-bits",
	[REASON_PLATFORM_INFO] = "bad-platform-info",
	[REASON_TEE] = "bad-tee",
	[REASON_PRODUCT] = "bad-product",
	[REASON_KEY_KIND] = "bad-key-kind",
	[REASON_TCB_TOO_OLD] = "bad-tcb-too-old",
	[REASON_FIRMWARE_TOO_OLD] = "bad-firmware-too-old",
	[REASON_MITIGATION] = "bad-mitigation-vector",
	[REASON_MEASUREMENT] = "bad-measurement",
	[REASON_HOST_DATA] = "bad-host-data",
	[REASON_ID_KEY] = "bad-id-key",
	[REASON_AUTHOR_KEY] = "bad-author-key",
	[REASON_GUEST_SVN] = "bad-guest-svn",
	[REASON_FAMILY_ID] = "bad-family-id",
	[REASON_IMAGE_ID] = "bad-image-id",
	[REASON_CHIP_NOT_PINNED] = "bad-chip-id",
	[REASON_CSP_ID] = "bad-csp-id",
	[REASON_INTERNAL] = "internal-error",
	[REASON_COLLATERAL_MISSING] = "unverifiable-no-collateral",
	[REASON_COLLATERAL_STALE] = "bad-collateral-expired",
	[REASON_COLLATERAL] = "bad-collateral",
	[REASON_COLLATERAL_SIGNATURE] = "bad-collateral-signature",
	[REASON_QE_SIGNATURE] = "bad-qe-signature",
	[REASON_QE_IDENTITY] = "bad-qe-identity",
	[REASON_TDX_MODULE] = "bad-tdx-module",
	[REASON_TCB_UNSUPPORTED] = "bad-tcb-unsupported",
	[REASON_TCB_OUT_OF_DATE] = "bad-tcb-outofdate",
	[REASON_TCB_REVOKED] = "bad-tcb-revoked",
	[REASON_TCB_SW_HARDENING] = "bad-tcb-swhardeningneeded",
	[REASON_TCB_CONFIGURATION] = "bad-tcb-configurationneeded",
	[REASON_TCB_CONFIGURATION_SW] = "bad-tcb-configurationandswhardeningneeded",
	[REASON_TCB_RELAUNCH] = "bad-tcb-relaunch",
	[REASON_TCB_EVALUATION] = "bad-tcb-evaluation",
	[REASON_ADVISORY] = "bad-advisory",
	[REASON_XFAM] = "bad-xfam",
	[REASON_RTMR] = "bad-rtmr",
	[REASON_MRCONFIGID] = "bad-mrconfigid",
	[REASON_MROWNER] = "bad-mrowner",
	[REASON_MROWNERCONFIG] = "bad-mrownerconfig",
	[REASON_MRSEAM] = "bad-mrseam",
	[REASON_SERVICE_TD] = "bad-service-td",
	[REASON_FMSPC] = "bad-fmspc",
	[REASON_PLATFORM_CONFIGURATION] = "bad-platform-configuration",
	[REASON_TIMESTAMP] = "bad-timestamp",
};

const char *reason_str(enum reason r)
{
	return r < REASON_COUNT && names[r] ? names[r] : names[REASON_INTERNAL];
}

enum verdict reason_verdict(enum reason r)
{
	switch (r) {
	case REASON_OK:
		return VERDICT_ACCEPTED;
	case REASON_NO_LEAF:
	case REASON_NO_CHAIN:
	case REASON_CRL_STALE:
	case REASON_CRL_MISSING:
	case REASON_COLLATERAL_MISSING:
	case REASON_COLLATERAL_STALE:
	case REASON_TCB_EVALUATION:
		return VERDICT_UNDETERMINED;
	case REASON_INTERNAL:
	case REASON_COUNT:
		return VERDICT_ERROR;
	default:
		return r < REASON_COUNT ? VERDICT_REFUSED : VERDICT_ERROR;
	}
}
