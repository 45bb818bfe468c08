// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "verifier/refuse.h"

enum { INDEX_MAX = STORE_ENTRIES_MAX * (WANT_TEXT_MAX + 256) };

int store_fail(char why[COLLATERAL_WHY_MAX], int err, const char *fmt, ...)
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

struct entry *store_entry(const struct store *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->entries[i].name, name))
			return &s->entries[i];
	return NULL;
}

const struct stored_piece *store_find(const struct store *s, const struct want *w)
{
	char name[WANT_TEXT_MAX];
	const struct entry *e = store_entry(s, want_text(w, name));

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

uint64_t store_floor(const struct store *s, const struct want *w)
{
	return floor_of(&s->floors, w);
}

void store_doubt(struct store *s, const struct want *w)
{
	char name[WANT_TEXT_MAX];
	struct entry *e = store_entry(s, want_text(w, name));

	if (e)
		e->stored.doubted = true;
}

void store_forget(struct store *s, struct entry *e)
{
	s->bytes -= e->line.n + e->line.chain_n;
	free(e->bytes);
	memmove(e, e + 1, (char *)(s->entries + s->count) - (char *)(e + 1));
	s->count--;
}

static void forget_all(struct store *s)
{
	while (s->count)
		store_forget(s, &s->entries[s->count - 1]);
}

struct entry *store_insert(struct store *s, const struct index_line *line, uint8_t *bytes)
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
	if (s->count == STORE_ENTRIES_MAX || s->bytes + total > STORE_BYTES_MAX ||
	    store_entry(s, name)) {
		log_warnx("collateral %s: %s: one too many, dropped", s->dir, name);
		return;
	}
	bytes = malloc(total);
	if (bytes && read_blob(s, line->digest, bytes, line->n) &&
	    (!line->chain_n || read_blob(s, line->chain_digest, bytes + line->n, line->chain_n))) {
		store_insert(s, line, bytes);
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
		return store_fail(why, err, "collateral directory %.160s", dir);
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
