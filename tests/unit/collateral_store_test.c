// SPDX-License-Identifier: BSD-2-Clause
/* What is kept, exported and imported: the same bytes again, or a word about why not. */
#include "unit/collateral_kit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "collateral/bundle.h"
#include "collateral/directory.h"
#include "collateral/facts.h"
#include "collateral/store.h"

#define TCB "intel/tcb-info/" KIT_FMSPC

static const char *const everything[] = {
	KIT_VCEK, "amd/Milan/vcek-chain",   "amd/Milan/vcek-crl", "amd/Milan/vlek-crl",
	TCB,	  "intel/pck-crl/platform", "intel/qe-identity",  "intel/root-crl",
};

enum {
	EVERYTHING = sizeof(everything) / sizeof(*everything),
	NOW = LAB_NOW,
};

static char why[COLLATERAL_WHY_MAX];

static int put(struct store *s, const char *name, int64_t now)
{
	struct piece p = kit_piece(name);

	return store_put(s, &p, now, why);
}

static bool has(struct store *s, const char *name)
{
	struct want w = kit_want(name);
	const struct stored_piece *found = store_find(s, &w);
	struct piece p = kit_piece(name);

	return found && bytes_equal(found->piece.body, p.body) &&
	       bytes_equal(found->piece.chain, p.chain) && found->piece.issued == p.issued &&
	       found->piece.expires == p.expires;
}

static void put_everything(struct store *s)
{
	for (int i = 0; i < EVERYTHING; i++)
		assert_int_equal(put(s, everything[i], NOW), 1);
}

static size_t files_in(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	size_t n = 0;

	while ((e = readdir(d)))
		n += strlen(e->d_name) == 64;
	closedir(d);
	return n;
}

static void test_kept(void **state)
{
	struct store *s = kit_open_store();

	(void)state;
	put_everything(s);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(store_count(s), EVERYTHING);
		for (int i = 0; i < EVERYTHING; i++)
			assert_true(has(s, everything[i]));
		for (size_t i = 1; i < store_count(s); i++) {
			char a[WANT_TEXT_MAX], b[WANT_TEXT_MAX];

			want_text(&store_at(s, i - 1)->piece.want, a);
			assert_true(strcmp(a, want_text(&store_at(s, i)->piece.want, b)) < 0);
		}
		store_close(s);
		s = kit_open_store();
	}
	/* The same chain three times, the same list twice: one file each. */
	assert_int_equal(files_in(kit.dir), 7);
	store_close(s);
}

static void test_replaced(void **state)
{
	struct store *s = kit_open_store();
	struct piece p = kit_piece(TCB);
	size_t files;

	(void)state;
	put_everything(s);
	files = files_in(kit.dir);
	assert_int_equal(put(s, TCB, NOW + 5), 0); /* the same again: younger */
	assert_int_equal(store_find(s, &p.want)->fetched, NOW + 5);
	p.body = kit_text("{\"another\":1}");
	p.issued = LAB_FROM + 1;
	assert_int_equal(store_put(s, &p, NOW, why), 1);
	assert_true(bytes_equal(store_find(s, &p.want)->piece.body, p.body));
	assert_int_equal(store_count(s), EVERYTHING);
	assert_int_equal(files_in(kit.dir), files);  /* nothing is left of the old one */
	assert_int_equal(put(s, TCB, NOW), -ESTALE); /* and it does not come back */
	assert_non_null(strstr(why, "issued later"));
	assert_true(bytes_equal(store_find(s, &p.want)->piece.body, p.body));
	assert_int_equal(store_drop(s, &p.want, why), 0);
	assert_null(store_find(s, &p.want));
	assert_int_equal(put(s, TCB, NOW), 1); /* once dropped, it may */
	assert_int_equal(store_put(s, &p, NOW, why), 1);
	store_doubt(s, &p.want);
	assert_non_null(store_find(s, &p.want));
	assert_int_equal(put(s, TCB, NOW), 1); /* once doubted, too */
	p.issued = LAB_FROM - 1;
	assert_int_equal(store_put(s, &p, NOW, why), -ESTALE); /* but one time */
	store_close(s);
}

/* The path of the file that holds a piece. */
static void file_of(struct bytes b, char path[1024])
{
	uint8_t digest[SHA256_BYTES];
	char name[2 * SHA256_BYTES + 1];

	sha256(b, digest);
	for (int i = 0; i < SHA256_BYTES; i++)
		sprintf(name + 2 * i, "%02x", digest[i]);
	snprintf(path, 1024, "%s/%s", kit.dir, name);
}

static void damage(const char *path, int how)
{
	int fd = open(path, O_RDWR);
	char c;

	assert_true(fd >= 0);
	if (how == 0) {
		assert_int_equal(pread(fd, &c, 1, 5), 1);
		c ^= 1;
		assert_int_equal(pwrite(fd, &c, 1, 5), 1);
	} else if (how == 1) {
		assert_int_equal(ftruncate(fd, 10), 0);
	} else if (how == 2) {
		assert_int_equal(lseek(fd, 0, SEEK_END) > 0, 1);
		assert_int_equal(write(fd, "x", 1), 1);
	} else {
		assert_int_equal(unlink(path), 0);
	}
	close(fd);
}

static void test_corrupted_files_are_dropped(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct store *s = kit_open_store();
		char path[1024];

		for (int i = 0; i < EVERYTHING; i++)
			put(s, everything[i], NOW);
		store_close(s);
		file_of(kit_piece("intel/root-crl").body, path);
		damage(path, how);
		s = kit_open_store();
		assert_int_equal(store_count(s), EVERYTHING - 1);
		assert_false(has(s, "intel/root-crl"));
		assert_true(has(s, TCB));
		assert_int_equal(put(s, "intel/root-crl", NOW), 1); /* fetched anew, it is whole */
		store_close(s);
		s = kit_open_store();
		assert_true(has(s, "intel/root-crl"));
		store_close(s);
	}
}

static char *read_file(const char *name, size_t *n)
{
	char path[1024], *text = malloc(1 << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", kit.dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	*n = fread(text, 1, 1 << 20, f);
	fclose(f);
	return text;
}

/* Every byte of the index wrong in turn: what is then found is right, or not there. */
static void test_corrupted_index(void **state)
{
	struct store *s = kit_open_store();
	size_t n;
	char *text;

	(void)state;
	put(s, "intel/root-crl", NOW);
	put(s, "amd/Milan/vcek-crl", NOW);
	store_close(s);
	text = read_file("index", &n);
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 0x15;
		kit_write(kit.dir, "index", bytes_of(text, n));
		text[i] ^= 0x15;
		s = kit_open_store();
		for (size_t k = 0; k < store_count(s); k++) {
			struct bytes b = store_at(s, k)->piece.body;

			assert_true(bytes_equal(b, kit_piece("intel/root-crl").body) ||
				    bytes_equal(b, kit_piece("amd/Milan/vcek-crl").body));
		}
		store_close(s);
	}
	free(text);
}

static void test_strange_indexes(void **state)
{
	static const char head[] = "fairlead-collateral 1\n";
	static const char zeros[] = "00000000000000000000000000000000"
				    "00000000000000000000000000000000";
	static const char *const tails[] = {
		"",
		"intel/root-crl\n",
		"intel/root-crl %s 5 %s 0 1 2 3", /* no newline */
		"../../etc/passwd %s 5 %s 0 1 2 3\n",
		"intel/root-crl %s 0 %s 0 1 2 3\n",
		"intel/root-crl %s 5 %s 0 1 2 3 4\n",
		"intel/root-crl %s 5 %s 0 1 2\n",
		"intel/root-crl %s 999999999 %s 0 1 2 3\n",
		"intel/root-crl %s -5 %s 0 1 2 3\n",
		"intel/root-crl %s 5 %s 99999999999999999999 1 2 3\n",
		"intel/root-crl %s 5 %s 0 1 2 99999999999999999999\n",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		struct store *s;
		size_t n = snprintf(text, sizeof(text), "%s", head);

		snprintf(text + n, sizeof(text) - n, tails[i], zeros, zeros);
		kit_write(kit.dir, "index", kit_text(text));
		s = kit_open_store();
		assert_int_equal(store_count(s), 0);
		store_close(s);
	}
}

/* Another process writes: seen when looked for, and not overwritten. */
static void test_two_writers(void **state)
{
	struct store *a = kit_open_store(), *b = kit_open_store();

	(void)state;
	assert_false(store_refresh(a));
	assert_int_equal(put(b, TCB, NOW), 1);
	assert_int_equal(put(a, "intel/root-crl", NOW), 1);
	assert_true(has(a, TCB));
	assert_true(store_refresh(b));
	assert_true(has(b, "intel/root-crl"));
	store_close(a);
	store_close(b);
}

static void test_locked(void **state)
{
	struct store *s = kit_open_store();
	char path[1024];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/lock", kit.dir);
	fd = open(path, O_CREAT | O_RDWR, 0644);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(put(s, TCB, NOW), -EAGAIN);
	close(fd);
	assert_int_equal(put(s, TCB, NOW), 1);
	store_close(s);
}

static void test_full(void **state)
{
	struct store *s = kit_open_store();
	struct piece p = kit_piece("intel/tcb-info/000000000000");
	uint8_t *big = malloc(COLLATERAL_BODY_MAX);
	int rounds = STORE_BYTES_MAX / COLLATERAL_BODY_MAX + 3;

	(void)state;
	p.chain = (struct bytes){ NULL, 0 };
	for (int i = 0; i < rounds; i++) {
		memset(big, i, COLLATERAL_BODY_MAX);
		p.body = bytes_of(big, COLLATERAL_BODY_MAX);
		p.want.fmspc[4] = i >> 8;
		p.want.fmspc[5] = i;
		assert_int_equal(store_put(s, &p, NOW + i, why), 1);
	}
	assert_int_equal(store_count(s), STORE_BYTES_MAX / COLLATERAL_BODY_MAX);
	assert_non_null(store_find(s, &p.want)); /* the first three made room */
	assert_int_equal(files_in(kit.dir), store_count(s));
	store_close(s);
	free(big);
}

/* Many chips do not crowd out what says who is revoked, though that was fetched before them. */
static void test_full_of_certificates(void **state)
{
	struct store *s = kit_open_store();
	struct piece p = kit_piece(KIT_VCEK);
	uint8_t *big = calloc(1, COLLATERAL_BODY_MAX);
	int rounds = STORE_BYTES_MAX / COLLATERAL_BODY_MAX + 3;

	(void)state;
	assert_int_equal(put(s, "amd/Milan/vcek-crl", NOW - 1), 1);
	assert_int_equal(put(s, TCB, NOW - 1), 1);
	p.body = bytes_of(big, COLLATERAL_BODY_MAX);
	for (int i = 0; i < rounds; i++) {
		big[0] = p.want.chip[0] = i;
		big[1] = p.want.chip[1] = i >> 8;
		assert_int_equal(store_put(s, &p, NOW + i, why), 1);
	}
	assert_true(has(s, "amd/Milan/vcek-crl"));
	assert_true(has(s, TCB));
	store_close(s);
	free(big);
}

static void test_no_directory(void **state)
{
	struct store *s = NULL;

	(void)state;
	assert_int_equal(store_open("/nonexistent/x", true, &s, why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/x"));
	assert_int_equal(store_open("/etc/passwd", false, &s, why), -ENOTDIR);
	assert_null(s);
}

/* --- export to a file */

static struct bytes make_bundle(void)
{
	struct bundle_writer w;

	assert_int_equal(bundle_begin(&w), 0);
	for (int i = 0; i < EVERYTHING; i++) {
		struct piece p = kit_piece(everything[i]);

		bundle_put(&w, &p);
	}
	assert_int_equal(bundle_end(&w), 0);
	return bytes_of(w.text, w.n);
}

static void test_bundle(void **state)
{
	struct bytes whole = make_bundle(), in;
	uint8_t *buf = malloc(COLLATERAL_BODY_MAX);
	struct piece p, facts;

	(void)state;
	assert_true(bundle_open(whole, &in, why));
	for (int i = 0; i < EVERYTHING; i++) {
		struct piece was = kit_piece(everything[i]);

		assert_int_equal(bundle_next(&in, &p), 1);
		assert_true(want_equal(&p.want, &was.want));
		assert_true(bytes_equal(p.body, was.body) && bytes_equal(p.chain, was.chain));
		if (!facts_read(&p.want, p.body, p.chain, buf, &facts, why))
			fail_msg("%s: %s", everything[i], why);
	}
	assert_int_equal(bundle_next(&in, &p), 0);
	free(buf);
	free((void *)whole.p);
}

static void test_damaged_bundles(void **state)
{
	struct bytes whole = make_bundle(), in;
	uint8_t *copy = malloc(whole.n);

	(void)state;
	for (size_t n = 0; n < whole.n; n++) /* cut anywhere */
		if (bundle_open(bytes_of(whole.p, n), &in, why))
			fail_msg("%zu of %zu bytes were taken", n, whole.n);
	for (size_t i = 0; i < whole.n; i += 1 + i / 64) { /* any byte */
		memcpy(copy, whole.p, whole.n);
		copy[i] ^= 1;
		if (bundle_open(bytes_of(copy, whole.n), &in, why))
			fail_msg("with byte %zu changed it was taken", i);
	}
	free(copy);
	free((void *)whole.p);
}

/* --- directories, with the names that `fairlead verify` reads */

static int collect(void *arg, const struct piece *p)
{
	return store_put(arg, p, NOW, why) < 0 ? -EIO : 0;
}

static void test_directory(void **state)
{
	struct store *s = kit_open_store();
	const struct piece *pieces[EVERYTHING];
	struct piece copies[EVERYTHING];
	struct bytes none = { NULL, 0 };
	char dir[128];

	(void)state;
	for (int i = 0; i < EVERYTHING; i++) {
		copies[i] = kit_piece(everything[i]);
		pieces[i] = &copies[i];
	}
	snprintf(dir, sizeof(dir), "%s/export", kit.dir);
	if (directory_write(dir, pieces, EVERYTHING, why))
		fail_msg("%s", why);
	assert_int_equal(directory_read(dir, collect, s, why),
			 8); /* two lists, each for two uses */
	assert_true(store_find(s, &copies[2].want) && store_find(s, &copies[3].want));
	for (int i = 4; i < EVERYTHING; i++) {
		const struct stored_piece *p = store_find(s, &copies[i].want);

		assert_non_null(p);
		assert_true(bytes_equal(p->piece.body, copies[i].body));
		assert_true(bytes_equal(p->piece.chain, copies[i].chain));
	}
	copies[0] = copies[4];
	copies[0].want.fmspc[0] = 1;
	assert_int_equal(directory_write(dir, pieces, EVERYTHING, why), -EEXIST);
	assert_non_null(strstr(why, "one tcb-info alone"));
	(void)none;
	store_close(s);
}

static void wrong_directory(const char *file, struct bytes b, const char *want_why)
{
	struct store *s = kit_open_store();
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/export", kit.dir);
	mkdir(dir, 0755);
	kit_empty(dir);
	kit_write(dir, file, b);
	if (directory_read(dir, collect, s, why) >= 0 || !strstr(why, want_why))
		fail_msg("%s: \"%s\", want \"%s\"", file, why, want_why);
	assert_int_equal(store_count(s), 0);
	store_close(s);
}

static void test_wrong_directories(void **state)
{
	struct bytes list = bytes_of(kit.scene.crl.der, kit.scene.crl.n);

	(void)state;
	wrong_directory("crl.der", kit_text("nothing"), "crl.der: holds something else");
	wrong_directory("crl.der", bytes_of("", 0), "crl.der: empty");
	wrong_directory("crl.der", bytes_of(list.p, list.n - 1), "crl.der: holds something else");
	wrong_directory("root_ca_crl.der", list, "root_ca_crl.der: holds something else");
	wrong_directory("pck_crl.der", list, "pck_crl.der: holds something else");
	wrong_directory("tcb_info.json", kit_text(kit.tcb_info), "tcb_info.json: came without");
	wrong_directory("tcb_info.json", kit_text(kit.qe_identity), "holds something else");
	wrong_directory("qe_identity.json", kit_text("{}"), "holds something else");
}

/* Genuine ones, where they are at hand: each is read, and each says until when it holds. */
static void test_genuine(void **state)
{
	const char *all = getenv("FAIRLEAD_VECTORS");
	static const char *const names[] = { "phala-v4-2025", "near-gas-v4",
					     "flashbots-gcp-v4-2026-01", "dstack-v4-2026" };
	struct store *s;
	int n;

	(void)state;
	if (!all || access(all, F_OK))
		skip();
	s = kit_open_store();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char dir[512];

		snprintf(dir, sizeof(dir), "%s/tdx/%s/collateral", all, names[i]);
		if (access(dir, F_OK))
			continue;
		n = directory_read(dir, collect, s, why);
		if (n < 3 && !strstr(why, "issued later"))
			fail_msg("%s: %d: %s", dir, n, why);
	}
	assert_true(store_count(s) >= 4);
	for (size_t i = 0; i < store_count(s); i++)
		assert_true(store_at(s, i)->piece.expires > store_at(s, i)->piece.issued);
	store_close(s);
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, kit_open_dir, kit_close_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_kept),
		WITH_DIR(test_replaced),
		WITH_DIR(test_corrupted_files_are_dropped),
		WITH_DIR(test_corrupted_index),
		WITH_DIR(test_strange_indexes),
		WITH_DIR(test_two_writers),
		WITH_DIR(test_locked),
		WITH_DIR(test_full),
		WITH_DIR(test_full_of_certificates),
		WITH_DIR(test_no_directory),
		cmocka_unit_test(test_bundle),
		cmocka_unit_test(test_damaged_bundles),
		WITH_DIR(test_directory),
		WITH_DIR(test_wrong_directories),
		WITH_DIR(test_genuine),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
