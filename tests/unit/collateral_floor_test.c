// SPDX-License-Identifier: BSD-2-Clause
/* The highest TCB evaluation that was believed: kept by the store, whoever opens it next. */
#include "unit/collateral_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "collateral/floor.h"
#include "collateral/store.h"

#define TCB "intel/tcb-info/" KIT_FMSPC

enum { NOW = LAB_NOW };

static char why[COLLATERAL_WHY_MAX];

static int put(struct store *s, const char *name, uint64_t evaluation, int64_t issued)
{
	struct piece p = kit_piece(name);

	p.evaluation = evaluation;
	p.issued = issued;
	return store_put(s, &p, NOW, why);
}

static void test_refused(void **state)
{
	struct want tcb = kit_want(TCB), qe = kit_want("intel/qe-identity");
	struct store *s = kit_open_store();

	(void)state;
	assert_int_equal(put(s, TCB, 17, NOW), 1);
	assert_int_equal(put(s, TCB, 16, NOW + 1), 0); /* of nobody's belief yet: younger, same */
	assert_int_equal(store_floor(s, &tcb), 0);
	assert_int_equal(store_raise_floor(s, &tcb, 17, why), 0);
	assert_int_equal(put(s, TCB, 16, NOW + 2), -EKEYREJECTED);
	assert_non_null(strstr(why, TCB));
	assert_non_null(strstr(why, "of TCB evaluation 16, and one of 17"));
	assert_int_equal(put(s, TCB, 0, NOW + 2), -EKEYREJECTED); /* that does not say */
	assert_true(put(s, TCB, 17, NOW + 3) >= 0);
	assert_true(put(s, TCB, 18, NOW + 4) >= 0);
	assert_true(put(s, "intel/qe-identity", 3, NOW) >= 0); /* each has its own */
	assert_int_equal(store_floor(s, &qe), 0);
	assert_int_equal(store_raise_floor(s, &tcb, 16, why), 0);
	assert_int_equal(store_floor(s, &tcb), 17);
	store_close(s);
}

/* It outlives the piece, the process, and what makes room. */
static void test_remembered(void **state)
{
	struct want tcb = kit_want(TCB);
	struct store *s = kit_open_store(), *other;

	(void)state;
	assert_int_equal(store_raise_floor(s, &tcb, 20, why), 0);
	assert_int_equal(store_drop(s, &tcb, why), 0);
	store_close(s);
	s = kit_open_store();
	assert_int_equal(store_floor(s, &tcb), 20);
	assert_int_equal(put(s, TCB, 19, NOW + 9), -EKEYREJECTED);
	assert_int_equal(put(s, TCB, 20, NOW + 9), 1);
	assert_int_equal(store_find(s, &tcb)->piece.evaluation, 20);
	/* One that was kept, and is below what another process has believed since. */
	other = kit_open_store();
	assert_int_equal(store_raise_floor(other, &tcb, 21, why), 0);
	store_close(other);
	store_close(s);
	s = kit_open_store();
	assert_null(store_find(s, &tcb));
	store_close(s);
}

static void write_floors(const char *text, size_t n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/floors", kit.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void assert_not_opened(int err)
{
	struct store *s = NULL;

	assert_int_equal(store_open(kit.dir, true, &s, why), err);
	assert_non_null(strstr(why, "floors"));
}

/* What cannot be read may have held anything: nobody goes on as if there were no floor. */
static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"fairlead-floors 2\n",
		"fairlead-floors 1\nintel/qe-identity 3",
		"fairlead-floors 1\nintel/qe-identity 3\nintel/tcb-info/zz 4\n",
	};
	char path[128];

	(void)state;
	store_close(kit_open_store()); /* without the file there is none yet */
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_floors(texts[i], strlen(texts[i]));
		assert_not_opened(-EBADMSG);
	}
	snprintf(path, sizeof(path), "%s/floors", kit.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_not_opened(-ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_not_opened(-EISDIR);
	assert_int_equal(rmdir(path), 0);
}

/* Of two who write, neither takes back what the other has believed. */
static void test_two_writers(void **state)
{
	struct want tcb = kit_want(TCB), qe = kit_want("intel/qe-identity");
	struct store *a = kit_open_store(), *b = kit_open_store();

	(void)state;
	assert_int_equal(store_raise_floor(a, &tcb, 21, why), 0);
	assert_int_equal(store_raise_floor(b, &qe, 5, why), 0);
	assert_int_equal(store_floor(b, &tcb), 21);
	store_close(a);
	store_close(b);
	a = kit_open_store();
	assert_int_equal(store_floor(a, &tcb), 21);
	assert_int_equal(store_floor(a, &qe), 5);
	store_close(a);
}

/* A file that is damaged while it is in use takes nothing back, and is left for whoever mends it.
 */
static void test_damaged_in_use(void **state)
{
	struct want tcb = kit_want(TCB), qe = kit_want("intel/qe-identity");
	struct store *s = kit_open_store(), *other = kit_open_store();

	(void)state;
	assert_int_equal(store_raise_floor(s, &tcb, 21, why), 0);
	write_floors("fairlead-floors 1\n", 5);
	assert_int_equal(put(other, "intel/qe-identity", 3, NOW), 1);
	assert_true(store_refresh(s));
	assert_int_equal(store_floor(s, &tcb), 21);
	assert_int_equal(put(s, TCB, 20, NOW), -EKEYREJECTED);
	assert_int_equal(store_raise_floor(s, &qe, 3, why), -EBADMSG);
	assert_int_equal(store_floor(s, &qe), 3);
	/* Once it is mended, what was believed meanwhile gets there. */
	write_floors("fairlead-floors 1\n", 18);
	assert_int_equal(store_raise_floor(s, &qe, 3, why), 0);
	store_close(s);
	store_close(other);
	s = kit_open_store();
	assert_int_equal(store_floor(s, &tcb), 21);
	assert_int_equal(store_floor(s, &qe), 3);
	store_close(s);
}

/* More kinds of platforms than there is room for: that is said. */
static void test_full(void **state)
{
	static char text[FLOORS_TEXT_MAX];
	struct floors *f = calloc(1, sizeof(*f));
	struct want line = kit_want(TCB);
	struct store *s;
	size_t n;

	(void)state;
	for (unsigned int i = 0; i < FLOORS_MAX; i++) {
		line.fmspc[4] = i >> 8;
		line.fmspc[5] = i & 0xff;
		floor_raise(f, &line, 7);
	}
	n = floors_print(f, text);
	write_floors(text, n);
	s = kit_open_store();
	assert_int_equal(store_raise_floor(s, &line, 8, why), 0);
	line.fmspc[3]++;
	assert_int_equal(store_raise_floor(s, &line, 7, why), -ENOSPC);
	assert_non_null(strstr(why, "intel/tcb-info/"));
	store_close(s);
	strcpy(text + n, "intel/qe-identity 3\n"); /* fits */
	assert_false(floors_read(f, bytes_of(text, strlen(text))));
	free(f);
}

static void test_text(void **state)
{
	static const struct {
		const char *text;
		bool whole;
		size_t count;
	} rows[] = {
		{ "fairlead-floors 1\n", true, 0 },
		{ "fairlead-floors 1\nintel/qe-identity 3\n", true, 1 },
		{ "fairlead-floors 1\nintel/qe-identity 3\nintel/qe-identity 4\n", true, 1 },
		{ "fairlead-floors 1\nintel/qe-identity 3", false, 0 },
		{ "fairlead-floors 1\nintel/qe-identity 3\nno/such 4\n", false, 1 },
		{ "fairlead-floors 1\nintel/qe-identity\n", false, 0 },
		{ "fairlead-floors 1\nintel/qe-identity -1\n", false, 0 },
		{ "fairlead-floors 1\nintel/qe-identity 4294967296\n", false, 0 },
		{ "fairlead-floors 1\nintel/qe-identity 3 4\n", false, 0 },
		{ "fairlead-floors 2\n", false, 0 },
		{ "", false, 0 },
	};
	static char text[FLOORS_TEXT_MAX];
	struct floors *f = calloc(2, sizeof(*f));
	struct want w = kit_want("intel/qe-identity");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (floors_read(f, bytes_of(rows[i].text, strlen(rows[i].text))) != rows[i].whole ||
		    f->count != rows[i].count)
			fail_msg("\"%s\": %zu", rows[i].text, f->count);
	floors_read(f, bytes_of(rows[2].text, strlen(rows[2].text)));
	assert_int_equal(floor_of(f, &w), 4);
	assert_true(floors_read(&f[1], bytes_of(text, floors_print(f, text))));
	assert_int_equal(floor_of(&f[1], &w), 4);
	for (unsigned int i = 0; i < 2 * FLOORS_MAX; i++) {
		struct want line = kit_want(TCB);

		line.fmspc[4] = i >> 8;
		line.fmspc[5] = i & 0xff;
		floor_raise(f, &line, UINT32_MAX);
	}
	assert_int_equal(f->count, FLOORS_MAX);
	assert_true(floors_read(&f[1], bytes_of(text, floors_print(f, text))));
	assert_int_equal(f[1].count, FLOORS_MAX);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused, kit_open_dir, kit_close_dir),
		cmocka_unit_test_setup_teardown(test_remembered, kit_open_dir, kit_close_dir),
		cmocka_unit_test_setup_teardown(test_damaged, kit_open_dir, kit_close_dir),
		cmocka_unit_test_setup_teardown(test_two_writers, kit_open_dir, kit_close_dir),
		cmocka_unit_test_setup_teardown(test_damaged_in_use, kit_open_dir, kit_close_dir),
		cmocka_unit_test_setup_teardown(test_full, kit_open_dir, kit_close_dir),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
