// SPDX-License-Identifier: BSD-2-Clause
/* The index of a store, and its floors: each line that is taken names something, within the limits.
 */
#include <assert.h>

#include "collateral/floor.h"
#include "collateral/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	char name[WANT_TEXT_MAX];
	struct index_line line;
	static char text[FLOORS_TEXT_MAX];
	static struct floors f;
	struct want again;

	index_begin(&in);
	while (index_next(&in, &line) > 0) {
		assert(want_parse(want_text(&line.want, name), &again));
		assert(want_equal(&line.want, &again));
		assert(line.n && line.n <= COLLATERAL_BODY_MAX &&
		       line.chain_n <= COLLATERAL_PEM_MAX);
		assert(line.fetched >= 0);
	}
	floors_read(&f, bytes_of(data, size));
	assert(floors_read(&f, bytes_of(text, floors_print(&f, text))));
	return 0;
}
