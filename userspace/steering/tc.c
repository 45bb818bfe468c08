// SPDX-License-Identifier: BSD-2-Clause
/* Loading the programs behind TC; see tc.h. */
#include "steering/tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "steer_tc.skel.h"
#include "steering/pins.h"
#include "steering/replace.h"
#include "steering/why.h"

static const char *const ways[TC_WAYS] = { [TC_IN] = "ingress", [TC_OUT] = "egress" };
static const char *const programs[TC_WAYS] = { [TC_IN] = "steer_ingress",
					       [TC_OUT] = "steer_egress" };

const char *tc_way_str(enum tc_way way)
{
	return ways[way];
}

const char *tc_program_str(enum tc_way way)
{
	return programs[way];
}

/* The object with the program for that way alone. */
static struct steer_tc_bpf *open_object(enum tc_way way, char why[DATAPLANE_WHY_MAX])
{
	struct steer_tc_bpf *s = steer_tc_bpf__open();

	if (!s)
		because(why, -errno, "cannot open the object for TC: %s", strerror(errno));
	else
		bpf_program__set_autoload(
			way == TC_IN ? s->progs.steer_egress : s->progs.steer_ingress, false);
	return s;
}

static int load(const struct dataplane *d, enum tc_way way, char why[DATAPLANE_WHY_MAX])
{
	struct steer_tc_bpf *s = open_object(way, why);
	int err, fd = -1;

	if (!s)
		return -ENOENT;
	err = replace_share_maps(s->obj, d->program);
	if (!err)
		err = steer_tc_bpf__load(s);
	if (err)
		because(why, err,
			"the kernel does not load %s onto the maps under %s: %s (its reasons: log "
			"level debug)",
			programs[way], d->pins, strerror(-err));
	if (!err) {
		fd = dup(bpf_program__fd(bpf_object__find_program_by_name(s->obj, programs[way])));
		err = fd < 0 ? because(why, -errno, "%s: %s", programs[way], strerror(errno))
			     : pins_exchange(d->pins, programs[way], fd, why);
	}
	steer_tc_bpf__destroy(s);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* What is pinned, if it is of our kind and on these maps; -ESTALE if on others. */
static int adopt(const struct dataplane *d, enum tc_way way, char why[DATAPLANE_WHY_MAX])
{
	uint32_t ids[PINS_MAPS_MAX] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = PINS_MAPS_MAX,
				      .map_ids = (uint64_t)(uintptr_t)ids };
	uint32_t len = sizeof(info);
	char path[PINS_PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", d->pins, programs[way]);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return because(why, -errno, "%s: %s", path, strerror(errno));
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_PROG_TYPE_SCHED_CLS ||
	    strcmp(info.name, programs[way]) != 0) {
		close(fd);
		return because(why, -EEXIST, "%s: not a program of ours for TC; remove it", path);
	}
	for (uint32_t i = 0; i < info.nr_map_ids && i < PINS_MAPS_MAX; i++)
		if (ids[i] == d->map[MAP_SETTINGS].id)
			return fd;
	close(fd);
	return because(why, -ESTALE, "%s: works on other maps than the router beside it", path);
}

static void renew(const struct dataplane *d, enum tc_way way, int *program, uint32_t *id)
{
	char why[DATAPLANE_WHY_MAX];
	struct steer_tc_bpf *s = open_object(way, why);

	if (!s || replace_pinned(d->pins, programs[way], s->obj, program, id, why) < 0)
		log_warnx("%s; the program that is pinned serves on", why);
	steer_tc_bpf__destroy(s);
	tc_replace_everywhere(*program, way);
}

int tc_open(const struct dataplane *d, enum tc_way way, uint32_t *id, char why[DATAPLANE_WHY_MAX])
{
	int fd = adopt(d, way, why);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	bool writer = d->lock >= 0;

	if (fd >= 0 && writer)
		renew(d, way, &fd, id);
	else if (fd == -ENOENT || (fd == -ESTALE && writer))
		fd = load(d, way, why);
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		close(fd);
		return because(why, -errno, "%s: %s", programs[way], strerror(errno));
	}
	*id = info.id;
	return fd;
}

bool tc_is_pinned(const char *pins, enum tc_way way)
{
	char path[PINS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", pins, programs[way]);
	return !access(path, F_OK);
}

static bool is_ours(const char *name)
{
	return !strcmp(name, programs[TC_IN]) || !strcmp(name, programs[TC_OUT]) ||
	       !strncmp(name, "tcx_ingress_", 12) || !strncmp(name, "tcx_egress_", 11);
}

int tc_unpin(const char *pins, char why[DATAPLANE_WHY_MAX])
{
	DIR *dir = opendir(pins);
	char path[PINS_PATH_MAX];
	struct dirent *e;
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : because(why, -errno, "%s: %s", pins, strerror(errno));
	while (!err && (e = readdir(dir))) {
		if (!is_ours(e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%.64s", pins, e->d_name);
		if (unlink(path))
			err = because(why, -errno, "%s: cannot remove: %s", path, strerror(errno));
	}
	closedir(dir);
	return err;
}
