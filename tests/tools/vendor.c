// SPDX-License-Identifier: BSD-2-Clause
/*
 * vendor DIRECTORY PORT: vendor_double.h as a program, on loopback until it is ended.
 * vendor --escape FILE: a PEM file as it stands in an issuer chain's header.
 */
#include "tools/vendor_double.h"

static int escape(const char *path)
{
	FILE *f = fopen(path, "re");
	int c;

	if (!f) {
		perror(path);
		return 2;
	}
	while ((c = fgetc(f)) != EOF)
		printf(isalnum(c) || strchr("-._~", c) ? "%c" : "%%%02X", c);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	uint16_t port;

	if (argc != 3) {
		fputs("usage: vendor DIRECTORY PORT | vendor --escape FILE\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--escape"))
		return escape(argv[2]);
	port = atoi(argv[2]);
	double_serve(double_listen(&port), argv[1]);
}
