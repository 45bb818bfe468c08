/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a store: store.c holds it in memory and reads it, store_write.c writes it. */
#ifndef COLLATERAL_STORE_INSIDE_H
#define COLLATERAL_STORE_INSIDE_H

#include <sys/stat.h>

#include "collateral/floor.h"
#include "collateral/store.h"
#include "verifier/sig.h"

enum { FILE_NAME_MAX = 2 * SHA256_BYTES + 1 }; /* of a file in hex */

struct proven {
	struct stored_piece stored;
	uint8_t *bytes; /* as an entry's; NULL: none */
};

struct entry {
	struct stored_piece stored;
	struct index_line line;
	char name[WANT_TEXT_MAX];
	uint8_t *bytes;	      /* body, then chain */
	struct proven before; /* this one, which is not */
};

struct store {
	char dir[COLLATERAL_PATH_MAX];
	int dir_fd;
	struct stat seen; /* the index as last read or written */
	struct entry *entries;
	size_t count, bytes;
	uint64_t serial; /* of the last one that came */
	struct floors floors;
	bool unsaved; /* some of them are in no file */
};

struct entry *store_entry(const struct store *s, const char *name); /* NULL: none */
/* Keeps the order of names.  bytes: body, then chain; the entry's from here on. */
struct entry *store_insert(struct store *s, const struct index_line *line, uint8_t *bytes);
/* Out of memory, and no more: its files stay. */
void store_forget(struct store *s, struct entry *e);

/* What is in the file on top of what is known, which is never lowered.  0, or -errno. */
int store_read_floors(struct store *s);

/* Says what, and how err is called.  Returns err. */
__attribute__((format(printf, 3, 4))) int store_fail(char why[COLLATERAL_WHY_MAX], int err,
						     const char *fmt, ...);

#endif
