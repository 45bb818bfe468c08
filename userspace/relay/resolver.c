// SPDX-License-Identifier: BSD-2-Clause
/*
 * Looks up the names of destinations, in a process of its own because that takes its time.
 * It is asked by a destination's index, so nobody can have it say anything to the world.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "channel/sock.h"
#include "relay/relay.h"

enum {
	HEADROOM_BYTES = 256 << 20,
	SEND_PATIENCE_MS = 10000,
};

static void resolve(const struct relay_destination *d, struct resolved *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL, *a;
	uint16_t port;
	int err = getaddrinfo(d->host, NULL, &hints, &all);

	out->count = 0;
	if (err)
		log_warnx("%s: looking up %s: %s", d->name, d->host,
			  err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
	for (a = err ? NULL : all; a && out->count < RELAY_ADDRESSES_MAX; a = a->ai_next)
		if (sock_addr_of(a->ai_addr, &out->addrs[out->count], &port))
			out->count++;
	if (!err)
		freeaddrinfo(all);
}

static int answer(int fd, uint32_t id, const struct resolved *found)
{
	uint8_t buf[512];
	struct ipc_writer w = ipc_begin(buf, sizeof(buf), MSG_RESOLVED, id);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int err;

	resolved_put(&w, found);
	err = ipc_send(fd, &w);
	if (err == -EAGAIN && poll(&p, 1, SEND_PATIENCE_MS) > 0)
		err = ipc_send(fd, &w);
	return err;
}

static int serve(int fd, const struct relay_config *c)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct resolved found;
	struct ipc_message m;
	uint8_t buf[64];
	int n;

	for (;;) {
		n = ipc_receive(fd, buf, sizeof(buf), &m);
		if (n == -EAGAIN) {
			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return -errno;
			continue;
		}
		if (n <= 0)
			return n;
		if (m.type != MSG_RESOLVE || m.id >= c->destinations_count || m.body.n)
			return -EPROTO;
		resolve(&c->destinations[m.id], &found);
		n = answer(fd, m.id, &found);
		if (n)
			return n;
	}
}

void resolver_main(int fd, const struct relay_config *c)
{
	int err = relay_give_up(c, HEADROOM_BYTES);

	if (!err)
		err = sandbox_enter(SANDBOX_FETCH);
	if (err)
		fatalx("giving up privileges: %s", strerror(-err));
	err = serve(fd, c);
	if (err)
		log_warnx("the parent sends nonsense or does not read: %s", strerror(-err));
	exit(err ? 2 : 0);
}
