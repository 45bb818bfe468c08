// SPDX-License-Identifier: BSD-2-Clause
#include "attester/attester.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attester/nitro_format.h"
#include "attester/source.h"
#include "base/log.h"

enum {
	VMPL_MAX = 3,
	REPORT_DATA_OFFSET = 0x50, /* in an SNP report, AMD 56860 */
};

struct attester {
	const struct source_ops *ops;
	void *source;
};

struct attester *attester_new(const struct source_ops *ops, void *source)
{
	struct attester *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->ops = ops;
	a->source = source;
	return a;
}

enum tee attester_tee(const struct attester *a)
{
	return a->ops->tee;
}

enum sandbox_kind attester_sandbox(const struct attester *a)
{
	return a->ops == &source_tdx_guest ? SANDBOX_VSOCK : SANDBOX_DEVICE;
}

static int try(struct attester *a, const struct source_ops *ops, const struct attester_config *c,
	       char why[WHY_MAX])
{
	char said[WHY_MAX] = "";
	int err;

	err = ops->open(c, &a->source, said);
	if (err)
		snprintf(why, WHY_MAX, "%s: %.230s", ops->name, said);
	else
		a->ops = ops;
	return err;
}

enum {
	AUTO_MAX = 2,
};

/* What each kind of TEE can be asked through. */
static const struct {
	const char *shape;				    /* of its evidence, for people */
	const struct source_ops *by_name[ATTESTER_SOURCES]; /* NULL: not this kind's */
	const struct source_ops *automatic[AUTO_MAX];	    /* in this order, software never */
} kinds[TEE_COUNT] = {
	[TEE_SNP] = { .shape = "a report of 1184 bytes",
		      .by_name = { [ATTESTER_TSM] = &source_tsm,
				   [ATTESTER_SEV_GUEST] = &source_sev_guest,
				   [ATTESTER_SOFT] = &source_soft },
		      /* the kernel's own interface first, the driver's then */
		      .automatic = { &source_tsm, &source_sev_guest } },
	[TEE_TDX] = { .shape = "a quote of version 4 or 5",
		      .by_name = { [ATTESTER_TSM] = &source_tsm_tdx,
				   [ATTESTER_TDX_GUEST] = &source_tdx_guest,
				   [ATTESTER_SOFT] = &source_soft_tdx },
		      .automatic = { &source_tsm_tdx, &source_tdx_guest } },
	[TEE_NITRO] = { .shape = "a document with user_data",
			.by_name = { [ATTESTER_NSM] = &source_nsm,
				     [ATTESTER_SOFT] = &source_soft_nitro },
			.automatic = { &source_nsm } },
};

static bool is_known(enum tee tee)
{
	return tee < TEE_COUNT && kinds[tee].automatic[0];
}

bool attester_has(enum tee tee, enum attester_source source)
{
	return is_known(tee) && source < ATTESTER_SOURCES &&
	       (source == ATTESTER_AUTO || kinds[tee].by_name[source]);
}

static int open_auto(struct attester *a, const struct attester_config *c, char why[WHY_MAX])
{
	const struct source_ops *const *list = kinds[c->tee].automatic;
	char said[WHY_MAX];
	int err = -ENODEV;
	size_t n;

	n = snprintf(why, WHY_MAX, "no evidence here");
	for (int i = 0; err && i < AUTO_MAX && list[i]; i++) {
		err = try(a, list[i], c, said);
		if (err && n < WHY_MAX)
			n += snprintf(why + n, WHY_MAX - n, "%s %.110s", i ? ";" : ":", said);
	}
	return err;
}

static int open_source(struct attester *a, const struct attester_config *c, char why[WHY_MAX])
{
	if (!attester_has(c->tee, c->source)) {
		snprintf(why, WHY_MAX, "evidence of kind %s does not come from this source",
			 tee_str(c->tee));
		return -EPROTONOSUPPORT;
	}
	if (c->source == ATTESTER_AUTO)
		return open_auto(a, c, why);
	return try(a, kinds[c->tee].by_name[c->source], c, why);
}

int attester_open(const struct attester_config *c, struct attester **out, char why[WHY_MAX])
{
	struct attester *a;
	int err;

	if (!is_known(c->tee) || c->vmpl > VMPL_MAX) {
		snprintf(why, WHY_MAX, "tee %s at vmpl %u: want snp, tdx or nitro, and 0..%d",
			 tee_str(c->tee), c->vmpl, VMPL_MAX);
		return -EPROTONOSUPPORT;
	}
	a = attester_new(NULL, NULL);
	if (!a) {
		snprintf(why, WHY_MAX, "no memory");
		return -ENOMEM;
	}
	err = open_source(a, c, why);
	if (err) {
		free(a);
		return err;
	}
	log_debug("evidence comes from %s", a->ops->name);
	*out = a;
	return 0;
}

void attester_close(struct attester *a)
{
	if (!a)
		return;
	a->ops->close(a->source);
	free(a);
}

/* REPORTDATA of a TDX quote: of the body behind a header that version 5 has longer by 6 bytes. */
static struct bytes quote_report_data(struct bytes quote)
{
	enum { AT_V4 = 48 + 520, AT_V5 = AT_V4 + 6 };
	struct bytes in = quote, skip, data;
	uint16_t version;

	if (!get_le16(&in, &version) || (version != 4 && version != 5) ||
	    !get(&quote, version == 4 ? AT_V4 : AT_V5, &skip) ||
	    !get(&quote, REPORT_DATA_BYTES, &data))
		return bytes_of(NULL, 0);
	return data;
}

/* Where the evidence has what it is over; empty when it is not of the shape it should have. */
static struct bytes report_data_of(const struct quote *q)
{
	struct bytes data;

	if (q->tee == TEE_SNP && q->report.n == SNP_REPORT_SIZE)
		return bytes_of(q->report.p + REPORT_DATA_OFFSET, REPORT_DATA_BYTES);
	if (q->tee == TEE_TDX)
		return quote_report_data(q->report);
	if (q->tee == TEE_NITRO && nitro_user_data(q->report, &data))
		return data;
	return bytes_of(NULL, 0);
}

/* Whatever a source says: evidence of another kind or shape, or over other data, is none. */
static int check(const struct quote *q, enum tee tee, const uint8_t report_data[REPORT_DATA_BYTES],
		 char why[WHY_MAX])
{
	struct bytes data = q->tee == tee ? report_data_of(q) : bytes_of(NULL, 0);

	if (!data.n) {
		snprintf(why, WHY_MAX, "got %zu bytes of %s: want %s", q->report.n, tee_str(q->tee),
			 kinds[tee].shape);
		return -EPROTO;
	}
	if (!bytes_equal(data, bytes_of(report_data, REPORT_DATA_BYTES))) {
		snprintf(why, WHY_MAX, "the report is over other REPORT_DATA than was asked for");
		return -EPROTO;
	}
	return 0;
}

int attester_quote(struct attester *a, const uint8_t report_data[REPORT_DATA_BYTES],
		   struct quote *out, char why[WHY_MAX])
{
	char said[WHY_MAX] = "";
	int err;

	out->tee = TEE_NONE;
	out->report = bytes_of(NULL, 0);
	out->certs_count = 0;
	err = a->ops->quote(a->source, report_data, out, said);
	if (!err)
		err = check(out, a->ops->tee, report_data, said);
	if (err)
		snprintf(why, WHY_MAX, "%s: %.230s", a->ops->name, said);
	return err;
}
