// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may leave this guest: puts the configured rules into the kernel, on the
 * configured interfaces, and looks again and again that they are still there.  What is
 * refused is told in the log, some of it.  However this process ends, the rules stay.
 */
#include "daemon/daemon.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "channel/quota.h"
#include "daemon/egress_ways.h"

enum {
	LOOK_S = 2,	/* at the interfaces */
	LINES_MAX = 20, /* about what was refused, in */
	LINES_MS = 10000,
};

/* What is only needed while the daemon runs. */
struct egress_watch {
	struct ring_buffer *ring;
	struct event *readable, *look;
	struct quota lines;
};

static int on_record(void *arg, void *data, size_t n)
{
	char text[EGRESS_TEXT_MAX], name[IF_NAMESIZE];
	struct egress_watch *w = arg;
	struct egress_event e;
	unsigned int silenced;

	if (n != sizeof(e) || !quota_take(&w->lines, now_us(), &silenced))
		return 0;
	memcpy(&e, data, sizeof(e));
	if (silenced)
		log_warnx("egress: %u refused packets more were told of", silenced);
	log_warnx("egress: refused on %s, %s: %s, %u bytes",
		  if_indextoname(e.ifindex, name) ? name : "?", egress_label(e.outcome),
		  egress_event_text(&e, text), e.length);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ring_buffer__consume(((struct egress_watch *)arg)->ring);
}

/* An interface that came anew, or whose filters somebody flushed, is confined again. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	const struct egress_config *c = &d->config->agent.egress;
	char why[DATAPLANE_WHY_MAX];

	(void)fd;
	(void)what;
	for (size_t i = 0; i < c->interfaces_count; i++) {
		if (egress_is_attached(&d->egress, c->interfaces[i]))
			continue;
		if (!egress_attach(&d->egress, c->interfaces[i], why))
			log_warnx("%s: what leaves by it was not confined; it is again",
				  c->interfaces[i]);
	}
}

static int watch(struct daemon *d)
{
	static const struct timeval period = { LOOK_S, 0 };
	struct egress_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	d->egress_watch = w;
	w->lines = quota_of(LINES_MAX, LINES_MS * 1000ull);
	w->ring = ring_buffer__new(d->egress.map[EGRESS_EVENTS].fd, on_record, w, NULL);
	if (!w->ring)
		return -errno;
	w->readable = event_new(d->base, ring_buffer__epoll_fd(w->ring), EV_READ | EV_PERSIST,
				on_readable, w);
	w->look = event_new(d->base, -1, EV_PERSIST, on_look, d);
	if (!w->readable || !w->look || event_add(w->readable, NULL) || event_add(w->look, &period))
		return -ENOMEM;
	return 0;
}

int egress_start(struct daemon *d)
{
	char why[DATAPLANE_WHY_MAX] = "";
	int err;

	if (!d->config->agent.egress.wanted)
		return 0;
	if (egress_open(&d->egress, d->config->pins, why)) {
		log_warnx("%s", why);
		return -EIO;
	}
	d->confining = true;
	err = watch(d);
	if (err)
		log_warnx("egress: cannot listen to what is refused: %s", strerror(-err));
	return err;
}

static int set_rules(struct daemon *d, char why[DATAPLANE_WHY_MAX])
{
	size_t count = egress_ways(d->config, NULL, 0);
	struct egress_key *ways = calloc(count + 1, sizeof(*ways));
	int err;

	if (!ways) {
		snprintf(why, DATAPLANE_WHY_MAX, "egress: no memory");
		return -ENOMEM;
	}
	count = egress_sort(ways, egress_ways(d->config, ways, count));
	err = egress_set(&d->egress, ways, count, (uint16_t)d->config->agent.egress.mss, why);
	free(ways);
	return err;
}

static int confine(struct daemon *d, char why[DATAPLANE_WHY_MAX])
{
	const struct egress_config *c = &d->config->agent.egress;
	int err = 0;

	for (size_t i = 0; err >= 0 && i < c->interfaces_count; i++) {
		err = egress_attach(&d->egress, c->interfaces[i], why);
		if (!err)
			log_info("%s: what leaves by it is confined", c->interfaces[i]);
	}
	return err < 0 ? err : 0;
}

static bool is_listed(const struct egress_config *c, const char *interface)
{
	for (size_t i = 0; i < c->interfaces_count; i++)
		if (!strcmp(c->interfaces[i], interface))
			return true;
	return false;
}

/* Those that a former configuration has confined, and this one does not name. */
static void release_others(struct daemon *d)
{
	struct if_nameindex *all = if_nameindex();
	char why[DATAPLANE_WHY_MAX];

	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		if (is_listed(&d->config->agent.egress, i->if_name) ||
		    !egress_is_attached(&d->egress, i->if_name))
			continue;
		if (egress_detach(&d->egress, i->if_name, why))
			log_warnx("%s", why);
		else
			log_warnx("%s: what leaves by it is no longer confined", i->if_name);
	}
	if (all)
		if_freenameindex(all);
}

/* Rules first: an interface is never confined by those of a former life. */
int egress_apply(struct daemon *d, char why[WHY_MAX])
{
	char long_why[DATAPLANE_WHY_MAX] = "";
	int err;

	if (!d->confining)
		return 0;
	err = set_rules(d, long_why);
	if (!err)
		err = confine(d, long_why);
	if (!err)
		release_others(d);
	else
		snprintf(why, WHY_MAX, "%.*s", WHY_MAX - 1, long_why);
	return err;
}

void egress_stop(struct daemon *d)
{
	struct egress_watch *w = d->egress_watch;

	if (w) {
		if (w->readable)
			event_free(w->readable);
		if (w->look)
			event_free(w->look);
		ring_buffer__free(w->ring);
		free(w);
	}
	d->egress_watch = NULL;
	if (d->confining)
		egress_close(&d->egress);
	d->confining = false;
}
