// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as what the resolver says: what is read is written again as it was. */
#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolved r;
	uint8_t buf[512];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), 0, 0);
	size_t header = w.n;

	if (!resolved_get(bytes_of(data, size), &r))
		return 0;
	resolved_put(&w, &r);
	if (w.overflow || w.n - header != size || memcmp(buf + header, data, size))
		abort();
	return 0;
}
