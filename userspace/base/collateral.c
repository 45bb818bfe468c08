// SPDX-License-Identifier: BSD-2-Clause
#include "base/collateral.h"

#include <stddef.h>

const char *collateral_file(enum collateral kind)
{
	static const char *const names[COLLATERAL_COUNT] = {
		[COLLATERAL_CRL] = "crl.der",
		[COLLATERAL_TCB_INFO] = "tcb_info.json",
		[COLLATERAL_TCB_INFO_CHAIN] = "tcb_info_issuer_chain.pem",
		[COLLATERAL_QE_IDENTITY] = "qe_identity.json",
		[COLLATERAL_QE_IDENTITY_CHAIN] = "qe_identity_issuer_chain.pem",
		[COLLATERAL_PCK_CRL] = "pck_crl.der",
		[COLLATERAL_PCK_CRL_CHAIN] = "pck_crl_issuer_chain.pem",
		[COLLATERAL_ROOT_CRL] = "root_ca_crl.der",
	};

	return (unsigned int)kind < COLLATERAL_COUNT ? names[kind] : NULL;
}
