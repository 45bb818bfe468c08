/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificates of a quote: Intel's provisioning certification key (PCK), the authority that
 * issued it, the root; and what the PCK's SGX extension says about its platform (Intel SGX PCK
 * Certificate and CRL Profile, arc 1.2.840.113741.1.13.1).
 */
#ifndef TDX_PCK_H
#define TDX_PCK_H

#include "verifier/policy_lists.h"
#include "verifier/tdx_quote.h"
#include "verifier/x509.h"

enum {
	TDX_COMPONENTS = 16,
	TDX_FMSPC_BYTES = 6,
	TDX_PCEID_BYTES = 2,
	TDX_PLATFORM_ID_BYTES = 16, /* of a PPID and of a platform instance id */
};

enum tdx_flag { TDX_FLAG_UNKNOWN, TDX_FLAG_NO, TDX_FLAG_YES };

struct tdx_pck {
	uint8_t ppid[TDX_PLATFORM_ID_BYTES], instance[TDX_PLATFORM_ID_BYTES];
	bool has_instance; /* those of the Platform CA */
	uint8_t components[TDX_COMPONENTS];
	uint16_t pcesvn;
	uint8_t cpusvn[TDX_SVN_BYTES], pceid[TDX_PCEID_BYTES], fmspc[TDX_FMSPC_BYTES];
	uint8_t sgx_type;
	enum tdx_flag dynamic, cached_keys, smt;
};

struct tdx_chain {
	struct cert_pile pile;
	const struct cert *leaf, *intermediate, *root; /* NULL until they are known to be those */
	bool root_is_intel;			       /* pinned by us, not by policy */
	bool root_by_bytes; /* trusted whole, not by its key alone */
};

/* Exactly three, PCK first; the root is Intel's or the policy's; names as Intel gives them. */
enum reason tdx_chain_read(struct bytes pem, const struct root_list *more, struct tdx_chain *c,
			   struct claims *out);
void tdx_chain_free(struct tdx_chain *c);
enum reason tdx_chain_verify(const struct tdx_chain *c, int64_t at, struct claims *out);

/* The extension of c->leaf, all of it. */
enum reason tdx_pck_read(const struct cert *leaf, struct tdx_pck *out, struct claims *why);
/* The same of the extension's content. */
bool tdx_pck_parse(struct bytes der, struct tdx_pck *out);

#endif
