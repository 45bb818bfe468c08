/* SPDX-License-Identifier: BSD-2-Clause */
/* configfs-tsm's reports (Documentation/ABI/testing/configfs-tsm-report): tsm.c's ways out. */
#ifndef TSM_H
#define TSM_H

#include <sys/types.h>

#include "attester/source.h"

/* One request is one directory; a test stands in for the kernel.  All answer 0 or -errno. */
struct tsm_io {
	int (*make)(const char *path);
	int (*remove)(const char *path);
	/* One open, one write of all n bytes, one close: the kernel takes it at the close. */
	int (*write)(const char *path, const char *attribute, const void *p, size_t n);
	/* The attribute to its end: its length; -EFBIG when it holds more than size. */
	ssize_t (*read)(const char *path, const char *attribute, void *buf, size_t size);
	const struct source_clock *clock;
};

extern const struct tsm_io tsm_io_real;

struct tsm;

struct tsm *tsm_new(const char *directory, unsigned int vmpl, const struct tsm_io *io);
void tsm_free(struct tsm *t);
/* Whose reports: TEE_TDX, or TEE_SNP as without a word. */
void tsm_expect(struct tsm *t, enum tee tee);
/* Whether there is a provider that we know: 0, or -errno and why[]. */
int tsm_check(struct tsm *t, char why[WHY_MAX]);
int tsm_quote(struct tsm *t, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
	      char why[WHY_MAX]);

#endif
