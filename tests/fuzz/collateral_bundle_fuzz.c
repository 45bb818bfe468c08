// SPDX-License-Identifier: BSD-2-Clause
/* An export: as a file, whose digest seldom fits, and as what is behind the digest. */
#include <assert.h>

#include "collateral/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct bytes in)
{
	const uint8_t *begin = in.p, *end = in.p + in.n;
	char name[WANT_TEXT_MAX];
	struct want again;
	struct piece p;

	while (bundle_next(&in, &p) > 0) {
		assert(want_parse(want_text(&p.want, name), &again));
		assert(p.body.p >= begin && p.body.p + p.body.n <= end);
		assert(p.chain.p >= begin && p.chain.p + p.chain.n <= end);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[COLLATERAL_WHY_MAX];
	struct bytes in;

	if (bundle_open(bytes_of(data, size), &in, why))
		read_all(in);
	if (size)
		read_all(bytes_of(data, size));
	return 0;
}
