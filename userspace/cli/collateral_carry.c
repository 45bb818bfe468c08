// SPDX-License-Identifier: BSD-2-Clause
/* Export and import: the pieces of a store as a file, or as a directory for fairlead verify. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/collateral.h"
#include "collateral/bundle.h"
#include "collateral/directory.h"
#include "collateral/facts.h"

static bool is_directory(const char *path)
{
	size_t n = strlen(path);
	struct stat st;

	return (n && path[n - 1] == '/') || (!stat(path, &st) && S_ISDIR(st.st_mode));
}

static int write_file(const char *path, const struct bundle_writer *w)
{
	FILE *f = fopen(path, "we");
	bool ok = f && fwrite(w->text, 1, w->n, f) == w->n;

	if ((f && fclose(f)) || !ok) {
		cli_error("%s: %s", path, strerror(errno));
		return CLI_ERROR;
	}
	return CLI_DONE;
}

static int export_file(const struct collateral_request *r, const struct piece *const pieces[],
		       size_t count)
{
	struct bundle_writer w;
	int status = CLI_ERROR;

	if (bundle_begin(&w) == 0) {
		for (size_t i = 0; i < count; i++)
			bundle_put(&w, pieces[i]);
		if (bundle_end(&w) == 0)
			status = write_file(r->target, &w);
	}
	free(w.text);
	return status;
}

int collateral_export(const struct collateral_request *r, struct store *s)
{
	const struct piece **pieces = calloc(store_count(s) + 1, sizeof(struct piece *));
	char why[COLLATERAL_WHY_MAX];
	int status = CLI_DONE;
	size_t count = 0;

	for (size_t i = 0; pieces && i < store_count(s); i++)
		if (collateral_is_meant(r, &store_at(s, i)->piece.want))
			pieces[count++] = &store_at(s, i)->piece;
	if (!collateral_all_kept(r, s)) {
		status = CLI_REFUSED;
	} else if (!count) {
		cli_error("collateral export: nothing is kept in %s", r->config.directory);
		status = CLI_REFUSED;
	} else if (!is_directory(r->target)) {
		status = export_file(r, pieces, count);
	} else if (directory_write(r->target, pieces, count, why)) {
		cli_error("%s: %s", r->target, why);
		status = CLI_ERROR;
	}
	if (status == CLI_DONE && !r->options->json)
		printf("%zu pieces in %s\n", count, r->target);
	free(pieces);
	return status;
}

struct import {
	struct store *store;
	size_t newer, same, older;
	char why[COLLATERAL_WHY_MAX];
};

static int take(void *arg, const struct piece *p)
{
	struct import *m = arg;
	char name[WANT_TEXT_MAX];
	int done = store_put(m->store, p, time(NULL), m->why);

	if (done < 0 && done != -ESTALE) {
		cli_error("%s", m->why);
		return done;
	}
	m->newer += done == 1;
	m->same += done == 0;
	m->older += done == -ESTALE;
	if (done == -ESTALE)
		cli_error("%s: left as it is: what is kept was issued later",
			  want_text(&p->want, name));
	return 0;
}

/* All of it is looked at before any of it is kept. */
static int each_of_bundle(struct bytes in, struct import *m, uint8_t *buf, bool keep)
{
	char name[WANT_TEXT_MAX];
	struct piece raw, p;
	int more, err = 0;

	while (!err && (more = bundle_next(&in, &raw)) > 0) {
		if (!facts_read(&raw.want, raw.body, raw.chain, buf, &p, m->why)) {
			cli_error("%s: %s", want_text(&raw.want, name), m->why);
			return -EBADMSG;
		}
		if (keep)
			err = take(m, &p);
	}
	if (!err && more < 0) {
		cli_error("the file makes no sense after %zu bytes from its end", in.n);
		err = -EBADMSG;
	}
	return err;
}

static int import_bundle(const char *path, struct bytes whole, struct import *m)
{
	uint8_t *buf = malloc(COLLATERAL_BODY_MAX);
	struct bytes in;
	int err = -ENOMEM;

	if (buf && !bundle_open(whole, &in, m->why)) {
		cli_error("%s %s", path, m->why);
		err = -EBADMSG;
	} else if (buf) {
		err = each_of_bundle(in, m, buf, false);
		if (!err)
			err = each_of_bundle(in, m, buf, true);
	}
	free(buf);
	return err;
}

uint8_t *collateral_slurp(const char *path, size_t max, size_t *n)
{
	uint8_t *p = malloc(max + 1);
	FILE *f = fopen(path, "re");

	*n = 0;
	if (f && p)
		*n = fread(p, 1, max + 1, f);
	if (!f || !p || ferror(f) || *n > max) {
		cli_error("%s: %s", path, *n > max ? "too large" : strerror(errno));
		free(p);
		p = NULL;
	}
	if (f)
		fclose(f);
	return p;
}

static int import_file(const char *path, struct import *m)
{
	size_t n;
	uint8_t *p = collateral_slurp(path, BUNDLE_MAX, &n);
	int err = p ? import_bundle(path, bytes_of(p, n), m) : -EIO;

	free(p);
	return err;
}

int collateral_import(const struct collateral_request *r, struct store *s)
{
	struct import m = { .store = s };
	int err;

	if (is_directory(r->target)) {
		err = directory_read(r->target, take, &m, m.why);
		if (err < 0)
			cli_error("%s: %s", r->target, m.why);
		else if (!err)
			cli_error("%s: holds no collateral", r->target);
		err = err > 0 ? 0 : -EBADMSG;
	} else {
		err = import_file(r->target, &m);
	}
	if (err)
		return CLI_ERROR;
	if (r->options->json)
		printf("{\"newer\":%zu,\"same\":%zu,\"older\":%zu}\n", m.newer, m.same, m.older);
	else
		printf("%zu pieces taken, %zu were there, %zu were older than what is kept\n",
		       m.newer, m.same, m.older);
	return CLI_DONE;
}
