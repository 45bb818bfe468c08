// SPDX-License-Identifier: BSD-2-Clause
#include "attester/attester.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The kernel's own interface first, the driver's then; software never. */
static int open_auto(struct attester *a, const struct attester_config *c, char why[WHY_MAX])
{
	char tsm[WHY_MAX], device[WHY_MAX];
	int err;

	if (!try(a, &source_tsm, c, tsm))
		return 0;
	err = try(a, &source_sev_guest, c, device);
	if (err)
		snprintf(why, WHY_MAX, "no evidence here: %.110s; %.110s", tsm, device);
	return err;
}

static int open_source(struct attester *a, const struct attester_config *c, char why[WHY_MAX])
{
	switch (c->source) {
	case ATTESTER_AUTO:
		return open_auto(a, c, why);
	case ATTESTER_TSM:
		return try(a, &source_tsm, c, why);
	case ATTESTER_SEV_GUEST:
		return try(a, &source_sev_guest, c, why);
	case ATTESTER_SOFT:
		return try(a, &source_soft, c, why);
	}
	snprintf(why, WHY_MAX, "unknown source %d", c->source);
	return -EINVAL;
}

int attester_open(const struct attester_config *c, struct attester **out, char why[WHY_MAX])
{
	struct attester *a;
	int err;

	if (c->tee != TEE_SNP || c->vmpl > VMPL_MAX) {
		snprintf(why, WHY_MAX, "tee %s at vmpl %u: want snp at 0..%d", tee_str(c->tee),
			 c->vmpl, VMPL_MAX);
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

/* Whatever a source says: a report of another length, or over other data, is none. */
static int check(const struct quote *q, const uint8_t report_data[REPORT_DATA_BYTES],
		 char why[WHY_MAX])
{
	if (q->tee != TEE_SNP || q->report.n != SNP_REPORT_SIZE) {
		snprintf(why, WHY_MAX, "got %zu bytes of %s: want a report of %d", q->report.n,
			 tee_str(q->tee), SNP_REPORT_SIZE);
		return -EPROTO;
	}
	if (memcmp(q->report.p + REPORT_DATA_OFFSET, report_data, REPORT_DATA_BYTES)) {
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
		err = check(out, report_data, said);
	if (err)
		snprintf(why, WHY_MAX, "%s: %.230s", a->ops->name, said);
	return err;
}
