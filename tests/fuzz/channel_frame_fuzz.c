// SPDX-License-Identifier: BSD-2-Clause
/* A stream in pieces of any size: the same messages come out, none longer than may come. */
#include <assert.h>

#include "channel/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 100 };

/* Feeds piece bytes at a time; a sum over what came out, and how it ended. */
static uint32_t read_all(const uint8_t *data, size_t size, size_t piece)
{
	struct evbuffer *b = evbuffer_new();
	uint32_t sum = 5381;
	enum frame f = FRAME_MORE;
	struct bytes m;

	for (size_t at = 0; at < size && f == FRAME_MORE; at += piece) {
		evbuffer_add(b, data + at, size - at < piece ? size - at : piece);
		while ((f = frame_next(b, MOST, &m)) == FRAME_READY) {
			assert(m.n > 0 && m.n <= MOST);
			for (size_t i = 0; i < m.n; i++)
				sum = sum * 33 + m.p[i];
			sum = sum * 33 + m.n;
			frame_drop(b, m);
		}
	}
	evbuffer_free(b);
	return sum * 33 + f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size ? data[0] % 9 + 1 : 1;

	assert(read_all(data, size, size + 1) == read_all(data, size, piece));
	return 0;
}
