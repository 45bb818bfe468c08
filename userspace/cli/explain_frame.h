/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame that is asked about, and what is read from the one that comes out.  Pure. */
#ifndef CLI_EXPLAIN_FRAME_H
#define CLI_EXPLAIN_FRAME_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "steering/explain.h"

enum {
	EXPLAIN_LENGTH_DEFAULT = 60, /* of the IP packet */
	EXPLAIN_LENGTH_MAX = 9216,
	EXPLAIN_FRAME_MAX = 14 + EXPLAIN_LENGTH_MAX,
};

/*
 * An untagged frame to mac with an IP packet of that many bytes, or as few as its headers need;
 * answers the bytes of the frame.  Its checksums hold but for that of TCP or UDP, which no router
 * reads.
 */
size_t explain_frame(const struct explain_flow *f, const uint8_t mac[6], uint8_t tos,
		     size_t length, uint8_t out[EXPLAIN_FRAME_MAX]);

/*
 * What stands before the last inner bytes of a frame: {"ethernet": {…}, "headers": [{"header":
 * "ipv4", …}, …], "bytes": "hex"}.  With inner 0, all headers that are known.
 */
json_t *explain_outer(const uint8_t *frame, size_t bytes, size_t inner);

#endif
