// SPDX-License-Identifier: BSD-2-Clause
/* The ABI of a loaded program, found by the names that BTF gives its constants. */
#include "steering/pinned_abi.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "steering/pins.h"
#include "steering/why.h"

enum {
	CONSTANTS_MAX = 65536, /* bytes of .rodata: ours has a few */
};

static bool is_constants(const char *name)
{
	size_t n = strlen(name);

	return n >= 7 && !strcmp(name + n - 7, ".rodata");
}

/* Where in the section the variable is; -ENOENT when it is not. */
static int offset_of(const struct btf *btf, uint32_t section, const char *name)
{
	const struct btf_type *t = btf__type_by_id(btf, section);
	const struct btf_var_secinfo *v;

	if (!t || !btf_is_datasec(t))
		return -ENOENT;
	v = btf_var_secinfos(t);
	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(btf, v[i].type);
		const char *n = var ? btf__name_by_offset(btf, var->name_off) : NULL;

		if (n && !strcmp(n, name) && v[i].size == sizeof(uint32_t))
			return (int)v[i].offset;
	}
	return -ENOENT;
}

static int read_constant(int fd, const struct bpf_map_info *info, uint32_t *abi)
{
	uint8_t values[CONSTANTS_MAX];
	uint32_t zero = 0;
	struct btf *btf;
	int at;

	if (info->value_size > sizeof(values) || !info->btf_id)
		return -ENOENT;
	btf = btf__load_from_kernel_by_id(info->btf_id);
	if (!btf)
		return -errno;
	at = offset_of(btf, info->btf_value_type_id, "abi_version");
	btf__free(btf);
	if (at < 0)
		return at;
	if ((uint64_t)at + sizeof(*abi) > info->value_size)
		return -ENOENT;
	if (bpf_map_lookup_elem(fd, &zero, values))
		return -errno;
	memcpy(abi, values + at, sizeof(*abi));
	return 0;
}

static int abi_of(const uint32_t map_ids[], uint32_t count, uint32_t *abi)
{
	int err = -ENOENT;

	for (uint32_t i = 0; i < count && err; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(map_ids[i]);

		if (fd < 0)
			return -errno;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && is_constants(info.name))
			err = read_constant(fd, &info, abi);
		close(fd);
	}
	return err;
}

int pinned_abi_check(const char *path, const uint32_t map_ids[], uint32_t count,
		     char why[DATAPLANE_WHY_MAX])
{
	uint32_t abi = 0;
	int err = abi_of(map_ids, count, &abi);

	if (err)
		return because(why, err == -ENOENT ? -EEXIST : err,
			       "%s: does not say which ABI it "
			       "was made for (no abi_version in its constants: %s), want %u",
			       path, strerror(-err), ABI_VERSION);
	if (abi != ABI_VERSION)
		return because(why, -EEXIST,
			       "%s: made for ABI %u, want %u: loaded by another "
			       "version; detach it from its interfaces and remove its pins first",
			       path, abi, ABI_VERSION);
	return 0;
}

uint32_t pinned_abi_of(uint32_t program_id)
{
	uint32_t ids[PINS_MAPS_MAX] = { 0 }, abi = 0, len;
	struct bpf_prog_info info = { .nr_map_ids = PINS_MAPS_MAX,
				      .map_ids = (uint64_t)(uintptr_t)ids };
	int fd = bpf_prog_get_fd_by_id(program_id);

	len = sizeof(info);
	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.nr_map_ids > PINS_MAPS_MAX ||
	    abi_of(ids, info.nr_map_ids, &abi))
		abi = 0;
	close(fd);
	return abi;
}
