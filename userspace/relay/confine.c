// SPDX-License-Identifier: BSD-2-Clause
#include "base/sandbox.h"
#include "relay/relay.h"

int relay_give_up(const struct relay_config *c, uint64_t headroom)
{
	int err = sandbox_limit(headroom);

	if (!err && c->user[0])
		err = sandbox_drop(c->user);
	return err ? err : sandbox_drop_capabilities();
}
