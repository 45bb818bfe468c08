/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/sev-guest as its driver offers it: our own copies of linux/sev-guest.h, whose
 * helper macros do not compile outside the kernel and which older systems lack.
 */
#ifndef SEV_GUEST_H
#define SEV_GUEST_H

#include <stdint.h>
#include <sys/ioctl.h>

#include "attester/source.h"

struct sev_guest_request {
	uint8_t msg_version; /* 1; the driver refuses 0 */
	uint8_t pad[7];
	uint64_t req_data, resp_data;
	uint32_t fw_error, vmm_error; /* mean something only after a failed call */
};

struct sev_report_request {
	uint8_t user_data[REPORT_DATA_BYTES];
	uint32_t vmpl;
	uint8_t reserved[28];
};

struct sev_report_response {
	uint8_t data[4000]; /* see snp_response.h */
};

struct sev_ext_report_request {
	struct sev_report_request report;
	uint64_t certs_address;
	uint32_t certs_len; /* a multiple of 4096; the driver writes what it would have needed */
	uint8_t pad[4];
};

_Static_assert(sizeof(struct sev_guest_request) == 32, "as the kernel has it");
_Static_assert(sizeof(struct sev_report_request) == 96, "as the kernel has it");
_Static_assert(sizeof(struct sev_report_response) == 4000, "as the kernel has it");
_Static_assert(sizeof(struct sev_ext_report_request) == 112, "as the kernel has it");

#define SEV_GET_REPORT	   _IOWR('S', 0, struct sev_guest_request)
#define SEV_GET_EXT_REPORT _IOWR('S', 2, struct sev_guest_request)

_Static_assert(SEV_GET_REPORT == 0xc0205300, "as the kernel has it");
_Static_assert(SEV_GET_EXT_REPORT == 0xc0205302, "as the kernel has it");

enum {
	SEV_VMM_ERROR_INVALID_LEN = 1, /* the buffer is too small for the host's certificates */
	SEV_VMM_ERROR_BUSY = 2,	       /* the host throttles */
	SEV_CERTS_PAGE = 4096,
	SEV_CERTS_MAX = 0x4000, /* the driver takes no larger buffer */
};

/* The only ways out of sev_guest.c; a test stands in for the driver. */
struct sev_guest_io {
	int (*ioctl)(int fd, unsigned long request, void *arg); /* 0 or -errno */
	const struct source_clock *clock;
};

struct sev_guest;

/* Takes fd over.  NULL without memory; then fd is the caller's. */
struct sev_guest *sev_guest_new(int fd, unsigned int vmpl, const struct sev_guest_io *io);
void sev_guest_free(struct sev_guest *g);
int sev_guest_quote(struct sev_guest *g, const uint8_t report_data[REPORT_DATA_BYTES],
		    struct quote *out, char why[WHY_MAX]);

#endif
