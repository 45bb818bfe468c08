/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The directory in which pieces are kept: files named after the SHA-256 of what is in them, and
 * an index that says what is what.  Written by renaming, so that whoever reads finds the old or
 * the new; a file that does not fit its name is dropped with a word.  All of it is in memory
 * too, so a look costs no disk.
 */
#ifndef COLLATERAL_STORE_H
#define COLLATERAL_STORE_H

#include "collateral/collateral.h"

enum {
	STORE_ENTRIES_MAX = 4096,
	STORE_BYTES_MAX = 32 << 20, /* of all pieces; certificates go first, and what is older */
};

struct stored_piece {
	struct piece piece;
	int64_t fetched; /* Unix seconds */
	uint64_t serial; /* another for each that comes, from 1; while the store is open */
	bool proven;	 /* store_prove() */
	bool doubted;	 /* store_doubt(), and no other has come since */
};

struct store;

/*
 * Opens dir, which is made (0755) when create says so.  0 or -errno, with why.  An index that
 * cannot be read is said, and counts as empty.
 */
int store_open(const char *dir, bool create, struct store **out, char why[COLLATERAL_WHY_MAX]);
void store_close(struct store *s); /* takes NULL */

/* NULL: none.  Good until the store is changed. */
const struct stored_piece *store_find(const struct store *s, const struct want *w);
size_t store_count(const struct store *s);
const struct stored_piece *store_at(const struct store *s, size_t i); /* in order of names */

/*
 * Keeps a copy of p in place of what was under its name.  1: it is another than before; 0: the
 * same, now younger; -ESTALE: what is kept was issued later, and is not doubted, or is a list that
 * is proven; -EKEYREJECTED: of a TCB evaluation below the floor; or -errno, with why.
 */
int store_put(struct store *s, const struct piece *p, int64_t now, char why[COLLATERAL_WHY_MAX]);
/*
 * An appraisal has rested on that piece, of that TCB evaluation: from now on, and for whoever opens
 * the directory later, none of a lower one is kept or found.  0 or -errno, with why.
 */
int store_raise_floor(struct store *s, const struct want *w, uint64_t evaluation,
		      char why[COLLATERAL_WHY_MAX]);
uint64_t store_floor(const struct store *s, const struct want *w); /* 0: none */
int store_drop(struct store *s, const struct want *w, char why[COLLATERAL_WHY_MAX]);
/* It may be wrong: until another is put, that one may have been issued earlier, too. */
void store_doubt(struct store *s, const struct want *w);
/*
 * An appraisal has verified the piece of that serial, and accepted.  Of lists and documents the
 * last one that was proven is then at hand, as store_proven(), until what came after it is proven
 * too: whoever answers for a vendor can put rubbish in its place, but not take it away.
 */
void store_prove(struct store *s, const struct want *w, uint64_t serial);
/* NULL: none, or it is what store_find() finds. */
const struct stored_piece *store_proven(const struct store *s, const struct want *w);

/* Reads again what another process has written since.  True: there was something. */
bool store_refresh(struct store *s);

/* A line of the index. */
struct index_line {
	struct want want;
	uint8_t digest[32], chain_digest[32];
	uint64_t n, chain_n; /* bytes; chain_n 0: none */
	int64_t issued, expires, fetched;
	uint64_t evaluation; /* 0 also in lines of before it was kept */
};

/*
 * Takes the next line off *in, which begins behind the first line of the file.  1, 0: no more,
 * -EBADMSG.
 */
int index_next(struct bytes *in, struct index_line *out);
/* The first line.  False: it is another file. */
bool index_begin(struct bytes *in);

#endif
