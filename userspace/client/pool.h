/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local connections on one side, verified sessions on the other.  A few sessions are kept
 * appraised, without RESULT, so that a new connection has one at once; each is replaced before
 * its evidence or the server's patience is over.  The verdict belongs to one session and is
 * never used for another.
 */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include "client/client.h"

struct pool;

/* Listens on fd, which it takes over.  NULL without memory. */
struct pool *pool_new(struct client *c, int fd);
void pool_free(struct pool *p); /* takes NULL */

#endif
