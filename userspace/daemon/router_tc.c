// SPDX-License-Identifier: BSD-2-Clause
/* The router's programs behind TC: loaded when the configuration first asks for one, and kept. */
#include "daemon/daemon.h"

#include <unistd.h>

#include "base/log.h"

static int open_way(struct daemon *d, enum tc_way way)
{
	struct router_tc *t = &d->tc[way];
	char why[DATAPLANE_WHY_MAX];
	uint32_t id = 0;
	int fd;

	if (t->is_open)
		return 0;
	fd = tc_open(&d->dataplane, way, &id, why);
	if (fd < 0) {
		log_warnx("%s", why);
		return -EIO;
	}
	*t = (struct router_tc){ true, fd };
	log_info("%s: program %u", tc_program_str(way), id);
	return 0;
}

int router_tc_start(struct daemon *d)
{
	int err = 0;

	/* What is pinned may be attached, and is to be of this build. */
	for (int way = 0; way < TC_WAYS && !err; way++)
		if (tc_is_pinned(d->dataplane.pins, way))
			err = open_way(d, way);
	return err;
}

static int attach_one(struct daemon *d, const char *interface, enum tc_way way)
{
	struct tc_attachment a = { 0 };
	char why[DATAPLANE_WHY_MAX];

	if (tc_attach(d->tc[way].program, d->dataplane.pins, interface, way, &a, why)) {
		log_warnx("%s", why);
		return -EIO;
	}
	if (a.replaced)
		log_info("%s: %s of TC, replaced program %u", interface, tc_way_str(way),
			 a.replaced);
	else
		log_info("%s: %s of TC, by %s%s", interface, tc_way_str(way),
			 a.tcx ? "tcx" : "clsact", a.was_there ? ", as before" : "");
	return 0;
}

int router_tc_apply(struct daemon *d)
{
	const struct router_config *r = &d->config->router;
	int err = 0;

	for (int way = 0; way < TC_WAYS; way++) {
		if (r->tc_count[way])
			err = open_way(d, way);
		for (size_t i = 0; i < r->tc_count[way] && !err; i++)
			err = attach_one(d, r->tc[way][i], way);
		if (err)
			return err;
	}
	return 0;
}

void router_tc_stop(struct daemon *d)
{
	for (int way = 0; way < TC_WAYS; way++)
		if (d->tc[way].is_open)
			close(d->tc[way].program);
}
