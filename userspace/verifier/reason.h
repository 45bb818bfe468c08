/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why evidence was accepted or not: one reason each, its text part of our interface
 * (JSON, metrics, audit lines), so texts are never changed and numbers only appended.
 */
#ifndef REASON_H
#define REASON_H

enum reason {
	REASON_OK, /* "ok" */

	/* Could not tell: collateral is missing or stale, not wrong. */
	REASON_NO_LEAF,	    /* "unverifiable-no-leaf" */
	REASON_NO_CHAIN,    /* "unverifiable-no-chain": no CA certificate came along */
	REASON_CRL_STALE,   /* "bad-crl": past nextUpdate, or not yet valid */
	REASON_CRL_MISSING, /* "unverifiable-no-crl": policy wants one */

	/* Refused. */
	REASON_FORMAT,		    /* "bad-format": cannot be taken apart */
	REASON_LENGTH,		    /* "bad-length" */
	REASON_VERSION,		    /* "bad-version" */
	REASON_SIGNATURE_ALGORITHM, /* "bad-signature-algorithm" */
	REASON_RESERVED,	    /* "bad-reserved-nonzero" */
	REASON_SIGNING_KEY,	    /* "bad-signing-key" */
	REASON_CERT_TABLE,	    /* "bad-cert-table" */
	REASON_CERT_LEAF,	    /* "bad-cert-leaf" */
	REASON_CERT_CHAIN,	    /* "bad-cert-chain" */
	REASON_CERT_SIGNATURE,	    /* "bad-cert-signature" */
	REASON_CERT_EXPIRED,	    /* "bad-cert-expired" */
	REASON_CERT_NOT_YET_VALID,  /* "bad-cert-not-yet-valid" */
	REASON_UNTRUSTED_ROOT,	    /* "bad-untrusted-root" */
	REASON_CRL,		    /* "bad-crl": wrong signer, unreadable */
	REASON_REVOKED,		    /* "bad-revoked" */
	REASON_REPORT_SIGNATURE,    /* "bad-report-signature" */
	REASON_LEAF_MISMATCH,	    /* "bad-leaf-mismatch": another chip's certificate */
	REASON_PRODUCT_MISMATCH,    /* "bad-product-mismatch" */
	REASON_TCB_MISMATCH,	    /* "bad-tcb-mismatch" */
	REASON_CHIP_ID_MISMATCH,    /* "bad-chip-id-mismatch" */
	REASON_TCB_ORDER,	    /* "bad-tcb-order" */
	REASON_REPORT_DATA,	    /* "bad-report-data" */
	REASON_VMPL,		    /* "bad-vmpl" */
	REASON_POLICY_RESERVED,	    /* "bad-policy-reserved" */
	REASON_POLICY_DEBUG,	    /* "bad-policy-debug" */
	REASON_POLICY_MIGRATION,    /* "bad-policy-migration" */
	REASON_POLICY_BITS,	    /* "bad-policy-bits": required or forbidden ones */
	REASON_PLATFORM_INFO,	    /* "bad-platform-info" */
	REASON_TEE,		    /* "bad-tee": a kind that policy does not allow */
	REASON_PRODUCT,		    /* "bad-product": a line that policy does not allow */
	REASON_KEY_KIND,	    /* "bad-key-kind": VCEK or VLEK not allowed */
	REASON_TCB_TOO_OLD,	    /* "bad-tcb-too-old" */
	REASON_FIRMWARE_TOO_OLD,    /* "bad-firmware-too-old" */
	REASON_MITIGATION,	    /* "bad-mitigation-vector" */
	REASON_MEASUREMENT,	    /* "bad-measurement" */
	REASON_HOST_DATA,	    /* "bad-host-data" */
	REASON_ID_KEY,		    /* "bad-id-key" */
	REASON_AUTHOR_KEY,	    /* "bad-author-key" */
	REASON_GUEST_SVN,	    /* "bad-guest-svn" */
	REASON_FAMILY_ID,	    /* "bad-family-id" */
	REASON_IMAGE_ID,	    /* "bad-image-id" */
	REASON_CHIP_NOT_PINNED,	    /* "bad-chip-id": not in the list of pins */
	REASON_CSP_ID,		    /* "bad-csp-id" */
	REASON_INTERNAL,	    /* "internal-error": ours, so nothing is granted */
	REASON_TIMESTAMP, /* "bad-timestamp": too old, from the future, or not its key's time */

	/* Of more platforms than one, appended. */
	REASON_COLLATERAL_MISSING,   /* "unverifiable-no-collateral": TCB info or QE identity */
	REASON_COLLATERAL_STALE,     /* "bad-collateral-expired": out of its time */
	REASON_COLLATERAL,	     /* "bad-collateral": not what it should be, or unreadable */
	REASON_COLLATERAL_SIGNATURE, /* "bad-collateral-signature" */
	REASON_QE_SIGNATURE,	     /* "bad-qe-signature": its report, or the binding of its key */
	REASON_QE_IDENTITY,	     /* "bad-qe-identity": not the vendor's quoting enclave */
	REASON_TDX_MODULE,	     /* "bad-tdx-module" */
	REASON_TCB_UNSUPPORTED,	     /* "bad-tcb-unsupported": below every level, or of none */
	REASON_TCB_OUT_OF_DATE,	     /* "bad-tcb-outofdate" */
	REASON_TCB_REVOKED,	     /* "bad-tcb-revoked" */
	REASON_TCB_SW_HARDENING,     /* "bad-tcb-swhardeningneeded" */
	REASON_TCB_CONFIGURATION,    /* "bad-tcb-configurationneeded" */
	REASON_TCB_CONFIGURATION_SW, /* "bad-tcb-configurationandswhardeningneeded" */
	REASON_TCB_RELAUNCH,	     /* "bad-tcb-relaunch" */
	REASON_TCB_EVALUATION,	     /* "bad-tcb-evaluation": below the number that policy wants */
	REASON_ADVISORY,	     /* "bad-advisory": an open one that policy does not accept */
	REASON_XFAM,		     /* "bad-xfam" */
	REASON_RTMR,		     /* "bad-rtmr" */
	REASON_MRCONFIGID,	     /* "bad-mrconfigid" */
	REASON_MROWNER,		     /* "bad-mrowner" */
	REASON_MROWNERCONFIG,	     /* "bad-mrownerconfig" */
	REASON_MRSEAM,		     /* "bad-mrseam": the module's measurement or signer */
	REASON_SERVICE_TD,	     /* "bad-service-td" */
	REASON_FMSPC,		     /* "bad-fmspc": a platform line that policy does not allow */
	REASON_PLATFORM_CONFIGURATION, /* "bad-platform-configuration": SMT, cached keys */
	REASON_COUNT
};

/* What a caller does with it; the numbers are the exit status of `fairlead verify`. */
enum verdict {
	VERDICT_ACCEPTED = 0,
	VERDICT_REFUSED = 1,
	VERDICT_ERROR = 2,	  /* REASON_INTERNAL */
	VERDICT_UNDETERMINED = 3, /* collateral unavailable: neither yes nor no */
};

const char *reason_str(enum reason r);
enum verdict reason_verdict(enum reason r);

#endif
