// SPDX-License-Identifier: BSD-2-Clause
/* The SGX extension of a PCK, of any bytes. */
#include <stdlib.h>

#include "verifier/tdx_pck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tdx_pck p;

	if (tdx_pck_parse(bytes_of(data, size), &p) &&
	    (p.sgx_type > 2 || p.dynamic > TDX_FLAG_YES || p.smt > TDX_FLAG_YES))
		abort();
	return 0;
}
