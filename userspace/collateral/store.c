// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "collateral/floor.h"
#include "verifier/refuse.h"
#include "verifier/sig.h"

enum {
	FILE_NAME_MAX = 2 * SHA256_BYTES + 1,
	INDEX_MAX = STORE_ENTRIES_MAX * (WANT_TEXT_MAX + 256),
};

struct entry {
	struct stored_piece stored;
	struct index_line line;
	char name[WANT_TEXT_MAX];
	uint8_t *bytes; /* body, then chain */
};

struct store {
	char dir[COLLATERAL_PATH_MAX];
	int dir_fd;
	struct stat seen; /* the index as last read or written */
	struct entry *entries;
	size_t count, bytes;
	struct floors floors;
};

__attribute__((format(printf, 3, 4))) static int fail(char why[COLLATERAL_WHY_MAX], int err,
						      const char *fmt, ...)
{
	va_list args;
	size_t n;

	va_start(args, fmt);
	vsnprintf(why, COLLATERAL_WHY_MAX, fmt, args);
	va_end(args);
	n = strlen(why);
	snprintf(why + n, COLLATERAL_WHY_MAX - n, ": %s", strerror(-err));
	return err;
}

static struct entry *find(const struct store *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->entries[i].name, name))
			return &s->entries[i];
	return NULL;
}

const struct stored_piece *store_find(const struct store *s, const struct want *w)
{
	char name[WANT_TEXT_MAX];
	const struct entry *e = find(s, want_text(w, name));

	return e ? &e->stored : NULL;
}

size_t store_count(const struct store *s)
{
	return s->count;
}

const struct stored_piece *store_at(const struct store *s, size_t i)
{
	return &s->entries[i].stored;
}

static void forget(struct store *s, struct entry *e)
{
	s->bytes -= e->line.n + e->line.chain_n;
	free(e->bytes);
	memmove(e, e + 1, (char *)(s->entries + s->count) - (char *)(e + 1));
	s->count--;
}

static void forget_all(struct store *s)
{
	while (s->count)
		forget(s, &s->entries[s->count - 1]);
}

/* Keeps the order of names.  bytes: body, then chain; the entry's from here on. */
static struct entry *insert(struct store *s, const struct index_line *line, uint8_t *bytes)
{
	char name[WANT_TEXT_MAX];
	struct entry *e;
	size_t at = 0;

	want_text(&line->want, name);
	while (at < s->count && strcmp(s->entries[at].name, name) < 0)
		at++;
	e = &s->entries[at];
	memmove(e + 1, e, (s->count - at) * sizeof(*e));
	s->count++;
	s->bytes += line->n + line->chain_n;
	*e = (struct entry){ .line = *line, .bytes = bytes };
	strcpy(e->name, name);
	e->stored = (struct stored_piece){
		.piece = { .want = line->want,
			   .body = bytes_of(bytes, line->n),
			   .chain = bytes_of(bytes + line->n, line->chain_n),
			   .issued = line->issued,
			   .expires = line->expires,
			   .evaluation = line->evaluation },
		.fetched = line->fetched,
	};
	return e;
}

/* --- reading */

/* A file of just that many bytes with just that digest. */
static bool read_blob(struct store *s, const uint8_t digest[SHA256_BYTES], uint8_t *out, size_t n)
{
	uint8_t found[SHA256_BYTES], more;
	char name[FILE_NAME_MAX];
	int fd = openat(s->dir_fd, hex(digest, SHA256_BYTES, name),
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t at = 0;
	ssize_t got = 1;

	if (fd < 0)
		return false;
	while (at < n && (got = read(fd, out + at, n - at)) > 0)
		at += got;
	got = at == n ? read(fd, &more, 1) : -1;
	close(fd);
	return got == 0 && sha256(bytes_of(out, n), found) && !memcmp(found, digest, SHA256_BYTES);
}

static void load(struct store *s, const struct index_line *line)
{
	size_t total = line->n + line->chain_n;
	char name[WANT_TEXT_MAX];
	uint8_t *bytes;

	want_text(&line->want, name);
	if (line->evaluation < floor_of(&s->floors, &line->want)) {
		log_warnx("collateral %s: %s: of TCB evaluation %llu, and one of %llu has been "
			  "believed before: dropped",
			  s->dir, name, (unsigned long long)line->evaluation,
			  (unsigned long long)floor_of(&s->floors, &line->want));
		return;
	}
	if (s->count == STORE_ENTRIES_MAX || s->bytes + total > STORE_BYTES_MAX || find(s, name)) {
		log_warnx("collateral %s: %s: one too many, dropped", s->dir, name);
		return;
	}
	bytes = malloc(total);
	if (bytes && read_blob(s, line->digest, bytes, line->n) &&
	    (!line->chain_n || read_blob(s, line->chain_digest, bytes + line->n, line->chain_n))) {
		insert(s, line, bytes);
		return;
	}
	log_warnx("collateral %s: %s: its file is missing or is not what it was, dropped", s->dir,
		  name);
	free(bytes);
}

/* The index whole; empty when there is none. */
static uint8_t *read_index(struct store *s, size_t *n)
{
	int fd = openat(s->dir_fd, "index", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t *text = malloc(INDEX_MAX);
	ssize_t got = 1;

	*n = 0;
	memset(&s->seen, 0, sizeof(s->seen));
	if (fd < 0)
		return text;
	fstat(fd, &s->seen);
	while (text && *n < INDEX_MAX && (got = read(fd, text + *n, INDEX_MAX - *n)) > 0)
		*n += got;
	close(fd);
	if (got < 0 || *n == INDEX_MAX)
		log_warnx("collateral %s: the index cannot be read, or is too long", s->dir);
	return text;
}

/* A file that is cut says less than it did: that is worth a word. */
static void read_floors(struct store *s)
{
	int fd = openat(s->dir_fd, "floors", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = fd < 0 ? NULL : malloc(FLOORS_TEXT_MAX);
	size_t n = 0;
	ssize_t got;

	while (text && n < FLOORS_TEXT_MAX && (got = read(fd, text + n, FLOORS_TEXT_MAX - n)) > 0)
		n += got;
	if (text && !floors_read(&s->floors, bytes_of(text, n)))
		log_warnx("collateral %s: floors cannot be read, or not all of it", s->dir);
	if (fd >= 0)
		close(fd);
	free(text);
}

static int read_all(struct store *s)
{
	struct index_line line;
	size_t n;
	uint8_t *text = read_index(s, &n);
	struct bytes in = bytes_of(text, n);
	int more = 1;

	if (!text)
		return -ENOMEM;
	forget_all(s);
	read_floors(s);
	if (n && !index_begin(&in)) {
		log_warnx("collateral %s: index is none of ours; begun anew", s->dir);
		in.n = 0;
	}
	while ((more = index_next(&in, &line)) > 0)
		load(s, &line);
	if (more < 0)
		log_warnx(
			"collateral %s: the index makes no sense from byte %zu on; the rest is dropped",
			s->dir, (size_t)(in.p - text));
	free(text);
	return 0;
}

static bool index_changed(const struct store *s)
{
	struct stat now;

	if (fstatat(s->dir_fd, "index", &now, AT_SYMLINK_NOFOLLOW))
		return s->seen.st_ino != 0;
	return now.st_ino != s->seen.st_ino || now.st_size != s->seen.st_size ||
	       now.st_mtim.tv_sec != s->seen.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != s->seen.st_mtim.tv_nsec;
}

bool store_refresh(struct store *s)
{
	return index_changed(s) && read_all(s) == 0;
}

int store_open(const char *dir, bool create, struct store **out, char why[COLLATERAL_WHY_MAX])
{
	struct store *s = calloc(1, sizeof(*s));
	int err = s ? 0 : -ENOMEM;

	if (s) {
		snprintf(s->dir, sizeof(s->dir), "%s", dir);
		s->entries = calloc(STORE_ENTRIES_MAX + 1, sizeof(*s->entries));
		s->dir_fd = -1;
	}
	if (!s || !s->entries)
		err = -ENOMEM;
	if (!err && create && mkdir(dir, 0755) && errno != EEXIST)
		err = -errno;
	if (!err)
		s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && s->dir_fd < 0)
		err = -errno;
	if (!err)
		err = read_all(s);
	if (err) {
		store_close(s);
		return fail(why, err, "collateral directory %.160s", dir);
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	forget_all(s);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s->entries);
	free(s);
}

/* --- writing */

/* No fsync: what a crash leaves behind does not fit its name, and is dropped. */
static int write_file(struct store *s, const char *name, struct bytes b)
{
	const char *temporary = "new";
	int fd = openat(s->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0644);
	int err = 0;

	if (fd < 0)
		return -errno;
	errno = 0;
	if (write(fd, b.p, b.n) != (ssize_t)b.n)
		err = errno ? -errno : -EIO;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(s->dir_fd, temporary, s->dir_fd, name))
		err = -errno;
	if (err)
		unlinkat(s->dir_fd, temporary, 0);
	return err;
}

static int write_blob(struct store *s, struct bytes b, uint8_t digest[SHA256_BYTES])
{
	char name[FILE_NAME_MAX];

	if (!sha256(b, digest))
		return -ENOMEM;
	hex(digest, SHA256_BYTES, name);
	return write_file(s, name, b);
}

static bool refers(const struct store *s, const uint8_t digest[SHA256_BYTES])
{
	for (size_t i = 0; i < s->count; i++)
		if (!memcmp(s->entries[i].line.digest, digest, SHA256_BYTES) ||
		    (s->entries[i].line.chain_n &&
		     !memcmp(s->entries[i].line.chain_digest, digest, SHA256_BYTES)))
			return true;
	return false;
}

static void remove_blob(struct store *s, const uint8_t digest[SHA256_BYTES])
{
	char name[FILE_NAME_MAX];

	if (!refers(s, digest))
		unlinkat(s->dir_fd, hex(digest, SHA256_BYTES, name), 0);
}

/* When the index no longer names them. */
static void remove_blobs(struct store *s, const struct index_line *line)
{
	if (!line->n)
		return;
	remove_blob(s, line->digest);
	if (line->chain_n)
		remove_blob(s, line->chain_digest);
}

static void print_line(const struct entry *e, FILE *f)
{
	char digest[FILE_NAME_MAX], chain[FILE_NAME_MAX];

	fprintf(f, "%s %s %llu %s %llu %lld %lld %lld %llu\n", e->name,
		hex(e->line.digest, SHA256_BYTES, digest), (unsigned long long)e->line.n,
		hex(e->line.chain_digest, SHA256_BYTES, chain), (unsigned long long)e->line.chain_n,
		(long long)e->line.issued, (long long)e->line.expires, (long long)e->line.fetched,
		(unsigned long long)e->line.evaluation);
}

static int write_index(struct store *s)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int err;

	if (!f)
		return -ENOMEM;
	fputs("fairlead-collateral 1\n", f);
	for (size_t i = 0; i < s->count; i++)
		print_line(&s->entries[i], f);
	err = fclose(f) ? -ENOMEM : write_file(s, "index", bytes_of(text, n));
	free(text);
	if (!err && fstatat(s->dir_fd, "index", &s->seen, AT_SYMLINK_NOFOLLOW))
		err = -errno;
	return err;
}

/* One writer at a time; who cannot be it now tries again later.  0 or -errno. */
static int lock(struct store *s, int *fd)
{
	enum { TRIES = 20, EACH_US = 1000 };

	*fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (*fd < 0)
		return -errno;
	for (int i = 0; flock(*fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == TRIES) {
			close(*fd);
			return -EAGAIN;
		}
		usleep(EACH_US);
	}
	return 0;
}

static bool goes_before(const struct entry *a, const struct entry *b)
{
	bool cert_a = a->line.want.kind <= WANT_VLEK_CHAIN;
	bool cert_b = b->line.want.kind <= WANT_VLEK_CHAIN;

	return cert_a != cert_b ? cert_a : a->stored.fetched < b->stored.fetched;
}

/*
 * The one fetched longest ago, until there is room for so many bytes: of certificates first, which
 * are as many as there are chips, and without which nobody passes.
 */
static void make_room(struct store *s, size_t bytes)
{
	while (s->count && (s->count >= STORE_ENTRIES_MAX || s->bytes + bytes > STORE_BYTES_MAX)) {
		struct entry *oldest = s->entries;
		struct index_line line;

		for (size_t i = 1; i < s->count; i++)
			if (goes_before(&s->entries[i], oldest))
				oldest = &s->entries[i];
		log_info("collateral %s: %s makes room", s->dir, oldest->name);
		line = oldest->line;
		forget(s, oldest);
		remove_blobs(s, &line);
	}
}

static bool same_bytes(const struct entry *e, const struct piece *p)
{
	return bytes_equal(e->stored.piece.body, p->body) &&
	       bytes_equal(e->stored.piece.chain, p->chain);
}

/* The bytes into memory and into files; NULL, and *err. */
static uint8_t *copy_out(struct store *s, const struct piece *p, struct index_line *line, int *err)
{
	uint8_t *bytes = malloc(p->body.n + p->chain.n);

	*err = bytes ? 0 : -ENOMEM;
	if (!bytes)
		return NULL;
	memcpy(bytes, p->body.p, p->body.n);
	if (p->chain.n)
		memcpy(bytes + p->body.n, p->chain.p, p->chain.n);
	*err = write_blob(s, bytes_of(bytes, line->n), line->digest);
	if (!*err && line->chain_n)
		*err = write_blob(s, bytes_of(bytes + line->n, line->chain_n), line->chain_digest);
	if (!*err)
		return bytes;
	free(bytes);
	return NULL;
}

static int replace(struct store *s, const struct piece *p, int64_t now)
{
	struct index_line was = { 0 }, line = { .want = p->want,
						.n = p->body.n,
						.chain_n = p->chain.n,
						.issued = p->issued,
						.expires = p->expires,
						.fetched = now,
						.evaluation = p->evaluation };
	char name[WANT_TEXT_MAX];
	struct entry *old;
	uint8_t *bytes;
	int err;

	make_room(s, line.n + line.chain_n); /* before files are written that it might remove */
	bytes = copy_out(s, p, &line, &err);
	if (!bytes)
		return err;
	old = find(s, want_text(&line.want, name));
	if (old) {
		was = old->line;
		forget(s, old);
	}
	insert(s, &line, bytes);
	err = write_index(s);
	if (!err)
		remove_blobs(s, &was);
	return err;
}

static int put_locked(struct store *s, const struct piece *p, int64_t now)
{
	char name[WANT_TEXT_MAX];
	struct entry *e;
	int err;

	store_refresh(s);
	if (p->evaluation < floor_of(&s->floors, &p->want))
		return -EKEYREJECTED;
	e = find(s, want_text(&p->want, name));
	if (e && !e->stored.doubted && p->issued < e->stored.piece.issued)
		return -ESTALE;
	if (e && same_bytes(e, p)) {
		e->stored.fetched = e->line.fetched = now;
		e->stored.doubted = false;
		return write_index(s);
	}
	err = replace(s, p, now);
	return err ? err : 1;
}

int store_put(struct store *s, const struct piece *p, int64_t now, char why[COLLATERAL_WHY_MAX])
{
	char name[WANT_TEXT_MAX];
	int fd, done = lock(s, &fd);

	want_text(&p->want, name);
	if (done)
		return fail(why, done, "%.120s: locking %.60s", name, s->dir);
	done = put_locked(s, p, now);
	close(fd);
	if (done == -ESTALE)
		snprintf(why, COLLATERAL_WHY_MAX, "%s: what is kept was issued later", name);
	else if (done == -EKEYREJECTED)
		snprintf(why, COLLATERAL_WHY_MAX,
			 "%.120s: of TCB evaluation %llu, and one of %llu has been believed before",
			 name, (unsigned long long)p->evaluation,
			 (unsigned long long)floor_of(&s->floors, &p->want));
	else if (done < 0)
		fail(why, done, "%.120s: writing to %.60s", name, s->dir);
	return done;
}

uint64_t store_floor(const struct store *s, const struct want *w)
{
	return floor_of(&s->floors, w);
}

static int write_floors(struct store *s)
{
	char *text = malloc(FLOORS_TEXT_MAX);
	int err = -ENOMEM;

	if (text)
		err = write_file(s, "floors", bytes_of(text, floors_print(&s->floors, text)));
	free(text);
	return err;
}

int store_raise_floor(struct store *s, const struct want *w, uint64_t evaluation,
		      char why[COLLATERAL_WHY_MAX])
{
	char name[WANT_TEXT_MAX];
	int fd, err;

	if (evaluation <= floor_of(&s->floors, w))
		return 0;
	want_text(w, name);
	err = lock(s, &fd);
	if (err)
		return fail(why, err, "%.120s: locking %.60s", name, s->dir);
	if (floor_raise(&s->floors, w, evaluation))
		err = write_floors(s);
	close(fd);
	return err ? fail(why, err, "%.120s: writing to %.60s", name, s->dir) : 0;
}

void store_doubt(struct store *s, const struct want *w)
{
	char name[WANT_TEXT_MAX];
	struct entry *e = find(s, want_text(w, name));

	if (e)
		e->stored.doubted = true;
}

int store_drop(struct store *s, const struct want *w, char why[COLLATERAL_WHY_MAX])
{
	struct index_line was = { 0 };
	char name[WANT_TEXT_MAX];
	struct entry *e;
	int fd, err = lock(s, &fd);

	want_text(w, name);
	if (err)
		return fail(why, err, "%.120s: locking %.60s", name, s->dir);
	store_refresh(s);
	e = find(s, name);
	if (e) {
		was = e->line;
		forget(s, e);
		err = write_index(s);
	}
	if (!err)
		remove_blobs(s, &was);
	close(fd);
	return err ? fail(why, err, "%.120s: writing to %.60s", name, s->dir) : 0;
}
