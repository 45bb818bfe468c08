// SPDX-License-Identifier: BSD-2-Clause
/* Whoever changes a store's directory does it under its lock, one at a time. */
#include "collateral/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "verifier/refuse.h"

/* lasting: else there is no fsync, for what a crash leaves behind does not fit, and is dropped. */
static int write_file(struct store *s, const char *name, struct bytes b, bool lasting)
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
	if (lasting && !err && fsync(fd))
		err = -errno;
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
	return write_file(s, name, b, false);
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
	err = fclose(f) ? -ENOMEM : write_file(s, "index", bytes_of(text, n), false);
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
	bool cert_a = want_is_certificate(a->line.want.kind);
	bool cert_b = want_is_certificate(b->line.want.kind);

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
		store_forget(s, oldest);
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

/* Out of what is replaced: itself, or the one before it.  Certificates come along, or are dropped.
 */
static struct proven take_proven(struct entry *old)
{
	struct proven found = old->before;

	if (old->stored.proven && !want_is_certificate(old->line.want.kind)) {
		found = (struct proven){ .stored = old->stored, .bytes = old->bytes };
		old->bytes = NULL;
	}
	old->before.bytes = NULL;
	return found;
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
	struct proven before = { .bytes = NULL };
	char name[WANT_TEXT_MAX];
	struct entry *old;
	uint8_t *bytes;
	int err;

	make_room(s, line.n + line.chain_n); /* before files are written that it might remove */
	bytes = copy_out(s, p, &line, &err);
	if (!bytes)
		return err;
	old = store_entry(s, want_text(&line.want, name));
	if (old) {
		was = old->line;
		before = take_proven(old);
		store_forget(s, old);
	}
	store_insert(s, &line, bytes)->before = before;
	err = write_index(s);
	if (!err)
		remove_blobs(s, &was);
	return err;
}

/*
 * Doubt lets an earlier one in, for a liar may date rubbish as he likes.  But no list earlier than
 * one that is proven, which no floor guards: backends sow doubt, too, and may be revoked since.
 */
static bool comes_late(const struct entry *e, const struct piece *p)
{
	const struct stored_piece *proven = e->before.bytes ? &e->before.stored : &e->stored;

	if (want_is_list(p->want.kind) && proven->proven && p->issued < proven->piece.issued)
		return true;
	return !e->stored.doubted && p->issued < e->stored.piece.issued;
}

static int put_locked(struct store *s, const struct piece *p, int64_t now)
{
	char name[WANT_TEXT_MAX];
	struct entry *e;
	int err;

	store_refresh(s);
	if (p->evaluation < floor_of(&s->floors, &p->want))
		return -EKEYREJECTED;
	e = store_entry(s, want_text(&p->want, name));
	if (e && comes_late(e, p))
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
		return store_fail(why, done, "%.120s: locking %.60s", name, s->dir);
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
		store_fail(why, done, "%.120s: writing to %.60s", name, s->dir);
	return done;
}

/* Those of the file too, which others write; one that is damaged is left to whoever mends it. */
static int write_floors(struct store *s)
{
	char *text = malloc(FLOORS_TEXT_MAX);
	int err = text ? store_read_floors(s) : -ENOMEM;

	if (!err)
		err = write_file(s, "floors", bytes_of(text, floors_print(&s->floors, text)), true);
	s->unsaved = err;
	free(text);
	return err;
}

int store_raise_floor(struct store *s, const struct want *w, uint64_t evaluation,
		      char why[COLLATERAL_WHY_MAX])
{
	char name[WANT_TEXT_MAX];
	int fd, err;

	want_text(w, name);
	if (floor_raise(&s->floors, w, evaluation))
		s->unsaved = true;
	if (floor_of(&s->floors, w) < evaluation)
		return store_fail(why, -ENOSPC, "%.120s: a floor of %llu in %.60s", name,
				  (unsigned long long)evaluation, s->dir);
	if (!s->unsaved)
		return 0;
	err = lock(s, &fd);
	if (err)
		return store_fail(why, err, "%.120s: locking %.60s", name, s->dir);
	err = write_floors(s);
	close(fd);
	return err ? store_fail(why, err, "floors of %.120s", s->dir) : 0;
}

int store_drop(struct store *s, const struct want *w, char why[COLLATERAL_WHY_MAX])
{
	struct index_line was = { 0 };
	char name[WANT_TEXT_MAX];
	struct entry *e;
	int fd, err = lock(s, &fd);

	want_text(w, name);
	if (err)
		return store_fail(why, err, "%.120s: locking %.60s", name, s->dir);
	store_refresh(s);
	e = store_entry(s, name);
	if (e) {
		was = e->line;
		store_forget(s, e);
		err = write_index(s);
	}
	if (!err)
		remove_blobs(s, &was);
	close(fd);
	return err ? store_fail(why, err, "%.120s: writing to %.60s", name, s->dir) : 0;
}
