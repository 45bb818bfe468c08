// SPDX-License-Identifier: BSD-2-Clause
/* What Azure's paravisor wraps around a report, its claims, and a virtual TPM's quote. */
#include "verifier/azure_hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct claims c = { 0 };
	struct azure_claims a;
	struct azure_quote q;
	struct azure_hcl h;

	if (azure_hcl_parse(bytes_of(p, n), &h, &c) == REASON_OK) {
		azure_claims_read(h.claims, &a, &c);
		azure_quote_verify(&a, h.attest, h.signature);
		azure_claims_free(&a);
		azure_quote_parse(h.attest, &q, &c);
	}
	/* Each by itself too: a frame that fits is hard to come by. */
	azure_claims_read(bytes_of(p, n), &a, &c);
	azure_claims_free(&a);
	azure_quote_parse(bytes_of(p, n), &q, &c);
	return 0;
}
