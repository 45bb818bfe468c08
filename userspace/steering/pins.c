// SPDX-License-Identifier: BSD-2-Clause
/* A program and its maps in a bpffs; see pins.h. */
#include "steering/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "steering/pinned_abi.h"
#include "steering/why.h"

#define BPFFS "/sys/fs/bpf"

static __attribute__((format(printf, 2, 0))) int to_debug(enum libbpf_print_level level,
							  const char *fmt, va_list ap)
{
	char *text, *line, *rest;

	if (level == LIBBPF_DEBUG || vasprintf(&text, fmt, ap) < 0)
		return 0;
	/* The verifier's reasons come as one text of many lines. */
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (line[0])
			log_debug("%s", line);
	free(text);
	return 0;
}

void pins_quiet(void)
{
	libbpf_set_print(to_debug);
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* /sys/fs/bpf is there on every kernel with BPF; what may lack is the mount. */
static int mount_bpffs(const char *dir, char why[DATAPLANE_WHY_MAX])
{
	if (strncmp(dir, BPFFS "/", sizeof(BPFFS)) != 0 || is_bpffs(BPFFS))
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return because(why, -errno, "%s: no bpffs there, and cannot mount one: %s", BPFFS,
			       strerror(errno));
	log_info("%s: mounted a bpffs", BPFFS);
	return 0;
}

int pins_make(const char *dir, char why[DATAPLANE_WHY_MAX])
{
	char path[PINS_PATH_MAX];
	int err;

	if (dir[0] != '/' || strlen(dir) >= sizeof(path))
		return because(why, -EINVAL,
			       "%s: wanted an absolute path to a directory in a "
			       "bpffs",
			       dir);
	err = mount_bpffs(dir, why);
	if (err)
		return err;
	for (const char *slash = strchr(dir + 1, '/');; slash = strchr(slash + 1, '/')) {
		size_t n = slash ? (size_t)(slash - dir) : strlen(dir);

		memcpy(path, dir, n);
		path[n] = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return because(why, -errno, "%s: cannot make the directory: %s", path,
				       strerror(errno));
		if (!slash || !slash[1])
			break;
	}
	if (!is_bpffs(dir))
		return because(why, -EINVAL,
			       "%s: not in a bpffs, where alone programs and maps "
			       "can be pinned: mount -t bpf bpf DIR",
			       dir);
	return 0;
}

int pins_lock(const char *dir, char why[DATAPLANE_WHY_MAX])
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return because(why, -errno, "%s: %s", dir, strerror(errno));
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return because(why, err, "%s: %s", dir,
		       err == -EBUSY ? "another fairleadd is writing these maps; stop it first"
				     : strerror(-err));
}

int pins_describe(int fd, struct pinned_map *m)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*m = (struct pinned_map){ fd, info.id, info.type, info.value_size, info.max_entries };
	return 0;
}

static int foreign(const char *path, const char *what, uint32_t is, uint32_t want,
		   char why[DATAPLANE_WHY_MAX])
{
	return because(why, -EEXIST,
		       "%s: %s %u, want %u (ABI %u): loaded by another version; "
		       "detach it from its interfaces and remove its pins first: fairlead detach "
		       "DEV, fairlead map unpin",
		       path, what, is, want, ABI_VERSION);
}

int pins_check(const char *path, int fd, const struct pin_spec *spec, char why[DATAPLANE_WHY_MAX])
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return because(why, -errno, "%s: not a map: %s", path, strerror(errno));
	if (info.type != spec->type)
		return foreign(path, "map type", info.type, spec->type, why);
	if (info.key_size != spec->key_size)
		return foreign(path, "key size", info.key_size, spec->key_size, why);
	if (info.value_size != spec->value_size)
		return foreign(path, "value size", info.value_size, spec->value_size, why);
	if ((info.map_flags & spec->flags) != spec->flags)
		return foreign(path, "map flags", info.map_flags, spec->flags, why);
	return 0;
}

void pins_close(int program, struct pinned_map maps[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (maps[i].fd >= 0)
			close(maps[i].fd);
		maps[i].fd = -1;
	}
	if (program >= 0)
		close(program);
}

/* The map of the program that has this name, opened, or -errno. */
static int map_of(const struct bpf_prog_info *prog, const uint32_t ids[], const char *name)
{
	for (uint32_t i = 0; i < prog->nr_map_ids; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			return -errno;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, name))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

/* The pin of a map must be the very map that the program uses, or be missing. */
static int check_pin(const char *path, const char *dir, const struct pinned_map *used, bool repair,
		     char why[DATAPLANE_WHY_MAX])
{
	struct pinned_map pin = { 0 };
	int fd = bpf_obj_get(path), err;

	if (fd < 0 && errno == ENOENT && !repair)
		return 0;
	if (fd < 0 && errno == ENOENT) {
		if (bpf_obj_pin(used->fd, path))
			return because(why, -errno, "%s: cannot pin: %s", path, strerror(errno));
		log_info("%s: its pin was missing; pinned again", path);
		return 0;
	}
	if (fd < 0)
		return because(why, -errno, "%s: cannot open: %s", path, strerror(errno));
	err = pins_describe(fd, &pin);
	close(fd);
	if (err)
		return because(why, -EEXIST, "%s: not a map", path);
	if (pin.id != used->id)
		return because(why, -EEXIST,
			       "%s: is map %u, but the program beside it in %s uses "
			       "map %u; remove the one that does not belong there",
			       path, pin.id, dir, used->id);
	return 0;
}

/* Ids of the program's maps, and that it is of the kind and name that we want. */
static int inspect(const char *path, int program, const struct pin_set *set,
		   struct bpf_prog_info *info, uint32_t ids[PINS_MAPS_MAX],
		   char why[DATAPLANE_WHY_MAX])
{
	uint32_t len = sizeof(*info);

	*info = (struct bpf_prog_info){ .nr_map_ids = PINS_MAPS_MAX,
					.map_ids = (uint64_t)(uintptr_t)ids };
	if (bpf_obj_get_info_by_fd(program, info, &len))
		return because(why, -errno, "%s: not a program: %s", path, strerror(errno));
	if (info->type != set->type || strcmp(info->name, set->program) != 0)
		return because(why, -EEXIST,
			       "%s: program \"%s\" of type %u, want \"%s\" for %s: "
			       "not ours; remove it or use another directory",
			       path, info->name, info->type, set->program,
			       set->type == BPF_PROG_TYPE_XDP ? "XDP" : "TC");
	if (info->nr_map_ids > PINS_MAPS_MAX)
		return because(why, -EEXIST,
			       "%s: uses %u maps, want at most %u: loaded by another "
			       "version",
			       path, info->nr_map_ids, PINS_MAPS_MAX);
	return 0;
}

static int adopt_map(const char *dir, const struct pin_spec *spec, int fd, bool repair,
		     struct pinned_map *m, char why[DATAPLANE_WHY_MAX])
{
	char path[PINS_PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, spec->name);
	if (fd < 0)
		return because(why, fd == -ENOENT ? -EEXIST : fd,
			       "%s: the program in %s does not "
			       "use such a map (%s): loaded by another version",
			       path, dir, strerror(-fd));
	err = pins_describe(fd, m);
	if (err)
		return because(why, err, "%s: %s", path, strerror(-err));
	err = pins_check(path, fd, spec, why);
	return err ? err : check_pin(path, dir, m, repair, why);
}

int pins_adopt(const char *dir, const struct pin_set *set, bool repair, int *program,
	       uint32_t *program_id, struct pinned_map maps[], char why[DATAPLANE_WHY_MAX])
{
	uint32_t ids[PINS_MAPS_MAX] = { 0 };
	struct bpf_prog_info info;
	char path[PINS_PATH_MAX];
	int err;

	for (size_t i = 0; i < set->count; i++)
		maps[i] = (struct pinned_map){ .fd = -1 };
	snprintf(path, sizeof(path), "%s/%s", dir, set->program);
	*program = bpf_obj_get(path);
	if (*program < 0)
		return because(why, -errno, "%s: %s", path, strerror(errno));
	err = inspect(path, *program, set, &info, ids, why);
	if (!err)
		err = pinned_abi_check(path, ids, info.nr_map_ids, why);
	for (size_t i = 0; !err && i < set->count; i++) {
		int fd = map_of(&info, ids, set->maps[i].name);

		if (fd >= 0)
			maps[i].fd = fd;
		err = adopt_map(dir, &set->maps[i], fd, repair, &maps[i], why);
	}
	if (err)
		goto out;
	*program_id = info.id;
	return 0;
out:
	pins_close(*program, maps, set->count);
	*program = -1;
	return err;
}

static int pin(int fd, const char *dir, const char *name, char why[DATAPLANE_WHY_MAX])
{
	char path[PINS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (bpf_obj_pin(fd, path))
		return because(why, -errno, "%s: cannot pin: %s", path, strerror(errno));
	return 0;
}

int pins_place(const char *dir, const struct pin_set *set, int program,
	       const struct pinned_map maps[], char why[DATAPLANE_WHY_MAX])
{
	int err = pins_clear(dir, set, why);

	for (size_t i = 0; !err && i < set->count; i++)
		err = pin(maps[i].fd, dir, set->maps[i].name, why);
	if (!err)
		err = pin(program, dir, set->program, why);
	return err;
}

int pins_exchange(const char *dir, const char *name, int program, char why[DATAPLANE_WHY_MAX])
{
	char path[PINS_PATH_MAX], next[PINS_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(next, sizeof(next), "%s_next", path);
	if (unlink(next) && errno != ENOENT) /* of one that died between the two */
		return because(why, -errno, "%s: cannot remove: %s", next, strerror(errno));
	if (bpf_obj_pin(program, next) || rename(next, path))
		return because(why, -errno, "%s: cannot pin: %s", path, strerror(errno));
	return 0;
}

static int unpin(const char *dir, const char *name, char why[DATAPLANE_WHY_MAX])
{
	char path[PINS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (unlink(path) && errno != ENOENT)
		return because(why, -errno, "%s: cannot remove: %s", path, strerror(errno));
	return 0;
}

/* bpftool and newer libbpf pin the constants too, as router_rodata or _rodata. */
static int unpin_constants(const char *dir, char why[DATAPLANE_WHY_MAX])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int err = 0;

	if (!d)
		return errno == ENOENT ? 0 : because(why, -errno, "%s: %s", dir, strerror(errno));
	while (!err && (e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n >= 7 && n < 64 && !strcmp(e->d_name + n - 7, "_rodata"))
			err = unpin(dir, e->d_name, why);
	}
	closedir(d);
	return err;
}

/* Maps that the program keeps for itself: bpftool pins them beside ours. */
static int unpin_private(const char *dir, const struct pin_set *set, char why[DATAPLANE_WHY_MAX])
{
	uint32_t ids[PINS_MAPS_MAX] = { 0 };
	struct bpf_prog_info info;
	char path[PINS_PATH_MAX];
	int err = 0, fd;

	snprintf(path, sizeof(path), "%s/%s", dir, set->program);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (inspect(path, fd, set, &info, ids, why))
		info.nr_map_ids = 0; /* not ours: neither are its maps */
	for (uint32_t i = 0; !err && i < info.nr_map_ids; i++) {
		struct bpf_map_info map = { 0 };
		uint32_t len = sizeof(map);
		int m = bpf_map_get_fd_by_id(ids[i]);

		/* No pin has a dot: that is for the constants, which go by another name. */
		if (m >= 0 && !bpf_obj_get_info_by_fd(m, &map, &len) && !strchr(map.name, '.'))
			err = unpin(dir, map.name, why);
		if (m >= 0)
			close(m);
	}
	close(fd);
	return err;
}

int pins_clear(const char *dir, const struct pin_set *set, char why[DATAPLANE_WHY_MAX])
{
	int err = unpin_private(dir, set, why);

	if (!err)
		err = unpin(dir, set->program, why);
	for (size_t i = 0; !err && i < set->count; i++)
		err = unpin(dir, set->maps[i].name, why);
	return err ? err : unpin_constants(dir, why);
}
