// SPDX-License-Identifier: BSD-2-Clause
/* The programs behind TC on interfaces: by tcx, or by clsact where there is none; see tc.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "steering/filter.h"
#include "steering/pins.h"
#include "steering/replace.h"
#include "steering/tc.h"
#include "steering/why.h"

/* linux/bpf.h of 6.6 and later: BPF_TCX_INGRESS, BPF_TCX_EGRESS; Debian 12's is older. */
static const enum bpf_attach_type tcx_types[TC_WAYS] = { [TC_IN] = (enum bpf_attach_type)46,
							 [TC_OUT] = (enum bpf_attach_type)47 };
static const enum bpf_tc_attach_point points[TC_WAYS] = { [TC_IN] = BPF_TC_INGRESS,
							  [TC_OUT] = BPF_TC_EGRESS };

/* By number: names may have dots, which a bpffs has no files with. */
static void link_path(const char *pins, int ifindex, enum tc_way way, char out[PINS_PATH_MAX])
{
	snprintf(out, PINS_PATH_MAX, "%s/tcx_%s_%d", pins, tc_way_str(way), ifindex);
}

static struct filter_place place(int ifindex, enum tc_way way)
{
	return (struct filter_place){ ifindex, points[way], TC_PRIORITY, TC_HANDLE };
}

static bool is_ours(uint32_t id, enum tc_way way)
{
	return filter_is_named(id, tc_program_str(way));
}

/* The pinned link's descriptor and program, or -ENOENT; one whose interface is gone is let go. */
static int link_of(const char *pins, int ifindex, enum tc_way way, uint32_t *id)
{
	/* Of struct bpf_link_info, as 6.6 has it: interface and attach type follow the head. */
	union {
		struct bpf_link_info info;
		struct {
			uint32_t type, id, prog_id, pad;
			uint32_t ifindex;
		} tcx;
	} i = { 0 };
	uint32_t len = sizeof(i.info);
	char path[PINS_PATH_MAX];
	int fd;

	link_path(pins, ifindex, way, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -ENOENT;
	if (!bpf_obj_get_info_by_fd(fd, &i.info, &len) && i.tcx.ifindex == (uint32_t)ifindex) {
		*id = i.tcx.prog_id;
		return fd;
	}
	close(fd);
	unlink(path);
	return -ENOENT;
}

uint32_t tc_carried(const char *pins, const char *interface, enum tc_way way, bool *tcx)
{
	const struct filter_place at = place((int)if_nametoindex(interface), way);
	uint32_t id = 0;
	int link;

	*tcx = false;
	if (!at.ifindex)
		return 0;
	link = link_of(pins, at.ifindex, way, &id);
	if (link >= 0) {
		close(link);
		*tcx = true;
		return id;
	}
	id = filter_carried(&at);
	return id && is_ours(id, way) ? id : 0;
}

/* -EINVAL where the kernel has no tcx. */
static int make_link(int program, const char *pins, int ifindex, enum tc_way way)
{
	char path[PINS_PATH_MAX];
	int fd = bpf_link_create(program, ifindex, tcx_types[way], NULL), err = 0;

	if (fd < 0)
		return fd;
	link_path(pins, ifindex, way, path);
	if (bpf_obj_pin(fd, path)) {
		err = -errno;
		bpf_link_detach(fd);
	}
	close(fd);
	return err;
}

/* What carries id now shall carry program: 1 if it does, 0 if somebody else is there. */
static int succeed(int program, int link, const struct filter_place *at, enum tc_way way,
		   uint32_t id)
{
	/* In a link of ours is ours, whatever maps it works on. */
	if (!replace_is_due(program, id) && (link < 0 || !is_ours(id, way)))
		return 0;
	if (link >= 0)
		return bpf_link_update(link, program, NULL) ? -errno : 1;
	return filter_set(at, program, true) ?: 1;
}

/* 1: it is there now, 0: the place is free, -errno. */
static int look(int program, const char *pins, const struct filter_place *at, enum tc_way way,
		struct tc_attachment *a)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), id = 0;
	int link = link_of(pins, at->ifindex, way, &id), err = 1;

	a->tcx = link >= 0;
	if (link < 0)
		id = filter_carried(at);
	if (!id)
		return 0;
	if (bpf_obj_get_info_by_fd(program, &info, &len))
		err = -errno;
	else if (info.id == id)
		a->was_there = true;
	else
		err = succeed(program, link, at, way, id) ?: -EBUSY;
	if (err > 0 && !a->was_there)
		a->replaced = id;
	if (link >= 0)
		close(link);
	return err;
}

int tc_attach(int program, const char *pins, const char *interface, enum tc_way way,
	      struct tc_attachment *a, char why[DATAPLANE_WHY_MAX])
{
	const struct filter_place at =
		place(filter_interface(interface, true, "steer there", why), way);
	int err;

	*a = (struct tc_attachment){ 0 };
	if (at.ifindex < 0)
		return at.ifindex;
	err = look(program, pins, &at, way, a);
	if (err > 0)
		return 0;
	if (err == -EBUSY)
		return because(why, err,
			       "%s: another filter has our place: tc filter del dev %s %s pref %d "
			       "handle %#x bpf",
			       interface, interface, tc_way_str(way), TC_PRIORITY, TC_HANDLE);
	if (!err) {
		err = make_link(program, pins, at.ifindex, way);
		a->tcx = !err;
		if (err == -EINVAL || err == -EOPNOTSUPP)
			err = filter_set(&at, program, false);
	}
	return err ? because(why, err, "%s: cannot attach to %s: %s", interface, tc_way_str(way),
			     strerror(-err))
		   : 0;
}

int tc_detach(const char *pins, const char *interface, enum tc_way way,
	      char why[DATAPLANE_WHY_MAX])
{
	const struct filter_place at = place((int)if_nametoindex(interface), way);
	char path[PINS_PATH_MAX];
	uint32_t id = 0;
	int link, err;

	pins_quiet();
	if (!at.ifindex)
		return because(why, -ENODEV, "%s: no such interface", interface);
	link = link_of(pins, at.ifindex, way, &id);
	if (link >= 0) {
		link_path(pins, at.ifindex, way, path);
		err = bpf_link_detach(link) || unlink(path) ? -errno : 0;
		close(link);
	} else {
		id = filter_carried(&at);
		if (!id || !is_ours(id, way))
			return because(why, -ENOENT, "%s: carries no program of ours for %s",
				       interface, tc_way_str(way));
		err = filter_remove(&at);
	}
	return err ? because(why, err, "%s: cannot detach: %s", interface, strerror(-err)) : 0;
}

void tc_replace_everywhere(int program, enum tc_way way)
{
	struct if_nameindex *all = if_nameindex();

	replace_in_links(program, 0);
	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		const struct filter_place at = place((int)i->if_index, way);
		uint32_t id = filter_carried(&at);
		int err;

		if (!id || !replace_is_due(program, id))
			continue;
		err = filter_set(&at, program, true);
		if (err)
			log_warnx("%s: program %u runs on, it cannot be replaced: %s", i->if_name,
				  id, strerror(-err));
		else
			log_info("%s: replaced program %u", i->if_name, id);
	}
	if (all)
		if_freenameindex(all);
}
