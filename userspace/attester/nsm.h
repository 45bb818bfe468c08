/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/nsm, the Nitro Secure Module of an enclave, as Linux 6.8 and the older driver out of its
 * tree offer it: one raw call, CBOR in and out.
 */
#ifndef NSM_H
#define NSM_H

#include <stdint.h>
#include <sys/ioctl.h>

#include "attester/source.h"

struct nsm_iovec {
	uint64_t addr, len;
};

struct nsm_raw {
	struct nsm_iovec request;
	struct nsm_iovec response; /* len: the buffer's, then what the driver wrote */
};

#define NSM_RAW _IOWR(0x0a, 0, struct nsm_raw)

_Static_assert(sizeof(struct nsm_raw) == 32, "as the kernel has it");
_Static_assert(NSM_RAW == 0xc0200a00, "as the kernel has it");

enum {
	NSM_REQUEST_MAX = 0x1000,
	NSM_RESPONSE_MAX = 0x3000, /* what does not fit, the driver cuts off without a word */
};

/* The only ways out of nsm.c; a test stands in for the driver. */
struct nsm_io {
	int (*ioctl)(int fd, unsigned long request, void *arg); /* 0 or -errno */
	const struct source_clock *clock;
};

/* {"Attestation": {…}}: how many bytes of out it takes. */
size_t nsm_request(const uint8_t report_data[REPORT_DATA_BYTES], uint8_t out[NSM_REQUEST_MAX]);
/* The document in an answer, which points into it.  0, or -errno and why[]. */
int nsm_response(struct bytes in, struct bytes *document, char why[WHY_MAX]);

struct nsm;

/* Takes fd over.  NULL without memory; then fd is the caller's. */
struct nsm *nsm_new(int fd, const struct nsm_io *io);
void nsm_free(struct nsm *n);
int nsm_quote(struct nsm *n, const uint8_t report_data[REPORT_DATA_BYTES], struct quote *out,
	      char why[WHY_MAX]);

#endif
