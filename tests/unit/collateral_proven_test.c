// SPDX-License-Identifier: BSD-2-Clause
/* What an appraisal has rested on, and what comes in its place: rubbish displaces nothing. */
#include "unit/collateral_kit.h"

#define TCB "intel/tcb-info/" KIT_FMSPC

enum { NOW = LAB_NOW };

static char why[COLLATERAL_WHY_MAX];

static int put(struct store *s, const char *name)
{
	struct piece p = kit_piece(name);

	return store_put(s, &p, NOW, why);
}

static void prove(struct store *s, const struct want *w)
{
	store_prove(s, w, store_find(s, w)->serial);
}

/* What has carried an acceptance stays at hand until what comes after it has carried one, too. */
static void test_proven(void **state)
{
	struct store *s = kit_open_store();
	struct piece good = kit_piece(TCB), rubbish = kit_piece(TCB);
	uint64_t first;

	(void)state;
	assert_int_equal(put(s, TCB), 1);
	first = store_find(s, &good.want)->serial;
	rubbish.body = kit_text("rubbish");
	rubbish.issued = LAB_TO;
	for (int proven = 0; proven < 2; proven++) {
		if (proven)
			prove(s, &good.want);
		assert_null(store_proven(s, &good.want)); /* it is what is found */
		assert_int_equal(store_put(s, &rubbish, NOW, why), 1);
		assert_true(bytes_equal(store_find(s, &good.want)->piece.body, rubbish.body));
		assert_int_equal(store_proven(s, &good.want) != NULL, proven);
		store_doubt(s, &good.want);
		if (!proven)
			assert_int_equal(put(s, TCB), 1);
	}
	for (int i = 0; i < 3; i++) { /* whatever comes then */
		rubbish.issued++;
		rubbish.body.n--;
		assert_int_equal(store_put(s, &rubbish, NOW, why), 1);
		store_prove(s, &good.want, first); /* an acceptance by what is no longer there */
		assert_true(bytes_equal(store_proven(s, &good.want)->piece.body, good.body));
		assert_true(bytes_equal(store_proven(s, &good.want)->piece.chain, good.chain));
	}
	store_doubt(s, &good.want);
	assert_int_equal(put(s, TCB), 1);
	prove(s, &good.want);
	assert_null(store_proven(s, &good.want));
	store_close(s);
}

/* Certificates are as many as there are chips; what is wrong of them is dropped. */
static void test_certificates_are_not_proven(void **state)
{
	struct store *s = kit_open_store();
	struct piece p = kit_piece(KIT_VCEK);

	(void)state;
	assert_int_equal(put(s, KIT_VCEK), 1);
	prove(s, &p.want);
	p.body = kit_text("rubbish");
	assert_int_equal(store_put(s, &p, NOW, why), 1);
	assert_null(store_proven(s, &p.want));
	store_close(s);
}

/*
 * Doubt does not bring back a list of before somebody was revoked: neither in place of the one that
 * was proven, nor in place of rubbish behind it.
 */
static void test_lists_do_not_go_back(void **state)
{
	struct store *s = kit_open_store();
	struct piece list = kit_piece("intel/root-crl"), rubbish = list, old = list;

	(void)state;
	old.body = kit_text("an earlier one");
	old.issued = LAB_FROM - 1;
	rubbish.body = kit_text("rubbish");
	rubbish.issued = LAB_TO;
	assert_int_equal(put(s, "intel/root-crl"), 1);
	prove(s, &list.want);
	store_doubt(s, &list.want);
	assert_int_equal(store_put(s, &old, NOW, why), -ESTALE);
	assert_int_equal(store_put(s, &rubbish, NOW, why), 1);
	store_doubt(s, &list.want);
	assert_int_equal(store_put(s, &old, NOW, why), -ESTALE);
	assert_int_equal(put(s, "intel/root-crl"), 1);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_proven, kit_open_dir, kit_close_dir),
		cmocka_unit_test_setup_teardown(test_certificates_are_not_proven, kit_open_dir,
						kit_close_dir),
		cmocka_unit_test_setup_teardown(test_lists_do_not_go_back, kit_open_dir,
						kit_close_dir),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
