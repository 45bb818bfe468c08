// SPDX-License-Identifier: BSD-2-Clause
/* A host's certificate table of any bytes: every entry that comes out lies inside it. */
#include <stdlib.h>

#include "verifier/snp_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct claims c = { 0 };
	struct snp_table t;

	snp_table_looks_like(bytes_of(data, size));
	if (snp_table_parse(bytes_of(data, size), &t, &c))
		return 0;
	for (int i = 0; i < SNP_ENTRIES; i++)
		if (t.entry[i].n && (t.entry[i].p < data || t.entry[i].n > size ||
				     t.entry[i].p + t.entry[i].n > data + size))
			abort();
	return 0;
}
