// SPDX-License-Identifier: BSD-2-Clause
/* Any text as fairlead.yaml: what is accepted prints, and what is printed is accepted. */
#include "daemon/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *errors = NULL, *text = NULL;
	size_t errors_size, n;
	FILE *f = open_memstream(&errors, &errors_size);
	struct config *c = config_parse("fuzz", (const char *)data, size, f), *again;
	FILE *out = open_memstream(&text, &n);

	if (!c && fflush(f) == 0 && errors_size == 0)
		abort(); /* refused, and not a word why */
	if (c) {
		config_print(c, out);
		fflush(out);
		again = config_parse("printed", text, n, stderr);
		if (!again)
			abort();
		config_free(again);
	}
	fclose(out);
	fclose(f);
	config_free(c);
	free(text);
	free(errors);
	return 0;
}
