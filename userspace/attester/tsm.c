// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reports from configfs-tsm (Linux 6.7 and later).
 *
 * Every quote is a directory of its own.  The kernel takes a value when its file is
 * closed and does not say when it refused it, and anybody with the right may write to
 * our directory: only `generation`, one up for every value taken, tells.  A report
 * whose generation is not exactly the number of our writes is thrown away.
 */
#include "attester/tsm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum {
	NAMES_TRIED_MAX = 16, /* directories that a process of our pid left behind */
	REQUEST_PATH_MAX = ATTESTER_PATH_MAX + 32,
	TEXT_MAX = 32,
};

struct tsm {
	char directory[ATTESTER_PATH_MAX];
	enum tee tee;
	unsigned int vmpl, requests;
	struct pace pace;
	const struct tsm_io *io;
};

/* One quote under way. */
struct request {
	char path[REQUEST_PATH_MAX];
	unsigned int writes;
};

struct tsm *tsm_new(const char *directory, unsigned int vmpl, const struct tsm_io *io)
{
	struct tsm *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	snprintf(t->directory, sizeof(t->directory), "%s", directory);
	t->vmpl = vmpl;
	t->tee = TEE_SNP;
	t->io = io;
	return t;
}

void tsm_free(struct tsm *t)
{
	free(t);
}

static int failed(int err, const char *what, char why[WHY_MAX])
{
	const char *hint = "";

	switch (err) {
	case -ENXIO:
		hint = ": no provider; is the sev-guest driver loaded?";
		break;
	case -ENOTTY:
		hint = ": VMPCK is disabled until the next boot";
		break;
	case -EINVAL:
		hint = ": the kernel has refused what we wrote, such as the VMPL";
		break;
	}
	snprintf(why, WHY_MAX, "%s: %s%s", what, strerror(-err), hint);
	return err == -EAGAIN ? -EBUSY : err;
}

static int begin(struct tsm *t, struct request *r, char why[WHY_MAX])
{
	int err = -EEXIST;

	r->writes = 0;
	for (int i = 0; err == -EEXIST && i < NAMES_TRIED_MAX; i++) {
		snprintf(r->path, sizeof(r->path), "%s/fairlead-%d-%u", t->directory, getpid(),
			 t->requests++);
		err = t->io->make(r->path);
	}
	if (!err)
		return 0;
	failed(err, t->directory, why);
	return err;
}

static void end(struct tsm *t, const struct request *r)
{
	int err = t->io->remove(r->path);

	if (err)
		log_warnx("tsm: %s: cannot remove: %s", r->path, strerror(-err));
}

/* A line of text without its end. */
static int read_text(struct tsm *t, const struct request *r, const char *attribute,
		     char out[TEXT_MAX], char why[WHY_MAX])
{
	ssize_t n = t->io->read(r->path, attribute, out, TEXT_MAX - 1);

	if (n < 0)
		return failed(n, attribute, why);
	out[n] = 0;
	out[strcspn(out, "\n")] = 0;
	return 0;
}

static const char *const providers[TEE_COUNT] = {
	[TEE_SNP] = "sev_guest",
	[TEE_TDX] = "tdx_guest",
};

static int check_provider(struct tsm *t, const struct request *r, char why[WHY_MAX])
{
	char provider[TEXT_MAX];
	int err;

	err = read_text(t, r, "provider", provider, why);
	if (err)
		return err;
	if (!strcmp(provider, providers[t->tee]))
		return 0;
	snprintf(why, WHY_MAX, "provider is \"%s\", want \"%s\"", provider, providers[t->tee]);
	return -EPROTONOSUPPORT;
}

/* -EBUSY: somebody else wrote, so whose report it would be nobody knows. */
static int check_generation(struct tsm *t, const struct request *r, char why[WHY_MAX])
{
	char text[TEXT_MAX], *end;
	unsigned long generation;
	int err;

	err = read_text(t, r, "generation", text, why);
	if (err)
		return err;
	errno = 0;
	generation = strtoul(text, &end, 10);
	if (!errno && end != text && !*end && generation == r->writes)
		return 0;
	snprintf(why, WHY_MAX, "generation is \"%s\", want %u: %s", text, r->writes,
		 generation < r->writes ? "the kernel did not take a value"
					: "another process wrote to the request");
	return generation < r->writes ? -EINVAL : -EBUSY;
}

static int put(struct tsm *t, struct request *r, const char *attribute, struct bytes value,
	       char why[WHY_MAX])
{
	int err = t->io->write(r->path, attribute, value.p, value.n);

	if (err)
		return failed(err, attribute, why);
	r->writes++;
	return 0;
}

static int ask(struct tsm *t, struct request *r, const uint8_t report_data[REPORT_DATA_BYTES],
	       char why[WHY_MAX])
{
	char vmpl = '0' + t->vmpl;
	int err = 0;

	/* A fresh request is for level 0, and providers without levels have no such attribute. */
	if (t->vmpl)
		err = put(t, r, "privlevel", bytes_of(&vmpl, 1), why);
	if (!err)
		err = put(t, r, "inblob", bytes_of(report_data, REPORT_DATA_BYTES), why);
	if (!err)
		err = check_generation(t, r, why);
	return err;
}

/* The report at the front of out->buf; what a provider may have padded it with must be zero. */
static int take_report(struct tsm *t, const struct request *r, struct quote *out, char why[WHY_MAX])
{
	ssize_t n = t->io->read(r->path, "outblob", out->buf, sizeof(out->buf));

	if (n < 0)
		return failed(n, "outblob", why);
	if (n < SNP_REPORT_SIZE ||
	    !bytes_are_zero(bytes_of(out->buf + SNP_REPORT_SIZE, n - SNP_REPORT_SIZE))) {
		snprintf(why, WHY_MAX, "outblob holds %zd bytes: want a report of %d", n,
			 SNP_REPORT_SIZE);
		return -EPROTO;
	}
	if (bytes_are_zero(bytes_of(out->buf, SNP_REPORT_SIZE))) {
		snprintf(why, WHY_MAX, "outblob is all zero: want a report");
		return -EPROTO;
	}
	out->report = bytes_of(out->buf, SNP_REPORT_SIZE);
	return 0;
}

/* A quote of any length: whoever appraises it looks where it ends, hosts pad it. */
static int take_quote(struct tsm *t, const struct request *r, struct quote *out, char why[WHY_MAX])
{
	ssize_t n = t->io->read(r->path, "outblob", out->buf, sizeof(out->buf));

	if (n < 0)
		return failed(n, "outblob", why);
	out->report = bytes_of(out->buf, n);
	if (bytes_are_zero(out->report)) {
		snprintf(why, WHY_MAX, "outblob holds %zd bytes, all zero: want a quote", n);
		return -EPROTO;
	}
	return 0;
}

/* The host's certificate table.  Many hosts have none, and some kernels no such attribute. */
static int take_certs(struct tsm *t, const struct request *r, struct quote *out, char why[WHY_MAX])
{
	uint8_t *p = out->buf + SNP_REPORT_SIZE;
	ssize_t n = t->io->read(r->path, "auxblob", p, sizeof(out->buf) - SNP_REPORT_SIZE);

	out->certs_count = 0;
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return failed(n, "auxblob", why);
	out->certs[0] = bytes_of(p, n);
	out->certs_count = bytes_are_zero(out->certs[0]) ? 0 : 1;
	return 0;
}

static int quote_in(struct tsm *t, struct request *r, const uint8_t report_data[REPORT_DATA_BYTES],
		    struct quote *out, char why[WHY_MAX])
{
	int err;

	err = check_provider(t, r, why);
	if (!err)
		err = ask(t, r, report_data, why);
	if (err)
		return err;
	pace_wait(&t->pace, t->io->clock);
	err = t->tee == TEE_TDX ? take_quote(t, r, out, why) : take_report(t, r, out, why);
	pace_called(&t->pace, t->io->clock);
	if (!err && t->tee == TEE_SNP) /* a quote has its certificates inside */
		err = take_certs(t, r, out, why);
	return err ? err : check_generation(t, r, why);
}

int tsm_quote(struct tsm *t, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
	      char why[WHY_MAX])
{
	struct request r;
	int err;

	out->tee = t->tee;
	out->certs_count = 0;
	err = begin(t, &r, why);
	if (err)
		return err;
	err = quote_in(t, &r, report_data, out, why);
	end(t, &r);
	return err;
}

int tsm_check(struct tsm *t, char why[WHY_MAX])
{
	struct request r;
	int err;

	err = begin(t, &r, why);
	if (err)
		return err;
	err = check_provider(t, &r, why);
	end(t, &r);
	return err;
}

void tsm_expect(struct tsm *t, enum tee tee)
{
	t->tee = tee;
}

static int open_for(enum tee tee, const struct attester_config *c, void **out, char why[WHY_MAX])
{
	const char *path = c->tsm[0] ? c->tsm : "/sys/kernel/config/tsm/report";
	struct tsm *t = tsm_new(path, c->vmpl, &tsm_io_real);
	int err;

	if (!t) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	tsm_expect(t, tee);
	err = tsm_check(t, why);
	if (err) {
		tsm_free(t);
		return err;
	}
	*out = t;
	return 0;
}

static int source_open(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	return open_for(TEE_SNP, c, out, why);
}

static int source_open_tdx(const struct attester_config *c, void **out, char why[WHY_MAX])
{
	return open_for(TEE_TDX, c, out, why);
}

static int source_quote(void *source, const uint8_t report_data[REPORT_DATA_BYTES],
			struct quote *out, char why[WHY_MAX])
{
	return tsm_quote(source, report_data, out, why);
}

static void source_close(void *source)
{
	tsm_free(source);
}

const struct source_ops source_tsm = { "configfs-tsm", TEE_SNP, source_open, source_quote,
				       source_close };
const struct source_ops source_tsm_tdx = { "configfs-tsm", TEE_TDX, source_open_tdx, source_quote,
					   source_close };
