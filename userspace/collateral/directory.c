// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/collateral.h"
#include "collateral/facts.h"
#include "verifier/refuse.h"

enum { FILE_PATH_MAX = 4096 };

struct file {
	uint8_t *p;
	size_t n;
};

__attribute__((format(printf, 3, 4))) static int fail(char why[COLLATERAL_WHY_MAX], int err,
						      const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, COLLATERAL_WHY_MAX, fmt, args);
	va_end(args);
	return err;
}

static FILE *open_in(const char *dir, const char *name, const char *mode)
{
	char path[FILE_PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return fopen(path, mode);
}

/* --- reading */

/* What is not there has no bytes; what is longer than any collateral is a mistake. */
static int slurp(const char *dir, enum collateral kind, struct file *out, char *why)
{
	const char *name = collateral_file(kind);
	FILE *f = open_in(dir, name, "re");
	int err = 0;

	*out = (struct file){ 0 };
	if (!f)
		return errno == ENOENT ? 0 : fail(why, -errno, "%s: %s", name, strerror(errno));
	out->p = malloc(COLLATERAL_BODY_MAX + 1);
	out->n = out->p ? fread(out->p, 1, COLLATERAL_BODY_MAX + 1, f) : 0;
	if (!out->p || ferror(f))
		err = fail(why, -EIO, "%s: cannot be read", name);
	else if (out->n > COLLATERAL_BODY_MAX)
		err = fail(why, -EFBIG, "%s: longer than %d bytes", name, COLLATERAL_BODY_MAX);
	else if (!out->n)
		err = fail(why, -EBADMSG, "%s: empty", name);
	fclose(f);
	return err;
}

struct reader {
	int (*each)(void *arg, const struct piece *p);
	void *arg;
	char *why;
	uint8_t *scratch, *decoded;
	int count;
};

static int take(struct reader *r, const char *name, const struct want *want, struct bytes body,
		struct bytes chain)
{
	char reason[COLLATERAL_WHY_MAX];
	struct piece p;
	int err;

	if (!facts_read(want, body, chain, r->decoded, &p, reason))
		return fail(r->why, -EBADMSG, "%s: %.200s", name, reason);
	err = r->each(r->arg, &p);
	r->count += !err;
	return err;
}

/* One document, or lists one after the other; those of AMD's roots are for VCEK and VLEK. */
static int read_kind(struct reader *r, enum collateral kind, struct bytes in, struct bytes chain)
{
	const char *name = collateral_file(kind);
	struct bytes body;
	struct want want;
	int err = 0;

	while (!err && in.n) {
		if (!facts_identify(kind, &in, r->scratch, &body, &want))
			return fail(r->why, -EBADMSG, "%s: holds something else", name);
		err = take(r, name, &want, body, chain);
		if (!err && want.kind == WANT_VCEK_CRL) {
			want.kind = WANT_VLEK_CRL;
			err = take(r, name, &want, body, chain);
		}
	}
	return err;
}

static const struct {
	enum collateral kind, chain; /* COLLATERAL_COUNT: none belongs to it */
} kinds[] = {
	{ COLLATERAL_CRL, COLLATERAL_COUNT },
	{ COLLATERAL_TCB_INFO, COLLATERAL_TCB_INFO_CHAIN },
	{ COLLATERAL_QE_IDENTITY, COLLATERAL_QE_IDENTITY_CHAIN },
	{ COLLATERAL_PCK_CRL, COLLATERAL_PCK_CRL_CHAIN },
	{ COLLATERAL_ROOT_CRL, COLLATERAL_COUNT },
};

static int read_one(struct reader *r, const char *dir, enum collateral kind, enum collateral of)
{
	struct file body, chain = { 0 };
	int err = slurp(dir, kind, &body, r->why);

	if (!err && body.n && of != COLLATERAL_COUNT)
		err = slurp(dir, of, &chain, r->why);
	if (!err)
		err = read_kind(r, kind, bytes_of(body.p, body.n), bytes_of(chain.p, chain.n));
	free(body.p);
	free(chain.p);
	return err;
}

int directory_read(const char *dir, int (*each)(void *arg, const struct piece *p), void *arg,
		   char why[COLLATERAL_WHY_MAX])
{
	struct reader r = { .each = each, .arg = arg, .why = why };
	int err = 0;

	r.scratch = malloc(COLLATERAL_BODY_MAX);
	r.decoded = malloc(COLLATERAL_BODY_MAX);
	if (!r.scratch || !r.decoded)
		err = fail(why, -ENOMEM, "no memory");
	for (size_t i = 0; !err && i < sizeof(kinds) / sizeof(*kinds); i++)
		err = read_one(&r, dir, kinds[i].kind, kinds[i].chain);
	free(r.scratch);
	free(r.decoded);
	return err ? err : r.count;
}

/* --- writing */

static int write_one(const char *dir, const char *name, const char *mode, struct bytes b, char *why)
{
	FILE *f = open_in(dir, name, mode);
	bool ok;

	if (!f)
		return fail(why, -errno, "%s: %s", name, strerror(errno));
	ok = fwrite(b.p, 1, b.n, f) == b.n;
	if (fclose(f) || !ok)
		return fail(why, -EIO, "%s: cannot be written", name);
	return 0;
}

static int write_certs(const char *dir, const struct piece *p, char *why)
{
	char chip[2 * WANT_CHIP_BYTES + 1], name[WANT_TEXT_MAX];

	if (p->want.kind == WANT_VCEK)
		snprintf(name, sizeof(name), "%.16s-vcek.der",
			 hex(p->want.chip, WANT_CHIP_BYTES, chip));
	else
		snprintf(name, sizeof(name), "%s-%s.pem", p->want.product,
			 want_kind_str(p->want.kind));
	return write_one(dir, name, "we", p->body, why);
}

static int write_intel(const char *dir, const struct piece *p, unsigned int *written, char *why)
{
	static const struct {
		enum collateral body, chain;
	} files[WANT_KINDS] = {
		[WANT_TCB_INFO] = { COLLATERAL_TCB_INFO, COLLATERAL_TCB_INFO_CHAIN },
		[WANT_QE_IDENTITY] = { COLLATERAL_QE_IDENTITY, COLLATERAL_QE_IDENTITY_CHAIN },
		[WANT_PCK_CRL] = { COLLATERAL_PCK_CRL, COLLATERAL_PCK_CRL_CHAIN },
		[WANT_ROOT_CRL] = { COLLATERAL_ROOT_CRL, COLLATERAL_COUNT },
	};
	enum want_kind k = p->want.kind;
	char name[WANT_TEXT_MAX];
	int err;

	if (*written & 1u << k)
		return fail(why, -EEXIST,
			    "%s: a directory holds one %s alone; name those that it shall have, "
			    "or export to a file",
			    want_text(&p->want, name), want_kind_str(k));
	*written |= 1u << k;
	err = write_one(dir, collateral_file(files[k].body), "we", p->body, why);
	if (!err && p->chain.n)
		err = write_one(dir, collateral_file(files[k].chain), "we", p->chain, why);
	return err;
}

/* VCEK and VLEK lists of one root are often the same, and the verifier takes the first. */
static int write_amd_list(const char *dir, const struct piece *p, unsigned int *written, char *why)
{
	const char *mode = *written & 1u << WANT_VCEK_CRL ? "ae" : "we";

	*written |= 1u << WANT_VCEK_CRL;
	return write_one(dir, collateral_file(COLLATERAL_CRL), mode, p->body, why);
}

int directory_write(const char *dir, const struct piece *const pieces[], size_t count,
		    char why[COLLATERAL_WHY_MAX])
{
	unsigned int written = 0;
	int err = 0;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return fail(why, -errno, "%s", strerror(errno));
	for (size_t i = 0; !err && i < count; i++) {
		enum want_kind k = pieces[i]->want.kind;

		if (want_is_certificate(k))
			err = write_certs(dir, pieces[i], why);
		else if (want_is_amd(&pieces[i]->want))
			err = write_amd_list(dir, pieces[i], &written, why);
		else
			err = write_intel(dir, pieces[i], &written, why);
	}
	return err;
}
