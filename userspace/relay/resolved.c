// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "relay/relay.h"

void resolved_put(struct ipc_writer *w, const struct resolved *m)
{
	ipc_put_u32(w, m->count);
	for (uint32_t i = 0; i < m->count; i++)
		ipc_put_blob(w, bytes_of(&m->addrs[i], sizeof(m->addrs[i])));
}

bool resolved_get(struct bytes in, struct resolved *m)
{
	struct bytes b;

	memset(m, 0, sizeof(*m));
	if (!ipc_get_u32(&in, &m->count) || m->count > RELAY_ADDRESSES_MAX)
		return false;
	for (uint32_t i = 0; i < m->count; i++) {
		if (!ipc_get_blob(&in, &b) || b.n != sizeof(m->addrs[i]))
			return false;
		memcpy(&m->addrs[i], b.p, b.n);
	}
	return in.n == 0;
}
