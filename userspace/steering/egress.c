// SPDX-License-Identifier: BSD-2-Clause
/* Loading the egress program and telling it what may leave; see egress.h. */
#include "steering/egress.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "egress.skel.h"
#include "steering/counters.h"
#include "steering/pins.h"
#include "steering/replace.h"
#include "steering/why.h"

static const struct pin_spec specs[EGRESS_MAPS] = {
	[EGRESS_RULES] = { "rules", BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32), sizeof(__u32), 0 },
	[EGRESS_OUTCOMES] = { "outcomes", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32),
			      sizeof(struct counter), 0 },
	[EGRESS_EVENTS] = { "events", BPF_MAP_TYPE_RINGBUF, 0, 0, 0 },
};

static const struct pin_set egress_pins = { "egress", specs, EGRESS_MAPS, BPF_PROG_TYPE_SCHED_CLS };

static int start(struct egress *e, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	*e = (struct egress){ .lock = -1, .program = -1 };
	for (int i = 0; i < EGRESS_MAPS; i++)
		e->map[i].fd = -1;
	if (!pins)
		pins = DATAPLANE_PINS;
	if ((size_t)snprintf(e->pins, sizeof(e->pins), "%s/egress", pins) >= sizeof(e->pins))
		return because(why, -ENAMETOOLONG, "%s: a path of at most %zu bytes is wanted",
			       pins, sizeof(e->pins) - sizeof("/egress"));
	pins_quiet();
	return 0;
}

static int adopt(struct egress *e, bool repair, char why[DATAPLANE_WHY_MAX])
{
	int err =
		pins_adopt(e->pins, &egress_pins, repair, &e->program, &e->program_id, e->map, why);

	if (err)
		return err;
	if (e->map[EGRESS_OUTCOMES].entries != EGRESS_COUNT)
		return because(why, -EEXIST,
			       "%s/outcomes: %u entries, want %u: loaded by another version; "
			       "remove %s first",
			       e->pins, e->map[EGRESS_OUTCOMES].entries, EGRESS_COUNT, e->pins);
	e->adopted = true;
	return 0;
}

static int take_fds(struct egress *e, struct egress_bpf *b, char why[DATAPLANE_WHY_MAX])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	for (int i = 0; i < EGRESS_MAPS; i++) {
		const struct bpf_map *m = bpf_object__find_map_by_name(b->obj, specs[i].name);
		int fd = m ? dup(bpf_map__fd(m)) : -1;

		if (fd < 0 || pins_describe(fd, &e->map[i]))
			return because(why, -EINVAL, "map %s of the loaded object: %s",
				       specs[i].name, m ? strerror(errno) : "missing");
	}
	e->program = dup(bpf_program__fd(b->progs.egress));
	if (e->program < 0 || bpf_obj_get_info_by_fd(e->program, &info, &len))
		return because(why, -errno, "program egress: %s", strerror(errno));
	e->program_id = info.id;
	return 0;
}

static int load(struct egress *e, char why[DATAPLANE_WHY_MAX])
{
	struct egress_bpf *b = egress_bpf__open();
	int err;

	if (!b)
		return because(why, -errno, "cannot open the egress object: %s", strerror(errno));
	err = egress_bpf__load(b);
	if (err)
		because(why, err,
			"the kernel does not load the egress program: %s (its reasons: log level "
			"debug)%s",
			strerror(-err),
			err == -EPERM ? "; CAP_BPF and CAP_NET_ADMIN are needed" : "");
	if (!err)
		err = take_fds(e, b, why);
	if (!err)
		err = pins_place(e->pins, &egress_pins, e->program, e->map, why);
	egress_bpf__destroy(b);
	return err;
}

/* As the router's; filters that carry the former one get it from egress_attach(). */
static void renew(struct egress *e)
{
	struct egress_bpf *b = egress_bpf__open();
	char why[DATAPLANE_WHY_MAX];

	if (!b) {
		log_warnx("cannot open the egress object: %s; program %u serves on",
			  strerror(errno), e->program_id);
		return;
	}
	if (replace_pinned(e->pins, egress_pins.program, b->obj, &e->program, &e->program_id, why) <
	    0)
		log_warnx("%s; program %u serves on", why, e->program_id);
	egress_bpf__destroy(b);
}

int egress_view(struct egress *e, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	int err = start(e, pins, why);

	if (!err)
		err = adopt(e, false, why);
	if (err)
		egress_close(e);
	return err;
}

int egress_open(struct egress *e, const char *pins, char why[DATAPLANE_WHY_MAX])
{
	int err = start(e, pins, why);

	if (!err)
		err = pins_make(e->pins, why);
	if (err)
		return err;
	e->lock = pins_lock(e->pins, why);
	if (e->lock < 0)
		return e->lock;
	err = adopt(e, true, why);
	if (!err)
		renew(e);
	else if (err == -ENOENT)
		err = load(e, why);
	if (err)
		egress_close(e);
	return err;
}

void egress_close(struct egress *e)
{
	pins_close(e->program, e->map, EGRESS_MAPS);
	e->program = -1;
	if (e->lock >= 0)
		close(e->lock);
	e->lock = -1;
}

/* A trie with these rules, or -errno. */
static int make_rules(const struct egress_key *ways, size_t count, uint16_t mss)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "egress_rules", sizeof(*ways), sizeof(__u32),
				EGRESS_WAYS_MAX, &o),
	    err = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; !err && i < count; i++) {
		__u32 value = ways[i].way == EGRESS_WAY_FROM ? mss : 0;

		if (bpf_map_update_elem(fd, &ways[i], &value, BPF_ANY))
			err = -errno;
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

int egress_set(struct egress *e, const struct egress_key *ways, size_t count, uint16_t mss,
	       char why[DATAPLANE_WHY_MAX])
{
	const __u32 zero = 0;
	int fd, err = 0;

	if (count > EGRESS_WAYS_MAX)
		return because(why, -ENOSPC, "%zu rules of egress, want at most %d", count,
			       EGRESS_WAYS_MAX);
	fd = make_rules(ways, count, mss);
	if (fd < 0)
		return because(why, fd, "%s/rules: cannot make new ones: %s", e->pins,
			       strerror(-fd));
	if (bpf_map_update_elem(e->map[EGRESS_RULES].fd, &zero, &fd, BPF_ANY))
		err = because(why, -errno, "%s/rules: cannot put new ones in place: %s", e->pins,
			      strerror(errno));
	close(fd);
	return err;
}

int egress_rules(const struct egress *e, struct egress_key *ways, size_t max, uint16_t *mss)
{
	const __u32 zero = 0;
	struct egress_key key, *last = NULL;
	uint32_t id, value;
	int fd, n = 0;

	*mss = 0;
	if (bpf_map_lookup_elem(e->map[EGRESS_RULES].fd, &zero, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	for (; n < EGRESS_WAYS_MAX && !bpf_map_get_next_key(fd, last, &key); n++, last = &key) {
		if ((size_t)n < max)
			ways[n] = key;
		if (key.way == EGRESS_WAY_FROM && !bpf_map_lookup_elem(fd, &key, &value))
			*mss = (uint16_t)value;
	}
	close(fd);
	return n;
}

int egress_counters(const struct egress *e, struct counter out[EGRESS_COUNT])
{
	return counters_of(e->map[EGRESS_OUTCOMES].fd, out, EGRESS_COUNT);
}
