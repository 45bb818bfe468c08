/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evidence of this guest, from whatever its hardware and kernel offer, behind one interface:
 * configfs-tsm, /dev/sev-guest, /dev/tdx_guest, /dev/nsm, or soft (a lab's software attester).
 */
#ifndef ATTESTER_H
#define ATTESTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/binding.h"
#include "base/messages.h"
#include "base/tee.h"

enum attester_source {
	ATTESTER_AUTO, /* what the TEE's kernels offer, the newest first; never soft */
	ATTESTER_TSM,
	ATTESTER_SEV_GUEST,
	ATTESTER_SOFT,
	ATTESTER_NSM,
	ATTESTER_TDX_GUEST,
	ATTESTER_SOURCES
};

enum {
	ATTESTER_PATH_MAX = 256,
	EVIDENCE_MAX = 65536, /* report and certificates of one answer */
};

struct attester_config {
	enum attester_source source;
	enum tee tee;
	unsigned int vmpl;		   /* 0..3, asked of SNP's firmware */
	char device[ATTESTER_PATH_MAX];	   /* "" is the one of its source */
	uint16_t quote_port;		   /* of the host's quote generation service; 0: 4050 */
	char tsm[ATTESTER_PATH_MAX];	   /* "" is /sys/kernel/config/tsm/report */
	char directory[ATTESTER_PATH_MAX]; /* soft: keys, chain and guest.yaml, see attester/soft.h
					    */
};

struct attester;

/* A report and what came with it.  The bytes live in buf. */
struct quote {
	enum tee tee;
	struct bytes report;
	struct bytes certs[CERTS_MAX];
	size_t certs_count;
	uint8_t buf[EVIDENCE_MAX];
};

/* Whether evidence of that kind can come from there: false is a mistake in a configuration. */
bool attester_has(enum tee tee, enum attester_source source);

/* 0 and *out, or -errno and why[]: nothing is opened then. */
int attester_open(const struct attester_config *c, struct attester **out, char why[WHY_MAX]);
void attester_close(struct attester *a);

/*
 * A report over report_data.  May block for a minute (the host throttles), so it belongs into the
 * attester's own process.  0, or -errno and why[]: -EBUSY to be tried again later, -ENOTTY for
 * good.
 */
int attester_quote(struct attester *a, const uint8_t report_data[REPORT_DATA_BYTES],
		   struct quote *out, char why[WHY_MAX]);

/* Answers MSG_QUOTE_WANTED with MSG_QUOTE on fd until it closes; computes REPORT_DATA itself. */
_Noreturn void attester_main(int fd, struct attester *a);

#endif
