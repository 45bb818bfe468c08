// SPDX-License-Identifier: BSD-2-Clause
/* Attaching and detaching; see attach.h. */
#include "steering/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "steering/netlink.h"
#include "steering/pinned_abi.h"
#include "steering/replace.h"
#include "steering/why.h"

void program_describe(uint32_t id, char *out, unsigned int size)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || !info.name[0])
		snprintf(out, size, "id %u", id);
	else
		snprintf(out, size, "id %u \"%s\"", id, info.name);
	if (fd >= 0)
		close(fd);
}

static int program_id(int program, uint32_t *id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &len))
		return -errno;
	*id = info.id;
	return 0;
}

int program_carried(const char *interface, struct carried *c, char why[DATAPLANE_WHY_MAX])
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	unsigned int ifindex = if_nametoindex(interface);
	int err;

	if (!ifindex)
		return because(why, -ENODEV, "%s: no such interface", interface);
	err = bpf_xdp_query((int)ifindex, 0, &q);
	if (err)
		return because(why, err, "%s: cannot ask for its XDP program: %s", interface,
			       strerror(-err));
	*c = (struct carried){ q.drv_prog_id, q.skb_prog_id, q.hw_prog_id };
	return 0;
}

/* "virtio_net", or "?": for the sentence that says who cannot. */
static void driver_of(const char *interface, char out[32])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq req = { .ifr_data = (void *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(req.ifr_name, interface, sizeof(req.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &req))
		snprintf(out, 32, "?");
	else
		snprintf(out, 32, "%.31s", info.driver);
	if (fd >= 0)
		close(fd);
}

static int mtu_of(const char *interface)
{
	struct ifreq req = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu = 0;

	strncpy(req.ifr_name, interface, sizeof(req.ifr_name) - 1);
	if (fd >= 0 && !ioctl(fd, SIOCGIFMTU, &req))
		mtu = req.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return mtu;
}

struct xdp_change {
	int program;  /* -1 takes away */
	int expected; /* with XDP_FLAGS_REPLACE: the only one that may be taken away */
	uint32_t flags;
};

/* RTM_SETLINK by hand, for the kernel's words: libbpf only prints them. */
static int set_link(const char *interface, const struct xdp_change *c, char why[DATAPLANE_WHY_MAX])
{
	char buf[NETLINK_REQUEST] __attribute__((aligned(8)));
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;
	struct nlattr *xdp;

	req->nlmsg_type = RTM_SETLINK;
	ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	ifi->ifi_index = (int)if_nametoindex(interface);
	if (!ifi->ifi_index)
		return because(why, -ENODEV, "no such interface");
	xdp = mnl_attr_nest_start(req, IFLA_XDP);
	mnl_attr_put_u32(req, IFLA_XDP_FD, (uint32_t)c->program);
	mnl_attr_put_u32(req, IFLA_XDP_FLAGS, c->flags);
	if (c->flags & XDP_FLAGS_REPLACE)
		mnl_attr_put_u32(req, IFLA_XDP_EXPECTED_FD, (uint32_t)c->expected);
	mnl_attr_nest_end(req, xdp);
	return netlink_ask(req, NULL, NULL, why);
}

/* One line that says which of the usual obstacles it was, in the kernel's words where it has any.
 */
static int explain(const char *interface, int err, const char *kernel, char why[DATAPLANE_WHY_MAX])
{
	char driver[32], words[256];

	snprintf(words, sizeof(words), "%s", kernel);
	driver_of(interface, driver);
	switch (-err) {
	case EOPNOTSUPP:
		return because(why, err,
			       "%s: driver %s has no native XDP here (%s); attach in "
			       "generic mode, or steer on another interface",
			       interface, driver, words);
	case EINVAL:
	case ERANGE:
	case EMSGSIZE:
		return because(why, err,
			       "%s: driver %s refuses native XDP: %s (MTU %d; most "
			       "drivers want at most 3500, and LRO off)",
			       interface, driver, words, mtu_of(interface));
	case EPERM:
		return because(why, err,
			       "%s: not allowed to attach: CAP_NET_ADMIN and CAP_BPF "
			       "are needed",
			       interface);
	default:
		return because(why, err, "%s: driver %s cannot attach: %s", interface, driver,
			       words);
	}
}

static bool has_name_of(int program, uint32_t id)
{
	struct bpf_prog_info our = { 0 }, other = { 0 };
	uint32_t our_len = sizeof(our), other_len = sizeof(other);
	int fd = bpf_prog_get_fd_by_id(id);
	bool same;

	if (fd < 0)
		return false;
	same = !bpf_obj_get_info_by_fd(program, &our, &our_len) &&
	       !bpf_obj_get_info_by_fd(fd, &other, &other_len) && !strcmp(our.name, other.name);
	close(fd);
	return same;
}

/* The ABI of the program with that id, if it is one of ours for another ABI; else 0. */
static uint32_t other_abi_of(int program, uint32_t id)
{
	uint32_t abi = id && has_name_of(program, id) ? pinned_abi_of(id) : 0;

	return abi == ABI_VERSION ? 0 : abi;
}

static int busy(int program, const char *interface, uint32_t id, char why[DATAPLANE_WHY_MAX])
{
	uint32_t abi = other_abi_of(program, id);
	char other[64];

	program_describe(id, other, sizeof(other));
	if (abi)
		return because(why, -EEXIST,
			       "%s: carries program %s, made for ABI %u, want %u; when the maps of "
			       "this version are filled, swap them: fairlead attach %s --replace",
			       interface, other, abi, ABI_VERSION, interface);
	return because(why, -EBUSY,
		       "%s: carries another XDP program, %s; it stays until somebody "
		       "removes it: ip link set dev %s xdp off",
		       interface, other, interface);
}

static uint32_t any_of(const struct carried *c)
{
	return c->native ? c->native : c->generic ? c->generic : c->hardware;
}

/* The kernel exchanges them only if the interface still carries old. */
static int exchange(int program, const char *interface, const struct carried *c,
		    char why[DATAPLANE_WHY_MAX])
{
	uint32_t mode = c->native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	struct xdp_change change = { .program = program, .flags = XDP_FLAGS_REPLACE | mode };
	char words[DATAPLANE_WHY_MAX];
	int err;

	change.expected = bpf_prog_get_fd_by_id(any_of(c));
	if (change.expected < 0)
		return because(why, -errno, "%s: cannot open program %u: %s", interface, any_of(c),
			       strerror(errno));
	err = set_link(interface, &change, words);
	close(change.expected);
	if (err == -EBUSY && replace_in_links(program, any_of(c)))
		return 0;
	return err ? because(why, err, "%s: cannot replace program %u: %s", interface, any_of(c),
			     words)
		   : 0;
}

int program_succeed(int program, const char *interface, uint32_t *old, char why[DATAPLANE_WHY_MAX])
{
	struct carried c = { 0 };
	int err = program_carried(interface, &c, why);

	*old = any_of(&c);
	if (err || !*old || !replace_is_due(program, *old))
		return err;
	err = exchange(program, interface, &c, why);
	return err ? err : 1;
}

int program_take_over(int program, const char *interface, uint32_t *old,
		      char why[DATAPLANE_WHY_MAX])
{
	struct carried c = { 0 };
	int err = program_carried(interface, &c, why);

	if (err)
		return err;
	*old = any_of(&c);
	if (!other_abi_of(program, *old))
		return because(why, -ENOENT, "%s: carries no program of ours of another ABI",
			       interface);
	return exchange(program, interface, &c, why);
}

/* 1: it is there already, 0: the place is free, -errno: it is somebody else's. */
static int look(int program, const char *interface, enum attach_mode mode, struct attachment *a,
		char why[DATAPLANE_WHY_MAX])
{
	struct carried c = { 0 };
	uint32_t id = 0;
	int err = program_id(program, &id);

	if (err)
		return because(why, err, "cannot ask for our program's id: %s", strerror(-err));
	err = program_succeed(program, interface, &a->replaced, why);
	if (err < 0)
		return err;
	if (!err)
		a->replaced = 0;
	err = program_carried(interface, &c, why);
	if (err)
		return err;
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t other = i == 0 ? c.native : i == 1 ? c.generic : c.hardware;

		if (other && other != id)
			return busy(program, interface, other, why);
	}
	if (c.generic && mode == ATTACH_NATIVE)
		return because(why, -EBUSY,
			       "%s: carries our program in generic mode; detach it "
			       "first to attach it natively",
			       interface);
	if (c.native && mode == ATTACH_GENERIC)
		return because(why, -EBUSY,
			       "%s: carries our program natively, which is better "
			       "than the generic mode asked for; detach it first",
			       interface);
	a->was_there = c.native || c.generic || c.hardware;
	a->generic = c.generic;
	return a->was_there;
}

int program_attach(int program, const char *interface, enum attach_mode mode, struct attachment *a,
		   char why[DATAPLANE_WHY_MAX])
{
	struct xdp_change c = { .program = program };
	char words[DATAPLANE_WHY_MAX] = "";
	int err = -EOPNOTSUPP, there;

	*a = (struct attachment){ 0 };
	there = look(program, interface, mode, a, why);
	if (there < 0)
		return there;
	if (there && a->generic)
		because(a->note, 0, "%s: in generic mode since before", interface);
	if (there)
		return 0;

	if (mode != ATTACH_GENERIC) {
		c.flags = XDP_FLAGS_UPDATE_IF_NOEXIST | XDP_FLAGS_DRV_MODE;
		err = set_link(interface, &c, words);
		if (!err)
			return 0;
		if (mode == ATTACH_NATIVE || err != -EOPNOTSUPP)
			return explain(interface, err, words, why);
	}
	explain(interface, err, mode == ATTACH_GENERIC ? "not asked for" : words, a->note);
	c.flags = XDP_FLAGS_UPDATE_IF_NOEXIST | XDP_FLAGS_SKB_MODE;
	err = set_link(interface, &c, words);
	if (err)
		return because(why, err, "%s: not even in generic mode: %s", interface, words);
	a->generic = true;
	return 0;
}

int program_detach(int program, const char *interface, char why[DATAPLANE_WHY_MAX])
{
	struct xdp_change c = { .program = -1, .expected = program };
	char words[DATAPLANE_WHY_MAX];
	struct carried at = { 0 };
	uint32_t id = 0, other;
	int err;

	err = program_id(program, &id);
	if (err)
		return because(why, err, "cannot ask for our program's id: %s", strerror(-err));
	err = program_carried(interface, &at, why);
	if (err)
		return err;
	other = at.native ? at.native : at.generic;
	if (!other)
		return because(why, -ENOENT, "%s: carries no XDP program", interface);
	if (at.native != id && at.generic != id)
		return busy(program, interface, other, why);

	c.flags = XDP_FLAGS_REPLACE | (at.native == id ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	err = set_link(interface, &c, words);
	if (err)
		return because(why, err, "%s: cannot detach: %s", interface, words);
	return 0;
}
