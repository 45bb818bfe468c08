/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fairlead/1 marks where a message ends: four bytes of length, big-endian,
 * then that many bytes.  A length that may not come now is refused before a byte
 * of the message is waited for.
 */
#ifndef FRAME_H
#define FRAME_H

#include <event2/buffer.h>
#include <stddef.h>

#include "base/bytes.h"

enum {
	FRAME_HEADER = 4,
	FRAME_MAX = 262144,	/* EVIDENCE: a report with its certificates, in base64 */
	FRAME_SMALL_MAX = 8192, /* any other message */
};

enum frame {
	FRAME_READY,
	FRAME_MORE,	/* the rest has not come yet */
	FRAME_EMPTY,	/* a length of 0 */
	FRAME_TOO_LONG, /* a length above max */
};

/* The first message of in, which stays there until frame_drop(); *out points into it. */
enum frame frame_next(struct evbuffer *in, size_t max, struct bytes *out);
void frame_drop(struct evbuffer *in, struct bytes message);

/* Appends message with its length; 0 or -errno. */
int frame_put(struct evbuffer *out, struct bytes message);

#endif
