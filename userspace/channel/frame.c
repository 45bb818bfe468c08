// SPDX-License-Identifier: BSD-2-Clause
#include "channel/frame.h"

#include <errno.h>

enum frame frame_next(struct evbuffer *in, size_t max, struct bytes *out)
{
	uint8_t header[FRAME_HEADER];
	struct bytes h = bytes_of(header, sizeof(header));
	uint32_t n;
	uint8_t *p;

	if (evbuffer_copyout(in, header, sizeof(header)) < (ssize_t)sizeof(header) ||
	    !get_be32(&h, &n))
		return FRAME_MORE;
	if (n == 0)
		return FRAME_EMPTY;
	if (n > max)
		return FRAME_TOO_LONG;
	if (evbuffer_get_length(in) < FRAME_HEADER + n)
		return FRAME_MORE;
	p = evbuffer_pullup(in, FRAME_HEADER + n);
	if (!p)
		return FRAME_TOO_LONG; /* for our memory */
	*out = bytes_of(p + FRAME_HEADER, n);
	return FRAME_READY;
}

void frame_drop(struct evbuffer *in, struct bytes message)
{
	evbuffer_drain(in, FRAME_HEADER + message.n);
}

int frame_put(struct evbuffer *out, struct bytes message)
{
	const uint8_t header[FRAME_HEADER] = { message.n >> 24, message.n >> 16, message.n >> 8,
					       message.n };

	if (message.n == 0 || message.n > FRAME_MAX)
		return -EMSGSIZE;
	if (evbuffer_expand(out, sizeof(header) + message.n) ||
	    evbuffer_add(out, header, sizeof(header)) || evbuffer_add(out, message.p, message.n))
		return -ENOMEM;
	return 0;
}
