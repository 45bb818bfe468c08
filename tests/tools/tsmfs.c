// SPDX-License-Identifier: BSD-2-Clause
/*
 * tsmfs MOUNTPOINT --guest DIR [--provider NAME] [--td DIR] [--fail HOW]
 *
 * A file system that behaves as configfs-tsm does (drivers/virt/coco/tsm.c, measured on
 * 6.12): mkdir MOUNTPOINT/report/NAME makes a request; inblob is taken at close(2), which
 * succeeds whatever became of it; every value taken counts generation up; outblob before inblob
 * is EINVAL; a write past 64 bytes is EFBIG, and clears inblob all the same.  With --td it is
 * tdx_guest's: quotes of that lab TD, and neither auxblob nor levels.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse3/fuse.h>
#include <stdlib.h>

#include "attester/pki.h"
#include "attester/soft_tdx.h"
#include "tools/snp_double.h"

enum {
	REQUESTS_MAX = 16,
	NAME_BYTES = 64,
	INBLOB_BYTES = 64,
	OUTBLOB_PADDED = 4000,
	QUOTE_PADDED = 8000, /* as some hosts give them */
};

enum failure {
	FAIL_NONE,
	FAIL_RACE,	/* another process writes inblob, too, before ours is read */
	FAIL_LATE_RACE, /* … while the report is made */
	FAIL_EMPTY,	/* outblob is empty, and no error */
	FAIL_ZERO,	/* outblob is all zero */
	FAIL_EFBIG,	/* inblob is "too long" */
	FAIL_DROP,	/* inblob is refused at close(2), silently */
	FAIL_EIO,
	FAIL_ENOTTY,
	FAIL_ENXIO,    /* no provider */
	FAIL_PAD,      /* outblob is padded */
	FAIL_NO_CERTS, /* auxblob is empty */
	FAIL_COUNT
};

static const char *const failures[FAIL_COUNT] = {
	"none", "race", "late-race", "empty", "zero", "efbig",
	"drop", "eio",	"enotty",    "enxio", "pad",  "no-certs",
};

enum attribute {
	INBLOB,
	OUTBLOB,
	AUXBLOB,
	GENERATION,
	PROVIDER,
	PRIVLEVEL,
	PRIVLEVEL_FLOOR,
	ATTRIBUTES,
};

static const struct {
	const char *name;
	mode_t mode;
} attributes[ATTRIBUTES] = {
	[INBLOB] = { "inblob", 0200 },
	[OUTBLOB] = { "outblob", 0444 },
	[AUXBLOB] = { "auxblob", 0444 },
	[GENERATION] = { "generation", 0444 },
	[PROVIDER] = { "provider", 0444 },
	[PRIVLEVEL] = { "privlevel", 0200 },
	[PRIVLEVEL_FLOOR] = { "privlevel_floor", 0444 },
};

struct request {
	char name[NAME_BYTES];
	bool used;
	unsigned int generation, vmpl;
	uint8_t inblob[INBLOB_BYTES];
	size_t inblob_n;
};

/* One thread (-s): nothing is locked. */
struct state {
	const char *guest, *provider, *td;
	enum failure failure;
	struct double_table table;
	struct request requests[REQUESTS_MAX];
};

/* An open file: what was read or will be committed at its close. */
struct handle {
	struct request *request;
	enum attribute attribute;
	uint8_t buf[TABLE_MAX];
	size_t n;
	bool filled, written;
};

static struct state *state(void)
{
	return fuse_get_context()->private_data;
}

/* What a path names. */
struct place {
	enum { NOWHERE, TOP, REPORT, REQUEST, ATTRIBUTE } kind;
	struct request *request;
	enum attribute attribute;
};

static struct request *find_request(const char *name, size_t n)
{
	for (int i = 0; i < REQUESTS_MAX; i++) {
		struct request *r = &state()->requests[i];

		if (r->used && strlen(r->name) == n && !strncmp(r->name, name, n))
			return r;
	}
	return NULL;
}

static bool has(enum attribute a)
{
	return !state()->td || (a != AUXBLOB && a != PRIVLEVEL && a != PRIVLEVEL_FLOOR);
}

static struct place place_of(const char *path)
{
	struct place p = { NOWHERE, NULL, ATTRIBUTES };
	const char *name = path + strlen("/report/"), *slash;

	if (!strcmp(path, "/"))
		p.kind = TOP;
	else if (!strcmp(path, "/report"))
		p.kind = REPORT;
	if (p.kind != NOWHERE || strncmp(path, "/report/", strlen("/report/")))
		return p;
	slash = strchr(name, '/');
	p.request = find_request(name, slash ? (size_t)(slash - name) : strlen(name));
	if (p.request && !slash)
		p.kind = REQUEST;
	for (enum attribute a = INBLOB; p.request && slash && a < ATTRIBUTES; a++)
		if (!strcmp(slash + 1, attributes[a].name) && has(a)) {
			p.attribute = a;
			p.kind = ATTRIBUTE;
		}
	return p;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	struct place p = place_of(path);

	(void)fi;
	memset(st, 0, sizeof(*st));
	if (p.kind == NOWHERE)
		return -ENOENT;
	st->st_nlink = p.kind == ATTRIBUTE ? 1 : 2;
	st->st_mode = p.kind == ATTRIBUTE ? S_IFREG | attributes[p.attribute].mode : S_IFDIR | 0755;
	return 0;
}

static int do_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t at,
		      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	struct place p = place_of(path);

	(void)at;
	(void)fi;
	(void)flags;
	if (p.kind == TOP)
		fill(buf, "report", NULL, 0, 0);
	for (int i = 0; p.kind == REPORT && i < REQUESTS_MAX; i++)
		if (state()->requests[i].used)
			fill(buf, state()->requests[i].name, NULL, 0, 0);
	for (enum attribute a = INBLOB; p.kind == REQUEST && a < ATTRIBUTES; a++)
		if (has(a))
			fill(buf, attributes[a].name, NULL, 0, 0);
	return 0;
}

static int do_mkdir(const char *path, mode_t mode)
{
	const char *name = path + strlen("/report/");

	(void)mode;
	if (strncmp(path, "/report/", strlen("/report/")) || strchr(name, '/') ||
	    strlen(name) >= NAME_BYTES)
		return -EPERM;
	if (state()->failure == FAIL_ENXIO)
		return -ENXIO;
	for (int i = 0; i < REQUESTS_MAX; i++) {
		struct request *r = &state()->requests[i];

		if (r->used)
			continue;
		*r = (struct request){ .used = true };
		strcpy(r->name, name);
		return 0;
	}
	return -ENOSPC;
}

static int do_rmdir(const char *path)
{
	struct place p = place_of(path);

	if (p.kind != REQUEST)
		return -EPERM;
	p.request->used = false;
	return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	struct place p = place_of(path);
	bool reads = (fi->flags & O_ACCMODE) != O_WRONLY, writes = (fi->flags & O_ACCMODE);
	struct handle *h;

	if (p.kind != ATTRIBUTE)
		return -EISDIR;
	if ((reads && !(attributes[p.attribute].mode & 0444)) ||
	    (writes && !(attributes[p.attribute].mode & 0222)))
		return -EACCES;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->request = p.request;
	h->attribute = p.attribute;
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	return 0;
}

/* The report or quote: its length, or -EIO. */
static int make_report(const struct request *r, uint8_t *out)
{
	const char *td = state()->td;
	char path[ATTESTER_PATH_MAX], why[WHY_MAX];
	struct soft_td t;

	if (!td)
		return double_report(state()->guest, r->inblob, r->vmpl, out) ? -EIO
									      : SNP_REPORT_BYTES;
	if (pki_path(path, td, "td.yaml", why) || soft_td_read(path, &t, why))
		return -EIO;
	return soft_quote(td, &t, r->inblob, out, why);
}

static int fill_outblob(struct handle *h)
{
	struct request *r = h->request;
	enum failure f = state()->failure;
	int n;

	if (r->inblob_n != INBLOB_BYTES)
		return -EINVAL;
	if (f == FAIL_EIO || f == FAIL_ENOTTY)
		return f == FAIL_EIO ? -EIO : -ENOTTY;
	if (f == FAIL_LATE_RACE)
		r->generation++;
	if (f == FAIL_EMPTY)
		return 0;
	n = f == FAIL_ZERO ? SNP_REPORT_BYTES : make_report(r, h->buf);
	if (n < 0)
		return -EIO;
	h->n = f != FAIL_PAD ? n : state()->td ? QUOTE_PADDED : OUTBLOB_PADDED;
	return 0;
}

static int fill_auxblob(struct handle *h)
{
	if (h->request->inblob_n != INBLOB_BYTES)
		return -EINVAL;
	if (state()->failure == FAIL_NO_CERTS)
		return 0;
	memcpy(h->buf, state()->table.bytes, state()->table.n);
	h->n = state()->table.n;
	return 0;
}

static int fill_handle(struct handle *h)
{
	char *text = (char *)h->buf;

	switch (h->attribute) {
	case OUTBLOB:
		return fill_outblob(h);
	case AUXBLOB:
		return fill_auxblob(h);
	case GENERATION:
		h->n = snprintf(text, NAME_BYTES, "%u\n", h->request->generation);
		return 0;
	case PROVIDER:
		h->n = snprintf(text, NAME_BYTES, "%s\n", state()->provider);
		return 0;
	case PRIVLEVEL_FLOOR:
		h->n = snprintf(text, NAME_BYTES, "0\n");
		return 0;
	case INBLOB:
	case PRIVLEVEL:
	case ATTRIBUTES:
		break;
	}
	return -EACCES;
}

static int do_read(const char *path, char *buf, size_t n, off_t at, struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	int err = h->filled ? 0 : fill_handle(h);

	(void)path;
	if (err)
		return err;
	h->filled = true;
	if ((size_t)at >= h->n)
		return 0;
	if (n > h->n - at)
		n = h->n - at;
	memcpy(buf, h->buf + at, n);
	return n;
}

static int do_write(const char *path, const char *buf, size_t n, off_t at,
		    struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;

	(void)path;
	if (h->attribute == PRIVLEVEL) {
		if (n < 1 || buf[0] < '0' || buf[0] > '3')
			return -EINVAL;
		h->request->vmpl = buf[0] - '0';
		h->request->generation++;
		return n;
	}
	h->written = true;
	if (at + n > INBLOB_BYTES || state()->failure == FAIL_EFBIG) {
		h->n = 0;
		return -EFBIG;
	}
	memcpy(h->buf + at, buf, n);
	if (at + n > h->n)
		h->n = at + n;
	return n;
}

/* The kernel commits a binary attribute when its file is released; flush comes before close(2)
 * ends. */
static int do_flush(const char *path, struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	struct request *r = h->request;

	(void)path;
	if (!h->written || state()->failure == FAIL_DROP)
		return 0;
	h->written = false;
	memcpy(r->inblob, h->buf, INBLOB_BYTES);
	r->inblob_n = h->n;
	r->generation += state()->failure == FAIL_RACE ? 2 : 1;
	return 0;
}

static int do_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	free((void *)(uintptr_t)fi->fh);
	return 0;
}

static int do_truncate(const char *path, off_t n, struct fuse_file_info *fi)
{
	(void)path;
	(void)n;
	(void)fi;
	return 0;
}

static const struct fuse_operations operations = {
	.getattr = do_getattr,
	.readdir = do_readdir,
	.mkdir = do_mkdir,
	.rmdir = do_rmdir,
	.open = do_open,
	.read = do_read,
	.write = do_write,
	.flush = do_flush,
	.release = do_release,
	.truncate = do_truncate,
};

static bool parse(struct state *s, const char *name, const char *value)
{
	if (!strcmp(name, "--guest")) {
		s->guest = realpath(value, NULL); /* libfuse goes to / */
		return s->guest;
	}
	if (!strcmp(name, "--td")) {
		s->td = realpath(value, NULL);
		s->provider = "tdx_guest";
		return s->td;
	}
	if (!strcmp(name, "--provider")) {
		s->provider = value;
		return true;
	}
	for (enum failure f = FAIL_NONE; !strcmp(name, "--fail") && f < FAIL_COUNT; f++)
		if (!strcmp(value, failures[f])) {
			s->failure = f;
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	static char options[] = "-oattr_timeout=0,entry_timeout=0,negative_timeout=0";
	char foreground[] = "-f", single[] = "-s";
	char *args[] = { argv[0], foreground, single, options, argv[1], NULL };
	struct state *s = calloc(1, sizeof(*s));
	bool ok = s && argc > 2;

	if (ok)
		s->provider = "sev_guest";
	for (int i = 2; ok && i < argc; i += 2)
		ok = i + 1 < argc && parse(s, argv[i], argv[i + 1]);
	if (!ok || !s->guest || !double_table_make(s->guest, &s->table)) {
		fprintf(stderr, "Usage: tsmfs MOUNTPOINT --guest DIR [--provider NAME] "
				"[--td DIR] [--fail HOW]\n");
		return 2;
	}
	return fuse_main(5, args, &operations, s);
}
