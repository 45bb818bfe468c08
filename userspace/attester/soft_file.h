/* SPDX-License-Identifier: BSD-2-Clause */
/* What the lab's software attesters have in common: a flat file that says what evidence says. */
#ifndef SOFT_FILE_H
#define SOFT_FILE_H

#include "attester/source.h"
#include "base/conf.h"

/*
 * Walks what y holds along table into *out, of size bytes and not changed by a mistake.  Frees y.
 * 0 or -errno and why[].
 */
int soft_file_take(struct conf *y, const struct conf_key *table, size_t count, void *out,
		   size_t size, char why[WHY_MAX]);
/* Changes one field by its name in the file. */
int soft_file_set(const char *field, const char *value, const struct conf_key *table, size_t count,
		  void *out, size_t size, char why[WHY_MAX]);

/*
 * Tries one quote, since a directory that lacks something is better known now than at the first
 * peer, and says what such evidence is worth.  0 or -errno and why[].
 */
int soft_begin(const struct source_ops *ops, void *source, const char *directory,
	       char why[WHY_MAX]);

#endif
