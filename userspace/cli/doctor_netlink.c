// SPDX-License-Identifier: BSD-2-Clause
/* Looking at interfaces: rtnetlink, the netdev family, and the driver by SIOCETHTOOL; see doctor.h.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "steering/netlink.h"

enum {
	LINKS_MAX = 65536,
	SEQ = 1,
	TIMEOUT_S = 2, /* the kernel answers at once */

	/* uapi/linux/netdev.h, which Debian 12 does not have. */
	NETDEV_CMD_DEV_GET = 1,
	NETDEV_A_DEV_IFINDEX = 1,
	NETDEV_A_DEV_XDP_FEATURES = 3,
};

static int bad(void)
{
	errno = EBADMSG;
	return MNL_CB_ERROR;
}

static bool number(const struct nlattr *a, uint32_t *out)
{
	if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
		return false;
	*out = mnl_attr_get_u32(a);
	return true;
}

/* What people will see on a terminal; the kernel forbids little. */
static bool word(const struct nlattr *a, char *out, size_t size)
{
	if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0 || mnl_attr_get_payload_len(a) > size)
		return false;
	strcpy(out, mnl_attr_get_str(a)); /* fits: just checked */
	for (; *out; out++)
		if (*out < ' ' || *out > '~')
			*out = '?';
	return true;
}

static int on_bond(const struct nlattr *a, void *arg)
{
	struct doctor_link *l = arg;
	uint16_t type = mnl_attr_get_type(a);

	if ((type == IFLA_BOND_MODE || type == IFLA_BOND_XMIT_HASH_POLICY) &&
	    mnl_attr_validate(a, MNL_TYPE_U8) < 0)
		return bad();
	if (type == IFLA_BOND_MODE)
		l->bond_mode = mnl_attr_get_u8(a);
	if (type == IFLA_BOND_XMIT_HASH_POLICY)
		l->bond_hash = mnl_attr_get_u8(a);
	return MNL_CB_OK;
}

/* The kind comes before its data. */
static int on_info(const struct nlattr *a, void *arg)
{
	struct doctor_link *l = arg;

	if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
		return word(a, l->kind, sizeof(l->kind)) ? MNL_CB_OK : bad();
	if (mnl_attr_get_type(a) == IFLA_INFO_DATA && !strcmp(l->kind, "bond"))
		return mnl_attr_parse_nested(a, on_bond, l);
	return MNL_CB_OK;
}

static int on_xdp(const struct nlattr *a, void *arg)
{
	struct doctor_link *l = arg;
	uint32_t id;

	switch (mnl_attr_get_type(a)) {
	case IFLA_XDP_DRV_PROG_ID:
	case IFLA_XDP_HW_PROG_ID:
		l->native |= number(a, &id) && id;
		break;
	case IFLA_XDP_SKB_PROG_ID:
		l->generic |= number(a, &id) && id;
		break;
	}
	return MNL_CB_OK;
}

static int on_link_attr(const struct nlattr *a, void *arg)
{
	struct doctor_link *l = arg;
	bool good = true;

	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		good = word(a, l->name, sizeof(l->name));
		break;
	case IFLA_MTU:
		good = number(a, &l->mtu);
		break;
	case IFLA_MAX_MTU:
		good = number(a, &l->mtu_most);
		break;
	case IFLA_MASTER:
		good = number(a, &l->master);
		break;
	case IFLA_LINK:
		good = number(a, &l->lower);
		break;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(a, on_info, l);
	case IFLA_XDP:
		return mnl_attr_parse_nested(a, on_xdp, l);
	}
	return good ? MNL_CB_OK : bad();
}

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct doctor_system *s = arg;
	struct doctor_link *l;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return bad();
	/* The list grows by doubling. */
	if (!(s->links_count & (s->links_count - 1))) {
		size_t more = s->links_count ? 2 * s->links_count : 1;

		l = more <= LINKS_MAX ? realloc(s->links, more * sizeof(*l)) : NULL;
		if (!l) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		s->links = l;
	}
	l = &s->links[s->links_count++];
	*l = (struct doctor_link){
		.ifindex = (uint32_t)ifi->ifi_index,
		.up = (ifi->ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING),
	};
	return mnl_attr_parse(nlh, sizeof(*ifi), on_link_attr, l);
}

static int hear_generic(struct mnl_socket *nl, mnl_cb_t each, void *arg)
{
	char buf[NETLINK_BUFFER] __attribute__((aligned(8)));
	ssize_t n;
	int rc;

	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		rc = mnl_cb_run(buf, (size_t)n, SEQ, mnl_socket_get_portid(nl), each, arg);
	} while (rc == MNL_CB_OK);
	return rc < 0 ? -errno : 0;
}

static int ask_generic(struct nlmsghdr *req, mnl_cb_t each, void *arg)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	struct timeval tv = { .tv_sec = TIMEOUT_S };
	int err = 0;

	if (!nl)
		return -errno;
	req->nlmsg_seq = SEQ;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ||
	    mnl_socket_sendto(nl, req, req->nlmsg_len) < 0)
		err = -errno;
	if (!err)
		err = hear_generic(nl, each, arg);
	mnl_socket_close(nl);
	return err;
}

static struct nlmsghdr *generic(char *buf, uint16_t family, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	req->nlmsg_type = family;
	req->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(req, sizeof(*g));
	g->cmd = command;
	g->version = 1;
	return req;
}

static int on_family_attr(const struct nlattr *a, void *arg)
{
	uint16_t *id = arg;

	if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID && mnl_attr_validate(a, MNL_TYPE_U16) >= 0)
		*id = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static int on_family(const struct nlmsghdr *nlh, void *arg)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), on_family_attr, arg);
}

struct features {
	uint32_t ifindex;
	bool known;
	uint64_t xdp;
};

static int on_device_attr(const struct nlattr *a, void *arg)
{
	struct features *f = arg;

	if (mnl_attr_get_type(a) == NETDEV_A_DEV_IFINDEX && !number(a, &f->ifindex))
		return bad();
	if (mnl_attr_get_type(a) == NETDEV_A_DEV_XDP_FEATURES &&
	    mnl_attr_validate(a, MNL_TYPE_U64) >= 0) {
		f->known = true;
		f->xdp = mnl_attr_get_u64(a);
	}
	return MNL_CB_OK;
}

static int on_device(const struct nlmsghdr *nlh, void *arg)
{
	struct doctor_system *s = arg;
	struct features f = { 0 };

	if (mnl_attr_parse(nlh, sizeof(struct genlmsghdr), on_device_attr, &f) < 0)
		return MNL_CB_ERROR;
	for (size_t i = 0; i < s->links_count; i++)
		if (s->links[i].ifindex == f.ifindex) {
			s->links[i].xdp_known = f.known;
			s->links[i].xdp = f.xdp;
		}
	return MNL_CB_OK;
}

/* Kernels before 6.3 have no such family, and do not tell. */
static void ask_features(struct doctor_system *s)
{
	char buf[NETLINK_REQUEST] __attribute__((aligned(8)));
	struct nlmsghdr *req = generic(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	uint16_t id = 0;

	mnl_attr_put_strz(req, CTRL_ATTR_FAMILY_NAME, "netdev");
	if (ask_generic(req, on_family, &id) || !id)
		return;
	req = generic(buf, id, NETDEV_CMD_DEV_GET, NLM_F_DUMP);
	ask_generic(req, on_device, s);
}

int doctor_gather_links(struct doctor_system *s)
{
	char buf[NETLINK_REQUEST] __attribute__((aligned(8))), why[DATAPLANE_WHY_MAX];
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;
	int err;

	req->nlmsg_type = RTM_GETLINK;
	req->nlmsg_flags = NLM_F_DUMP;
	ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	err = netlink_ask(req, on_link, s, why);
	if (!err)
		ask_features(s);
	return err;
}

static bool ethtool(int fd, const char *name, void *command)
{
	struct ifreq r = { .ifr_data = command };

	strcpy(r.ifr_name, name); /* both IF_NAMESIZE */
	return !ioctl(fd, SIOCETHTOOL, &r);
}

void doctor_ask_driver(struct doctor_link *l)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_channels queues = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (ethtool(fd, l->name, &driver)) {
		memcpy(l->driver, driver.driver, sizeof(l->driver));
		l->driver[sizeof(l->driver) - 1] = '\0';
	}
	if (ethtool(fd, l->name, &queues))
		l->queues = (struct doctor_range){
			queues.combined_count + queues.rx_count,
			queues.max_combined ? queues.max_combined : queues.max_rx,
		};
	if (ethtool(fd, l->name, &ring))
		l->ring = (struct doctor_range){ ring.rx_pending, ring.rx_max_pending };
	l->lro = ethtool(fd, l->name, &flags) && (flags.data & ETH_FLAG_LRO);
	close(fd);
}
