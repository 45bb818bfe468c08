/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of scenes: each row has one thing changed and the verdict that this must have. */
#ifndef VERIFIER_ROWS_H
#define VERIFIER_ROWS_H

#include "unit/verifier_lab.h"

/* One row of a table: what is changed before and after building, and the verdict then. */
struct row {
	const char *what;
	enum snp_product product;
	enum snp_key kind;
	void (*before)(struct scene *s);
	void (*after)(struct scene *s);
	enum reason want;
};

static inline void run_rows(const struct row *rows, size_t count)
{
	struct scene *s = malloc(sizeof(*s));
	enum reason reason;

	for (size_t i = 0; i < count; i++) {
		scene_begin(s, rows[i].product ? rows[i].product : SNP_MILAN, rows[i].kind);
		if (rows[i].before)
			rows[i].before(s);
		scene_build(s);
		if (rows[i].after)
			rows[i].after(s);
		reason = scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		assert_true(reason == REASON_OK || s->claims.detail[0]);
		assert_int_equal(reason == REASON_OK, s->claims.class_mask != 0);
		scene_end(s);
	}
	free(s);
}

static inline void poke(struct scene *s, size_t at, uint8_t v)
{
	s->report[at] = v;
}

/* A row whose report differs in a byte or three, and is signed so. */
struct poke_row {
	const char *what;
	enum snp_product product;
	enum snp_key kind;
	enum reason want;
	struct {
		uint16_t at; /* with value 0 at 0 the list ends */
		uint8_t v;
	} bytes[3];
};

static inline void run_pokes(const struct poke_row *rows, size_t count)
{
	struct scene *s = malloc(sizeof(*s));
	enum reason reason;

	for (size_t i = 0; i < count; i++) {
		scene_begin(s, rows[i].product ? rows[i].product : SNP_MILAN, rows[i].kind);
		for (int k = 0; k < 3 && (rows[i].bytes[k].at || rows[i].bytes[k].v); k++)
			poke(s, rows[i].bytes[k].at, rows[i].bytes[k].v);
		scene_build(s);
		reason = scene_judge(s);
		if (reason != rows[i].want)
			fail_msg("%s: want %s, got %s: %s", rows[i].what, reason_str(rows[i].want),
				 reason_str(reason), s->claims.detail);
		scene_end(s);
	}
	free(s);
}

#endif
