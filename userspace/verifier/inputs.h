/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command line names for an appraisal (fairlead verify, fairlead-connect), read from files.
 */
#ifndef INPUTS_H
#define INPUTS_H

#include "verifier/policy.h"

enum {
	INPUTS_ROOTS_MAX = 16,
	INPUTS_ROOT_BYTES = 32,
};

/* As it was named; the texts are the command line's. */
struct inputs_named {
	const char *certs[CERTS_MAX];
	size_t certs_count;
	const char *collateral; /* a directory; NULL: none */
	const char *policy;	/* NULL: the strict default */
	uint8_t roots[INPUTS_ROOTS_MAX][INPUTS_ROOT_BYTES];
	size_t roots_count;
};

struct blob {
	uint8_t *p;
	size_t n;
};

struct inputs {
	struct policy *policy;
	struct blob certs[CERTS_MAX], collateral[COLLATERAL_COUNT];
};

/* One more: NULL, or why not. */
const char *inputs_add_cert(struct inputs_named *named, const char *path);
const char *inputs_add_root(struct inputs_named *named, const char *sha256);
/* "sha256:" and 64 digits; what the option wants is inputs_want_sha256. */
bool inputs_sha256(const char *text, uint8_t out[INPUTS_ROOT_BYTES]);
extern const char inputs_want_sha256[];

/* False when complained about on stderr, behind the program's name; then, too, there is to free. */
bool inputs_read(const char *program, const struct inputs_named *named, struct inputs *out);
void inputs_free(struct inputs *in);

/* A file whole, which may be empty; evidence and certificates take 16 KiB, and 1 MiB is the most.
 */
bool inputs_file(const char *program, const char *path, struct blob *out);

#endif
