// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as a message and as claims; what can be read can be written and read again, the same.
 */
#include <assert.h>
#include <stdlib.h>

#include "channel/frame.h"
#include "channel/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct wire_message *m)
{
	static char first[FRAME_MAX], second[FRAME_MAX];
	static uint8_t room[FRAME_MAX];
	size_t n = wire_write(m, first, sizeof(first)), n2;
	struct wire_message back;
	char why[WHY_MAX];

	assert(n && wire_read(bytes_of(first, n), room, sizeof(room), &back, why));
	n2 = wire_write(&back, second, sizeof(second));
	assert(n == n2 && !memcmp(first, second, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *room = malloc(size ? size : 1); /* so that one byte too many is seen */
	char why[WHY_MAX] = "";
	struct wire_message m;
	struct wire_claims c;

	if (wire_read(bytes_of(data, size), room, size, &m, why))
		again(&m);
	else
		assert(why[0]);
	if (wire_claims_read(bytes_of(data, size), &c, why)) {
		char text[WIRE_CLAIMS_MAX];
		size_t n = wire_claims_write(&c, text, sizeof(text));

		assert(!n || wire_claims_read(bytes_of(text, n), &c, why));
	}
	free(room);
	return 0;
}
