// SPDX-License-Identifier: BSD-2-Clause
/* The filter on an interface's way out that carries the egress program; see egress.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "steering/egress.h"
#include "steering/pins.h"
#include "steering/why.h"

/* The program of the filter in our place, 0 if there is none. */
static uint32_t carried(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = EGRESS_HANDLE, .priority = EGRESS_PRIORITY);

	return bpf_tc_query(&hook, &o) ? 0 : o.prog_id;
}

/* A former build, or one whose pins were removed: it is ours by its name, type and place. */
static bool is_egress(uint32_t id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	bool is;

	if (fd < 0)
		return false;
	is = !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_PROG_TYPE_SCHED_CLS &&
	     !strcmp(info.name, "egress");
	close(fd);
	return is;
}

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

static int find(const char *interface, char why[DATAPLANE_WHY_MAX])
{
	int ifindex = (int)if_nametoindex(interface), type;

	if (!ifindex)
		return because(why, -errno, "%s: %s", interface, strerror(errno));
	type = hardware_of(interface);
	if (type != ARPHRD_ETHER)
		return because(why, -EINVAL,
			       "%s: cannot confine what leaves by it: want Ethernet headers, it is "
			       "of hardware type %d",
			       interface, type);
	return ifindex;
}

int egress_attach(const struct egress *e, const char *interface, char why[DATAPLANE_WHY_MAX])
{
	int ifindex = find(interface, why), err;
	uint32_t id = ifindex < 0 ? 0 : carried(ifindex);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = EGRESS_HANDLE, .priority = EGRESS_PRIORITY,
		    .prog_fd = e->program, .flags = id ? BPF_TC_F_REPLACE : 0);

	if (ifindex < 0)
		return ifindex;
	if (id == e->program_id)
		return 1;
	if (id && !is_egress(id))
		return because(why, -EBUSY,
			       "%s: program %u has the place of our filter: tc filter del dev %s "
			       "egress pref %d handle %#x bpf",
			       interface, id, interface, EGRESS_PRIORITY, EGRESS_HANDLE);
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &o);
	if (err)
		return because(why, err, "%s: cannot confine what leaves by it: %s", interface,
			       strerror(-err));
	return 0;
}

bool egress_is_attached(const struct egress *e, const char *interface)
{
	int ifindex = (int)if_nametoindex(interface);

	return ifindex && carried(ifindex) == e->program_id;
}

int egress_detach(const struct egress *e, const char *interface, char why[DATAPLANE_WHY_MAX])
{
	int ifindex = find(interface, why), err;
	uint32_t id = ifindex < 0 ? 0 : carried(ifindex);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = EGRESS_HANDLE, .priority = EGRESS_PRIORITY);

	if (ifindex < 0)
		return ifindex;
	if (!id || (id != e->program_id && !is_egress(id)))
		return because(why, -ENOENT, "%s: what leaves by it is not confined by us",
			       interface);
	err = bpf_tc_detach(&hook, &o);
	return err ? because(why, err, "%s: cannot detach: %s", interface, strerror(-err)) : 0;
}
