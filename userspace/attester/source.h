/* SPDX-License-Identifier: BSD-2-Clause */
/* What every source of evidence is to attester.c, and how calls to firmware are kept apart. */
#ifndef SOURCE_H
#define SOURCE_H

#include "attester/attester.h"
#include "base/sandbox.h"

enum {
	SNP_REPORT_SIZE = 0x4a0, /* AMD 56860: every version so far */
	CALLS_APART_MS = 2000,	 /* hosts throttle guest requests that come faster */
};

struct source_ops {
	const char *name;
	enum tee tee;
	/* 0 and *out, or -errno and why[]. */
	int (*open)(const struct attester_config *c, void **out, char why[WHY_MAX]);
	int (*quote)(void *source, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
		     char why[WHY_MAX]);
	void (*close)(void *source);
};

extern const struct source_ops source_sev_guest, source_tsm, source_tsm_tdx, source_soft,
	source_nsm, source_tdx_guest, source_soft_nitro, source_soft_tdx;

/* The clock a source lives by; a test brings its own. */
struct source_clock {
	int64_t (*now_ms)(void);
	void (*sleep_ms)(int64_t ms);
};
extern const struct source_clock source_clock_real; /* monotonic */

/* When firmware was last called. */
struct pace {
	bool called;
	int64_t last_ms;
};

/* Sleeps until CALLS_APART_MS after the end of the last call. */
void pace_wait(const struct pace *p, const struct source_clock *clock);
void pace_called(struct pace *p, const struct source_clock *clock);

/* An attester of one opened source, which it takes over.  NULL without memory. */
struct attester *attester_new(const struct source_ops *ops, void *source);
enum tee attester_tee(const struct attester *a);
/* What its process may do. */
enum sandbox_kind attester_sandbox(const struct attester *a);

/* Reads requests and answers them until fd closes: 0, or -errno when the other side talks nonsense.
 */
int attester_serve(int fd, struct attester *a, const struct source_clock *clock);

#endif
