/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/tdx_guest (Linux 6.2): a TDREPORT, which only this machine can check, and the quote that
 * the host's quote generation service makes of it.
 */
#ifndef TDX_GUEST_H
#define TDX_GUEST_H

#include <stdint.h>
#include <sys/ioctl.h>

#include "attester/qgs.h"
#include "attester/source.h"

struct tdx_report_request { /* linux/tdx-guest.h, which Debian 12 lacks */
	uint8_t report_data[REPORT_DATA_BYTES];
	uint8_t report[TDREPORT_SIZE];
};

#define TDX_GET_REPORT0 _IOWR('T', 1, struct tdx_report_request)

_Static_assert(sizeof(struct tdx_report_request) == 1088, "as the kernel has it");
_Static_assert(TDX_GET_REPORT0 == 0xc4405401, "as the kernel has it");

enum {
	TDREPORT_TYPE = 0x81,	    /* its first byte: of a TD */
	TDREPORT_DATA_OFFSET = 128, /* REPORTMACSTRUCT.REPORTDATA */
};

/* The only ways out of tdx_guest.c; a test stands in for driver and host. */
struct tdx_guest_io {
	int (*ioctl)(int fd, unsigned long request, void *arg); /* 0 or -errno */
	int (*connect)(unsigned int port, char why[WHY_MAX]);	/* a socket, or -errno */
	const struct source_clock *clock;
	int64_t patience_ms; /* with the service */
};

struct tdx_guest;

/* Takes fd over.  NULL without memory; then fd is the caller's. */
struct tdx_guest *tdx_guest_new(int fd, unsigned int port, const struct tdx_guest_io *io);
void tdx_guest_free(struct tdx_guest *g);
int tdx_guest_quote(struct tdx_guest *g, const uint8_t report_data[REPORT_DATA_BYTES],
		    struct quote *out, char why[WHY_MAX]);

#endif
