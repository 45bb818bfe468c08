// SPDX-License-Identifier: BSD-2-Clause
/* Replacing programs; see replace.h. */
#include "steering/replace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "steering/attach.h"
#include "steering/pins.h"
#include "steering/why.h"

/* What is known of a loaded program, with the ids of its maps. */
struct loaded {
	struct bpf_prog_info info;
	uint32_t maps[PINS_MAPS_MAX];
};

static int ask(int program, struct loaded *l)
{
	uint32_t len = sizeof(l->info);

	*l = (struct loaded){ .info = { .nr_map_ids = PINS_MAPS_MAX,
					.map_ids = (uint64_t)(uintptr_t)l->maps } };
	if (bpf_obj_get_info_by_fd(program, &l->info, &len))
		return -errno;
	if (l->info.nr_map_ids > PINS_MAPS_MAX)
		l->info.nr_map_ids = PINS_MAPS_MAX;
	return 0;
}

static bool has_shape(const struct bpf_map *m, const struct bpf_map_info *i)
{
	return bpf_map__type(m) == i->type && bpf_map__key_size(m) == i->key_size &&
	       bpf_map__value_size(m) == i->value_size;
}

/* Constants (.rodata) are each program's own. */
static int share_map(struct bpf_object *obj, uint32_t id)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id), err = 0;
	struct bpf_map *m;

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		err = -errno;
		goto out;
	}
	m = strchr(info.name, '.') ? NULL : bpf_object__find_map_by_name(obj, info.name);
	if (m && !bpf_map__is_internal(m) && has_shape(m, &info))
		err = bpf_map__reuse_fd(m, fd);
out:
	close(fd);
	return err;
}

static int share_all(struct bpf_object *obj, const struct loaded *from)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < from->info.nr_map_ids; i++)
		err = share_map(obj, from->maps[i]);
	return err;
}

int replace_share_maps(struct bpf_object *obj, int program)
{
	struct loaded from;
	int err = ask(program, &from);

	return err ? err : share_all(obj, &from);
}

int replace_pinned(const char *dir, const char *name, struct bpf_object *obj, int *program,
		   uint32_t *id, char why[DATAPLANE_WHY_MAX])
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);
	struct loaded was, is;
	int err, fd;

	err = p ? ask(*program, &was) : -ENOENT;
	if (!err)
		err = share_all(obj, &was);
	if (!err)
		err = bpf_object__load(obj);
	if (!err)
		err = ask(bpf_program__fd(p), &is);
	if (err)
		return because(why, err, "%s/%s: cannot load our program onto its maps: %s", dir,
			       name, strerror(-err));
	if (!memcmp(was.info.tag, is.info.tag, sizeof(is.info.tag)))
		return 0;
	fd = dup(bpf_program__fd(p));
	err = fd < 0 ? because(why, -errno, "%s/%s: %s", dir, name, strerror(errno))
		     : pins_exchange(dir, name, fd, why);
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	close(*program);
	*program = fd;
	*id = is.info.id;
	log_info("%s/%s: program %u takes the place of %u, which is another build", dir, name,
		 is.info.id, was.info.id);
	return 1;
}

static bool is_predecessor(const struct loaded *our, const struct loaded *other)
{
	if (other->info.id == our->info.id || other->info.type != our->info.type ||
	    strcmp(other->info.name, our->info.name) != 0)
		return false;
	for (uint32_t i = 0; i < our->info.nr_map_ids; i++)
		for (uint32_t k = 0; k < other->info.nr_map_ids; k++)
			if (our->maps[i] == other->maps[k])
				return true;
	return false;
}

bool replace_is_due(int program, uint32_t id)
{
	int fd = bpf_prog_get_fd_by_id(id);
	struct loaded our, other;
	bool due;

	if (fd < 0)
		return false;
	due = !ask(program, &our) && !ask(fd, &other) && is_predecessor(&our, &other);
	close(fd);
	return due;
}

/* The kernel changes it only if it still holds the program that we saw. */
static int update_link(int link, int program, uint32_t id)
{
	int old = bpf_prog_get_fd_by_id(id), err = 0;
	LIBBPF_OPTS(bpf_link_update_opts, o, .flags = BPF_F_REPLACE);

	if (old < 0)
		return -errno;
	o.old_prog_fd = (uint32_t)old;
	if (bpf_link_update(link, program, &o))
		err = -errno;
	close(old);
	return err;
}

/* wanted: the one program to be replaced, or 0 for every predecessor. */
static bool replace_in_link(int program, uint32_t link_id, uint32_t wanted)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_link_get_fd_by_id(link_id), err = -ENOENT;

	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    (wanted ? info.prog_id == wanted : replace_is_due(program, info.prog_id))) {
		err = update_link(fd, program, info.prog_id);
		if (err)
			log_warnx("BPF link %u: program %u runs on, it cannot be replaced: %s",
				  link_id, info.prog_id, strerror(-err));
		else
			log_info("BPF link %u: replaced program %u", link_id, info.prog_id);
	}
	close(fd);
	return !err;
}

unsigned int replace_in_links(int program, uint32_t id)
{
	unsigned int n = 0;

	for (uint32_t link = 0; !bpf_link_get_next_id(link, &link);)
		n += replace_in_link(program, link, id);
	return n;
}

void replace_everywhere(int program)
{
	struct if_nameindex *all = if_nameindex();
	char why[DATAPLANE_WHY_MAX];

	replace_in_links(program, 0);
	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		uint32_t old = 0;
		int err = program_succeed(program, i->if_name, &old, why);

		if (err < 0)
			log_warnx("%s", why);
		else if (err)
			log_info("%s: replaced program %u", i->if_name, old);
	}
	if (all)
		if_freenameindex(all);
}
