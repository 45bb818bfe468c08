// SPDX-License-Identifier: BSD-2-Clause
#include "collateral/bundle.h"

#include <errno.h>
#include <stdlib.h>

#include "verifier/refuse.h"
#include "verifier/sig.h"

static const char magic[] = "fairlead-collateral-export 1\n", end[] = "end ";

enum {
	MAGIC_BYTES = sizeof(magic) - 1,
	END_BYTES = sizeof(end) - 1,
	TRAILER_BYTES = END_BYTES + 2 * SHA256_BYTES + 1,
	LINE_MAX_BYTES = WANT_TEXT_MAX + 32,
};

int bundle_begin(struct bundle_writer *w)
{
	*w = (struct bundle_writer){ 0 };
	w->file = open_memstream(&w->text, &w->n);
	if (!w->file)
		return -ENOMEM;
	fputs(magic, w->file);
	return 0;
}

void bundle_put(struct bundle_writer *w, const struct piece *p)
{
	char name[WANT_TEXT_MAX];

	fprintf(w->file, "%s %zu %zu\n", want_text(&p->want, name), p->body.n, p->chain.n);
	fwrite(p->body.p, 1, p->body.n, w->file);
	if (p->chain.n)
		fwrite(p->chain.p, 1, p->chain.n, w->file);
	fputc('\n', w->file);
}

int bundle_end(struct bundle_writer *w)
{
	char text[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];
	bool ok = fflush(w->file) == 0 && sha256(bytes_of(w->text, w->n), digest);

	if (ok)
		fprintf(w->file, "%s%s\n", end, hex(digest, SHA256_BYTES, text));
	return fclose(w->file) || !ok ? -ENOMEM : 0;
}

bool bundle_looks_like(struct bytes whole)
{
	return whole.n >= MAGIC_BYTES && !memcmp(whole.p, magic, MAGIC_BYTES);
}

bool bundle_open(struct bytes whole, struct bytes *in, char why[COLLATERAL_WHY_MAX])
{
	char text[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];
	struct bytes trailer;

	if (!bundle_looks_like(whole)) {
		snprintf(why, COLLATERAL_WHY_MAX, "does not begin as an export does");
		return false;
	}
	*in = whole;
	if (whole.n < MAGIC_BYTES + TRAILER_BYTES || !get(in, whole.n - TRAILER_BYTES, &whole) ||
	    !get(in, TRAILER_BYTES, &trailer) || memcmp(trailer.p, end, END_BYTES) ||
	    trailer.p[TRAILER_BYTES - 1] != '\n') {
		snprintf(why, COLLATERAL_WHY_MAX, "does not end as an export does: cut off?");
		return false;
	}
	if (!sha256(whole, digest) ||
	    memcmp(trailer.p + END_BYTES, hex(digest, SHA256_BYTES, text), 2 * SHA256_BYTES)) {
		snprintf(why, COLLATERAL_WHY_MAX, "is damaged: its digest is another");
		return false;
	}
	*in = bytes_of(whole.p + MAGIC_BYTES, whole.n - MAGIC_BYTES);
	return true;
}

/* "NAME BODY-BYTES CHAIN-BYTES" */
static bool read_line(struct bytes line, struct want *want, size_t *body, size_t *chain)
{
	char text[LINE_MAX_BYTES], *blank;
	int n = 0;

	if (line.n >= sizeof(text) || memchr(line.p, 0, line.n))
		return false;
	memcpy(text, line.p, line.n);
	text[line.n] = 0;
	blank = strchr(text, ' ');
	if (!blank || strspn(blank, " 0123456789") != strlen(blank) || strlen(blank) > 24 ||
	    sscanf(blank, " %zu %zu%n", body, chain, &n) != 2 || blank[n])
		return false;
	*blank = 0;
	return *body <= COLLATERAL_BODY_MAX && *chain <= COLLATERAL_PEM_MAX &&
	       want_parse(text, want);
}

int bundle_next(struct bytes *in, struct piece *out)
{
	const uint8_t *newline = in->n ? memchr(in->p, '\n', in->n) : NULL;
	struct bytes line, skipped;
	size_t body, chain;

	if (!in->n)
		return 0;
	*out = (struct piece){ 0 };
	if (!newline || !get(in, newline - in->p, &line) || !get(in, 1, &skipped) ||
	    !read_line(line, &out->want, &body, &chain) || !get(in, body, &out->body) ||
	    !get(in, chain, &out->chain) || !get(in, 1, &skipped) || skipped.p[0] != '\n')
		return -EBADMSG;
	return 1;
}
