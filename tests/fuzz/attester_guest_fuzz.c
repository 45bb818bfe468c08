// SPDX-License-Identifier: BSD-2-Clause
/* guest.yaml: what is read can be written, read again, and makes the same report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attester/soft.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t data[REPORT_DATA_BYTES];
	uint8_t before[SNP_REPORT_BYTES], after[SNP_REPORT_BYTES];
	struct soft_guest g, back;
	char why[WHY_MAX], *text = NULL;
	size_t length = 0;
	FILE *f;

	if (soft_guest_parse("fuzz", (const char *)p, n, &g, why))
		return 0;
	f = open_memstream(&text, &length);
	if (!f)
		return 0;
	soft_guest_print(&g, f);
	fclose(f);
	if (soft_guest_parse("again", text, length, &back, why))
		abort();
	soft_report_build(&g, data, before);
	soft_report_build(&back, data, after);
	if (memcmp(before, after, sizeof(before)))
		abort();
	free(text);
	return 0;
}
