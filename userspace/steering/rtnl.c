// SPDX-License-Identifier: BSD-2-Clause
/* Questions to rtnetlink about ways and neighbours; see rtnl.h. */
#include "steering/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "steering/netlink.h"

enum {
	LINKS_MAX = 65536, /* more interfaces than that are a mistake */
};

static void addr_from4(struct addr *out, const void *p)
{
	*out = (struct addr){ .w = { 0, 0, htonl(0xffff), 0 } };
	memcpy(&out->w[3], p, 4);
}

/* An address attribute of either length; any other length leaves out alone. */
static bool addr_from(const struct nlattr *attr, struct addr *out)
{
	if (mnl_attr_get_payload_len(attr) == 4)
		addr_from4(out, mnl_attr_get_payload(attr));
	else if (mnl_attr_get_payload_len(attr) == 16)
		memcpy(out, mnl_attr_get_payload(attr), sizeof(*out));
	else
		return false;
	return true;
}

static void put_addr(struct nlmsghdr *req, uint16_t type, const struct addr *a)
{
	if (addr_is_ipv4(a))
		mnl_attr_put(req, type, 4, &a->w[3]);
	else
		mnl_attr_put(req, type, sizeof(*a), a);
}

static uint8_t family_of(const struct addr *a)
{
	return addr_is_ipv4(a) ? AF_INET : AF_INET6;
}

static int bad(void)
{
	errno = EBADMSG;
	return MNL_CB_ERROR;
}

static int on_metric(const struct nlattr *attr, void *arg)
{
	struct rtnl_route *r = arg;

	if (mnl_attr_get_type(attr) == RTAX_MTU && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		r->mtu = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* A gateway of the other family: IPv4 by way of an IPv6 neighbour (RFC 8950 networks). */
static bool via_from(const struct nlattr *attr, struct addr *out)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr);

	if (n == sizeof(*via) + 16 && via->rtvia_family == AF_INET6)
		memcpy(out, via->rtvia_addr, sizeof(*out));
	else if (n == sizeof(*via) + 4 && via->rtvia_family == AF_INET)
		addr_from4(out, via->rtvia_addr);
	else
		return false;
	return true;
}

static int on_route_attr(const struct nlattr *attr, void *arg)
{
	struct rtnl_route *r = arg;

	switch (mnl_attr_get_type(attr)) {
	case RTA_OIF:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return bad();
		r->oif = mnl_attr_get_u32(attr);
		break;
	case RTA_GATEWAY:
		return addr_from(attr, &r->via) ? MNL_CB_OK : bad();
	case RTA_VIA:
		return via_from(attr, &r->via) ? MNL_CB_OK : bad();
	case RTA_PREFSRC:
		return addr_from(attr, &r->source) ? MNL_CB_OK : bad();
	case RTA_METRICS:
		return mnl_attr_parse_nested(attr, on_metric, r) < 0 ? bad() : MNL_CB_OK;
	}
	return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct rtnl_route *r = arg;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return bad();
	r->type = rtm->rtm_type;
	return mnl_attr_parse(nlh, sizeof(*rtm), on_route_attr, r);
}

int rtnl_route_to(const struct addr *dst, struct rtnl_route *out)
{
	char buf[NETLINK_REQUEST] __attribute__((aligned(8))), why[DATAPLANE_WHY_MAX];
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	req->nlmsg_type = RTM_GETROUTE;
	rtm = mnl_nlmsg_put_extra_header(req, sizeof(*rtm));
	rtm->rtm_family = family_of(dst);
	rtm->rtm_dst_len = addr_is_ipv4(dst) ? 32 : 128;
	put_addr(req, RTA_DST, dst);
	*out = (struct rtnl_route){ .via = *dst };
	return netlink_ask(req, on_route, out, why);
}

static int on_neighbour_attr(const struct nlattr *attr, void *arg)
{
	struct rtnl_neighbour *n = arg;

	switch (mnl_attr_get_type(attr)) {
	case NDA_DST:
		return addr_from(attr, &n->addr) ? MNL_CB_OK : bad();
	case NDA_LLADDR:
		n->has_mac = mnl_attr_get_payload_len(attr) == sizeof(n->mac);
		if (n->has_mac)
			memcpy(n->mac, mnl_attr_get_payload(attr), sizeof(n->mac));
		break;
	}
	return MNL_CB_OK;
}

bool rtnl_neighbour_parse(const struct nlmsghdr *nlh, struct rtnl_neighbour *out)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm) ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6))
		return false;
	*out = (struct rtnl_neighbour){ .ifindex = (uint32_t)ndm->ndm_ifindex,
					.state = ndm->ndm_state };
	return mnl_attr_parse(nlh, sizeof(*ndm), on_neighbour_attr, out) == MNL_CB_OK;
}

static int on_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	return rtnl_neighbour_parse(nlh, arg) ? MNL_CB_OK : bad();
}

static struct nlmsghdr *neighbour_request(char *buf, uint16_t type, uint32_t ifindex,
					  const struct addr *addr, struct ndmsg **ndm)
{
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);

	req->nlmsg_type = type;
	*ndm = mnl_nlmsg_put_extra_header(req, sizeof(**ndm));
	(*ndm)->ndm_family = family_of(addr);
	(*ndm)->ndm_ifindex = (int)ifindex;
	put_addr(req, NDA_DST, addr);
	return req;
}

int rtnl_neighbour(uint32_t ifindex, const struct addr *addr, struct rtnl_neighbour *out)
{
	char buf[NETLINK_REQUEST] __attribute__((aligned(8))), why[DATAPLANE_WHY_MAX];
	struct ndmsg *ndm;
	struct nlmsghdr *req = neighbour_request(buf, RTM_GETNEIGH, ifindex, addr, &ndm);

	*out = (struct rtnl_neighbour){ .ifindex = ifindex, .addr = *addr };
	return netlink_ask(req, on_neighbour, out, why);
}

/*
 * As if a packet had been sent to him.  Never for a permanent entry: the kernel would make it an
 * ordinary one.
 */
int rtnl_neighbour_ask(uint32_t ifindex, const struct addr *addr)
{
	char buf[NETLINK_REQUEST] __attribute__((aligned(8))), why[DATAPLANE_WHY_MAX];
	struct ndmsg *ndm;
	struct nlmsghdr *req = neighbour_request(buf, RTM_NEWNEIGH, ifindex, addr, &ndm);

	req->nlmsg_flags = NLM_F_CREATE;
	ndm->ndm_flags = NTF_USE;
	return netlink_ask(req, NULL, NULL, why);
}

struct links {
	struct rtnl_link *list;
	size_t count, capacity;
};

static int on_link_attr(const struct nlattr *attr, void *arg)
{
	struct rtnl_link *l = arg;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ||
		    mnl_attr_get_payload_len(attr) > sizeof(l->name))
			return bad();
		strcpy(l->name, mnl_attr_get_str(attr)); /* fits: just checked */
		break;
	case IFLA_MTU:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return bad();
		l->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(attr), sizeof(l->mac));
		break;
	}
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct links *all = arg;
	struct rtnl_link *l;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return bad();
	if (all->count == all->capacity) {
		size_t more = all->capacity ? 2 * all->capacity : 16;
		void *p = more <= LINKS_MAX ? realloc(all->list, more * sizeof(*l)) : NULL;

		if (!p) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		all->list = p;
		all->capacity = more;
	}
	l = &all->list[all->count];
	*l = (struct rtnl_link){
		.ifindex = (uint32_t)ifi->ifi_index,
		/* The carrier itself: IFF_RUNNING follows it by up to a second. */
		.up = (ifi->ifi_flags & (IFF_UP | IFF_LOWER_UP | IFF_DORMANT)) ==
		      (IFF_UP | IFF_LOWER_UP),
		.ethernet = ifi->ifi_type == ARPHRD_ETHER && !(ifi->ifi_flags & IFF_NOARP),
	};
	all->count++;
	return mnl_attr_parse(nlh, sizeof(*ifi), on_link_attr, l);
}

int rtnl_links(struct rtnl_link **list, size_t *count)
{
	char buf[NETLINK_REQUEST] __attribute__((aligned(8))), why[DATAPLANE_WHY_MAX];
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);
	struct links all = { 0 };
	struct ifinfomsg *ifi;
	int err;

	req->nlmsg_type = RTM_GETLINK;
	req->nlmsg_flags = NLM_F_DUMP;
	ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	err = netlink_ask(req, on_link, &all, why);
	if (err) {
		free(all.list);
		return err;
	}
	*list = all.list;
	*count = all.count;
	return 0;
}
