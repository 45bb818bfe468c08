/* SPDX-License-Identifier: BSD-2-Clause */
/* How the commands of `fairlead lab` read their words and say what came of them. */
#ifndef LAB_WORDS_H
#define LAB_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/messages.h"

enum {
	LAB_FIELDS_MAX = 16, /* of an enclave or a TD, in one call */
};

/* The words of a command, read once from left to right. */
struct words {
	int argc, at;
	char **argv;
};

const char *lab_next(struct words *w); /* NULL: no more */
/* Whether option is --name; then *value is the word after it, or NULL and a complaint. */
bool lab_takes_value(struct words *w, const char *option, const char *name, const char **value);

/* Each says it, and is the command's status. */
int lab_failed(const char *what, const char *why);
int lab_unknown(const char *option);
void lab_print_root(const uint8_t sha256[32]);

/* What an enclave and a TD are changed by, in one call; fields and values stand side by side. */
struct lab_changes {
	const char *root; /* issue from there; NULL: it has its certificates */
	bool debug;
	const char *fields[LAB_FIELDS_MAX], *values[LAB_FIELDS_MAX];
	size_t count;
};

/* What is made or changed in a directory now.  0, or -errno and why[]. */
typedef int (*lab_maker)(const char *directory, const struct lab_changes *c, int64_t now,
			 char why[WHY_MAX]);

/* `lab enclave` and `lab td`: a directory, then changes. */
int lab_change(struct words *w, lab_maker make);

#endif
