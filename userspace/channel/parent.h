/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket to our parent.  Nothing said is lost: what the socket does not take waits
 * here, and while anything waits those who would say more are paused.
 */
#ifndef PARENT_H
#define PARENT_H

#include <event2/event.h>
#include <stdbool.h>

#include "base/ipc.h"
#include "base/messages.h"

struct parent;

struct parent_ops {
	/* false: it makes no sense, so our parent is not what it should be. */
	bool (*received)(void *arg, const struct ipc_message *m);
	/* Called with true when the parent has ceased to read, with false when it reads again. */
	void (*paused)(void *arg, bool paused);
};

/* Takes over fd.  When it closes, or the parent makes no sense, the loop of base ends. */
struct parent *parent_new(struct event_base *base, int fd, const struct parent_ops *ops, void *arg);
void parent_free(struct parent *p); /* takes NULL */

bool parent_is_paused(const struct parent *p);
/* Why the loop ended: false when the parent just left. */
bool parent_has_failed(const struct parent *p);

/*
 * Begins a message in the one buffer there is, and sends it.  0 or -errno: -EMSGSIZE when it does
 * not fit into a message; any other failure ends the loop.
 */
struct ipc_writer parent_begin(struct parent *p, uint32_t type, uint32_t id);
int parent_send(struct parent *p, const struct ipc_writer *w);

#endif
