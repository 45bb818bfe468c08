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

void store_prove(struct store *s, const struct want *w, uint64_t serial)
{
	char name[WANT_TEXT_MAX];
	struct entry *e = store_entry(s, want_text(w, name));

	if (!e || e->stored.serial != serial)
		return;
	e->stored.proven = true;
	free(e->before.bytes);
	e->before.bytes = NULL;
}

const struct stored_piece *store_proven(const struct store *s, const struct want *w)
{
	char name[WANT_TEXT_MAX];
	const struct entry *e = store_entry(s, want_text(w, name));

	return e && e->before.bytes ? &e->before.stored : NULL;
}

void store_forget(struct store *s, struct entry *e)
{
	s->bytes -= e->line.n + e->line.chain_n;
	free(e->bytes);
	free(e->before.bytes);
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
		.serial = ++s->serial,
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

/* How many bytes are at out, less than max, or -errno; seen: the file they are of, zeros for none.
 */
static ssize_t read_whole(struct store *s, const char *name, char *out, size_t max,
			  struct stat *seen)
{
	int fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = 0;
	ssize_t got = 1;

	memset(seen, 0, sizeof(*seen));
	if (fd < 0)
		return -errno;
	fstat(fd, seen);
	while (n < max && (got = read(fd, out + n, max - n)) > 0)
		n += got;
	got = got < 0 ? -errno : n == max ? -EFBIG : (ssize_t)n;
	close(fd);
	return got;
}

int store_read_floors(struct store *s)
{
	struct floors *found = calloc(1, sizeof(*found));
	char *text = malloc(FLOORS_TEXT_MAX);
	struct stat seen;
	ssize_t n = found && text ? read_whole(s, "floors", text, FLOORS_TEXT_MAX, &seen) : -ENOMEM;

	if (n >= 0 && !floors_read(found, bytes_of(text, n)))
		n = -EBADMSG;
	for (size_t i = 0; n >= 0 && i < found->count; i++)
		floor_raise(&s->floors, &found->list[i].want, found->list[i].number);
	free(text);
	free(found);
	return n >= 0 || n == -ENOENT ? 0 : (int)n;
}

static int read_all(struct store *s)
{
	struct index_line line;
	char *text = malloc(INDEX_MAX);
	ssize_t n = text ? read_whole(s, "index", text, INDEX_MAX, &s->seen) : -ENOMEM;
	struct bytes in = bytes_of(text, n < 0 ? 0 : n);
	int more = 1;

	if (!text)
		return -ENOMEM;
	forget_all(s);
	if (n < 0 && n != -ENOENT)
		log_warnx("collateral %s: index: %s; begun anew", s->dir, strerror((int)-n));
	if (n > 0 && !index_begin(&in)) {
		log_warnx("collateral %s: index is none of ours; begun anew", s->dir);
		in.n = 0;
	}
	while ((more = index_next(&in, &line)) > 0)
		load(s, &line);
	if (more < 0)
		log_warnx(
			"collateral %s: the index makes no sense from byte %zu on; the rest is dropped",
			s->dir, (size_t)(in.p - (uint8_t *)text));
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
	int err;

	if (!index_changed(s))
		return false;
	err = store_read_floors(s);
	if (err)
		log_warnx("collateral %s: floors: %s; those known before hold", s->dir,
			  strerror(-err));
	return read_all(s) == 0;
}

/* Without its floors nobody can tell what has been believed before: then it is not opened. */
static int read_dir(struct store *s, char why[COLLATERAL_WHY_MAX])
{
	int err = store_read_floors(s);

	if (err)
		return store_fail(why, err,
				  "collateral directory %.120s: floors cannot be read whole, want "
				  "them mended or removed",
				  s->dir);
	err = read_all(s);
	return err ? store_fail(why, err, "collateral directory %.160s", s->dir) : 0;
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
	err = err ? store_fail(why, err, "collateral directory %.160s", dir) : read_dir(s, why);
	if (err)
		store_close(s);
	else
		*out = s;
	return err;
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
