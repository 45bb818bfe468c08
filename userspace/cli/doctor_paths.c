// SPDX-License-Identifier: BSD-2-Clause
/* Judging the ways to backends, and the VIPs at a backend; see doctor.h. */
#include "cli/doctor.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"

enum {
	OUTER_IPV4 = 20,
	OUTER_IPV6 = 40,
	IPV6_LEAST = 1280, /* no IPv6 link carries less, and no sender need go below */
};

static uint32_t overhead(const struct doctor_path *p)
{
	return addr_is_ipv4(&p->addr) ? OUTER_IPV4 : OUTER_IPV6;
}

/* Whether packets leave by the interface that they came in by, or one above or below it. */
static bool one_arm(const struct doctor_system *s, const struct doctor_link *in, uint32_t out)
{
	const struct doctor_link *l = doctor_link_at(s, out);

	return in->ifindex == out || in->master == out || in->lower == out ||
	       (l && (l->master == in->ifindex || l->lower == in->ifindex));
}

/* What a client may send: as large as the interface takes that it comes in by, if it is another
 * one. */
static uint32_t client_mtu(const struct doctor_system *s, const struct doctor_path *p)
{
	uint32_t mtu = 0;

	for (size_t i = 0; i < s->uses_count; i++) {
		const struct doctor_link *l =
			s->uses[i].router ? doctor_link(s, s->uses[i].name) : NULL;

		if (l && !one_arm(s, l, p->ifindex) && l->mtu > mtu)
			mtu = l->mtu;
	}
	return mtu ? mtu : CLIENT_MTU;
}

/* The route narrows what its interface would take, or else the interface is too narrow itself. */
static void fix_mtu(const struct doctor_system *s, const struct doctor_path *p, uint32_t wanted,
		    struct doctor_finding *f)
{
	const struct doctor_link *l = doctor_link_at(s, p->ifindex);
	char word[4 * IF_NAMESIZE], addr[ADDR_TEXT_MAX];

	if (l && l->mtu >= wanted)
		doctor_say(f->fix, "ip route show match %s", addr_text(&p->addr, addr));
	else if (l && (!l->mtu_most || l->mtu_most >= wanted))
		doctor_say(f->fix, "ip link set dev %s mtu %u", doctor_word(l->name, word), wanted);
	else
		doctor_say(f->fix, "ip route change default via GATEWAY mtu %u # on the clients",
			   p->mtu - overhead(p));
}

static void check_mtu(const struct doctor_system *s, const struct doctor_path *p,
		      struct doctor_report *r)
{
	uint32_t client = client_mtu(s, p), wanted = client + overhead(p);
	bool least = p->mtu < IPV6_LEAST + overhead(p);
	struct doctor_finding *f;

	if (!p->mtu || p->mtu >= wanted)
		return;
	f = doctor_add(r, least ? DOCTOR_ERROR : DOCTOR_WARNING, "mtu", p->name);
	doctor_say(f->what, "the way there takes %u bytes: packets over %u do not fit once wrapped",
		   p->mtu, p->mtu - overhead(p));
	if (least)
		doctor_say(f->why, "that is less than IPv6 allows anybody to ask of a client (%d)",
			   IPV6_LEAST);
	else
		doctor_say(f->why,
			   "clients send up to %u; the outer header takes %u more, so each "
			   "flow first loses its full segments, for good where ICMP is "
			   "filtered",
			   client, overhead(p));
	fix_mtu(s, p, wanted, f);
}

static void check_route(const struct doctor_path *p, struct doctor_report *r)
{
	char addr[ADDR_TEXT_MAX];
	struct doctor_finding *f = doctor_add(r, DOCTOR_ERROR, "route", p->name);

	addr_text(&p->addr, addr);
	doctor_say(f->what, "no route to %s", addr);
	doctor_say(f->why, "the backend has no next hop, so nothing is sent to it");
	doctor_say(f->fix, "ip route add %s via GATEWAY", addr);
}

/* Whether another backend by the same way says it: one that needs more room, or as much but came
 * first. */
static bool told(const struct doctor_system *s, size_t n)
{
	const struct doctor_path *p = &s->paths[n];

	for (size_t i = 0; i < s->paths_count; i++) {
		const struct doctor_path *o = &s->paths[i];

		if (o->routed && o->ifindex == p->ifindex && o->mtu == p->mtu &&
		    (overhead(o) > overhead(p) || (i < n && overhead(o) == overhead(p))))
			return true;
	}
	return false;
}

/* An interface of the guard that would answer clients' questions for the VIP's MAC. */
static const struct doctor_link *answers_arp(const struct doctor_system *s)
{
	for (size_t i = 0; i < s->uses_count; i++) {
		const struct doctor_link *l =
			s->uses[i].guard ? doctor_link(s, s->uses[i].name) : NULL;

		if (l && strcmp(l->name, "lo") && !l->arp_ignore && !s->arp_ignore_all)
			return l;
	}
	return NULL;
}

static void check_vip(const struct doctor_system *s, const struct doctor_vip *v,
		      struct doctor_report *r)
{
	const struct doctor_link *l = answers_arp(s);
	char addr[ADDR_TEXT_MAX], word[4 * IF_NAMESIZE];
	bool ipv4 = addr_is_ipv4(&v->addr);
	struct doctor_finding *f;

	addr_text(&v->addr, addr);
	if (!v->on[0]) {
		f = doctor_add(r, DOCTOR_ERROR, "vip", addr);
		doctor_say(f->what, "no interface has this VIP");
		doctor_say(f->why, "what is unwrapped is for an address that the kernel does not "
				   "take for its own, so it is dropped or sent on");
		doctor_say(f->fix, "ip addr add %s/%d dev lo%s", addr, ipv4 ? 32 : 128,
			   ipv4 ? "" : " nodad");
	} else if (ipv4 && l) {
		f = doctor_add(r, DOCTOR_WARNING, "arp", addr);
		doctor_say(f->what, "%s answers ARP for this VIP", l->name);
		doctor_say(f->why, "in the VIP's own network clients would find this machine past "
				   "the router, and past its leases");
		doctor_say(f->fix, "echo 1 >/proc/sys/net/ipv4/conf/%s/arp_ignore",
			   doctor_word(l->name, word));
	}
}

void doctor_check_paths(const struct doctor_system *s, struct doctor_report *r)
{
	for (size_t i = 0; i < s->paths_count; i++) {
		if (!s->paths[i].routed)
			check_route(&s->paths[i], r);
		else if (!told(s, i))
			check_mtu(s, &s->paths[i], r);
	}
	for (size_t i = 0; i < s->vips_count; i++)
		check_vip(s, &s->vips[i], r);
}
