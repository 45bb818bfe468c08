// SPDX-License-Identifier: BSD-2-Clause
#include "channel/dial.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel/sock.h"

struct dial {
	int fd; /* or -errno, to be told by the event */
	uint64_t since_us;
	struct event *event;
	dial_done done;
	void *arg;
};

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct dial d = *(struct dial *)arg;
	uint64_t us = now_us() - d.since_us, kernel_us;
	int err = d.fd;

	if (fd >= 0)
		err = what & EV_TIMEOUT ? -ETIMEDOUT : sock_connected(fd);
	event_free(d.event);
	free(arg);
	if (err) {
		if (fd >= 0)
			close(fd);
		d.done(d.arg, err, 0);
		return;
	}
	/* Our own loop may have been busy meanwhile; the kernel was not. */
	kernel_us = sock_connect_us(fd);
	d.done(d.arg, fd, kernel_us && kernel_us < us ? kernel_us : us);
}

struct dial *dial_start(struct event_base *base, const struct addr *addr, uint16_t port,
			uint32_t limit_ms, dial_done done, void *arg)
{
	struct timeval limit = timeval_of_us((uint64_t)limit_ms * 1000), now = { 0, 0 };
	struct dial *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	*d = (struct dial){ .since_us = now_us(), .done = done, .arg = arg };
	d->fd = sock_connect(addr, port);
	d->event = event_new(base, d->fd < 0 ? -1 : d->fd, EV_WRITE, on_event, d);
	if (!d->event || event_add(d->event, d->fd < 0 ? &now : &limit)) {
		dial_cancel(d);
		return NULL;
	}
	return d;
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	if (d->event)
		event_free(d->event);
	if (d->fd >= 0)
		sock_abort(d->fd);
	free(d);
}
