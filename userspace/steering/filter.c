// SPDX-License-Identifier: BSD-2-Clause
/* Filters of clsact; see filter.h. */
#include "steering/filter.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "steering/why.h"

/* The type of its hardware, of linux/if_arp.h; -errno if nobody can tell. */
static int hardware_of(const char *interface)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), type;
	struct ifreq r = { 0 };

	if (fd < 0)
		return -errno;
	strncpy(r.ifr_name, interface, sizeof(r.ifr_name) - 1);
	type = ioctl(fd, SIOCGIFHWADDR, &r) ? -errno : r.ifr_hwaddr.sa_family;
	close(fd);
	return type;
}

int filter_interface(const char *interface, bool loopback, const char *what,
		     char why[DATAPLANE_WHY_MAX])
{
	int ifindex = (int)if_nametoindex(interface), type;

	if (!ifindex)
		return because(why, -ENODEV, "%s: no such interface", interface);
	type = hardware_of(interface);
	if (type < 0)
		return because(why, type, "%s: cannot %s: %s", interface, what, strerror(-type));
	if (type != ARPHRD_ETHER && !(loopback && type == ARPHRD_LOOPBACK))
		return because(why, -EINVAL,
			       "%s: cannot %s: want Ethernet headers, it is of hardware type %d",
			       interface, what, type);
	return ifindex;
}

uint32_t filter_carried(const struct filter_place *at)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = at->ifindex, .attach_point = at->point);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = at->handle, .priority = at->priority);

	return bpf_tc_query(&hook, &o) ? 0 : o.prog_id;
}

bool filter_is_named(uint32_t program_id, const char *name)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program_id);
	bool is;

	if (fd < 0)
		return false;
	is = !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_PROG_TYPE_SCHED_CLS &&
	     !strcmp(info.name, name);
	close(fd);
	return is;
}

int filter_set(const struct filter_place *at, int program, bool replace)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = at->ifindex, .attach_point = at->point);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = at->handle, .priority = at->priority,
		    .prog_fd = program, .flags = replace ? BPF_TC_F_REPLACE : 0);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &o);
}

int filter_remove(const struct filter_place *at)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = at->ifindex, .attach_point = at->point);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = at->handle, .priority = at->priority);

	return bpf_tc_detach(&hook, &o);
}
