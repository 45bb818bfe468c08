// SPDX-License-Identifier: BSD-2-Clause
/* Header lines of any vendor: bounded waits, and a chain without NULs. */
#include <assert.h>

#include "collateral/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct header_facts f;
	struct bytes in = bytes_of(data, size), line;

	memset(&f, 0, sizeof(f));
	while (in.n) {
		const uint8_t *end = memchr(in.p, '\n', in.n);

		if (!get(&in, end ? (size_t)(end - in.p) + 1 : in.n, &line))
			break;
		header_read(line, &f);
	}
	assert(header_retry_s(&f, 784111777) <= RETRY_AFTER_MAX_S);
	assert(f.chain_n <= sizeof(f.chain) && (!f.chain_broken || !f.chain_n));
	assert(!f.chain_n || !memchr(f.chain, 0, f.chain_n));
	return 0;
}
