/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's quote generation service, which makes a quote of a TDREPORT: Intel DCAP's messages
 * (qgs_msg_lib.h), each behind its length in four bytes, big endian, over a vsock.
 */
#ifndef QGS_H
#define QGS_H

#include <stdint.h>

#include "attester/source.h"

enum {
	QGS_PORT = 4050,
	TDREPORT_SIZE = 1024,
	QGS_REQUEST_SIZE = 4 + 16 + 8 + TDREPORT_SIZE, /* length, header, sizes, the report */
	QGS_PATIENCE_MS = 30000, /* for a whole exchange: services take seconds under load */
};

/* GET_QUOTE_REQ with its length before it. */
void qgs_request(const uint8_t report[TDREPORT_SIZE], uint8_t out[QGS_REQUEST_SIZE]);
/* The quote in GET_QUOTE_RESP, which points into it.  0, or -errno and why[]. */
int qgs_response(struct bytes in, struct bytes *quote, char why[WHY_MAX]);

/* A socket to the host's port, that does not block: or -errno and why[]. */
int qgs_connect(unsigned int port, char why[WHY_MAX]);
/*
 * Asks over fd, which does not block, and waits for no more than patience_ms: 0 and out->report, in
 * out->buf; or -errno and why[].
 */
int qgs_exchange(int fd, const uint8_t report[TDREPORT_SIZE], int64_t patience_ms,
		 struct quote *out, char why[WHY_MAX]);

#endif
