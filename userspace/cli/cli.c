// SPDX-License-Identifier: BSD-2-Clause
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_word(const char *const words[], const char *text)
{
	int found = -1;

	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], text))
			return i;
		if (text[0] && !strncmp(words[i], text, strlen(text)))
			found = found == -1 ? i : -2;
	}
	return found;
}

void cli_error(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout); /* in this order on a terminal */
	fputs("fairlead: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
