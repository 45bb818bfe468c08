// SPDX-License-Identifier: BSD-2-Clause
/* Judging the interfaces that packets come in by; see doctor.h. */
#include "cli/doctor.h"

#include <linux/if_bonding.h>
#include <stdio.h>
#include <string.h>

enum {
	RING_LEAST = 1024, /* slots; less overflow in bursts while a CPU is busy elsewhere */
};

static void check_up(const struct doctor_link *l, const char *word, struct doctor_report *r)
{
	struct doctor_finding *f;

	if (l->up)
		return;
	f = doctor_add(r, DOCTOR_ERROR, "link", l->name);
	doctor_say(f->what, "the interface is down, or has no carrier");
	doctor_say(f->why, "nothing comes in by it");
	doctor_say(f->fix, "ip link set dev %s up", word);
}

/* Interfaces that stand on others see their packets late, and have no XDP of their own. */
static bool check_stacked(const struct doctor_system *s, const struct doctor_use *u,
			  const struct doctor_link *l, struct doctor_report *r)
{
	const struct doctor_link *lower = doctor_link_at(s, l->lower);
	char under[4 * IF_NAMESIZE], word[4 * IF_NAMESIZE];
	struct doctor_finding *f;

	if (strcmp(l->kind, "vlan") && strcmp(l->kind, "macvlan"))
		return false;
	f = doctor_add(r, DOCTOR_WARNING, "stacked", l->name);
	doctor_say(f->what, "a %s, where XDP runs in generic mode alone", l->kind);
	doctor_say(f->why, "the program reads VLAN tags itself: on the interface below it runs in "
			   "the driver, and sees all VLANs");
	if (lower)
		doctor_say(f->fix, "%s detach %s; %s attach %s%s", s->command,
			   doctor_word(l->name, word), s->command, doctor_word(lower->name, under),
			   u->guard ? " guard" : "");
	else
		doctor_say(f->fix, "ip -d link show dev %s", doctor_word(l->name, word));
	return true;
}

static void check_port(const struct doctor_system *s, const struct doctor_use *u,
		       const struct doctor_link *l, struct doctor_report *r)
{
	const struct doctor_link *bond = doctor_link_at(s, l->master);
	char port[4 * IF_NAMESIZE], name[4 * IF_NAMESIZE];
	struct doctor_finding *f;

	if (!bond || strcmp(bond->kind, "bond"))
		return;
	f = doctor_add(r, DOCTOR_ERROR, "bond", l->name);
	doctor_say(f->what, "a port of bond %s", bond->name);
	doctor_say(f->why, "packets that come in by its other ports pass the program by, and the "
			   "bond refuses a program of its own meanwhile");
	doctor_say(f->fix, "%s detach %s; %s attach %s%s", s->command, doctor_word(l->name, port),
		   s->command, doctor_word(bond->name, name), u->guard ? " guard" : "");
}

static const char *bond_mode_str(uint8_t mode)
{
	static const char *const text[] = {
		[BOND_MODE_ROUNDROBIN] = "balance-rr", [BOND_MODE_ACTIVEBACKUP] = "active-backup",
		[BOND_MODE_XOR] = "balance-xor",       [BOND_MODE_BROADCAST] = "broadcast",
		[BOND_MODE_8023AD] = "802.3ad",	       [BOND_MODE_TLB] = "balance-tlb",
		[BOND_MODE_ALB] = "balance-alb",
	};

	return mode < sizeof(text) / sizeof(*text) ? text[mode] : "unknown mode";
}

/* As the bonding driver decides, from kernel 5.15 on: bond_xdp_check(). */
static bool bond_mode_carries(const struct doctor_link *l)
{
	switch (l->bond_mode) {
	case BOND_MODE_ROUNDROBIN:
	case BOND_MODE_ACTIVEBACKUP:
		return true;
	case BOND_MODE_XOR:
	case BOND_MODE_8023AD:
		return l->bond_hash != BOND_XMIT_POLICY_VLAN_SRCMAC;
	}
	return false;
}

static void check_bond_ports(const struct doctor_system *s, const struct doctor_link *l,
			     struct doctor_report *r)
{
	for (size_t i = 0; i < s->links_count; i++) {
		const struct doctor_link *port = &s->links[i];
		char word[4 * IF_NAMESIZE];
		struct doctor_finding *f;

		if (port->master != l->ifindex || !port->xdp_known ||
		    (port->xdp & DOCTOR_XDP_BASIC))
			continue;
		f = doctor_add(r, DOCTOR_WARNING, "bond", l->name);
		doctor_say(f->what, "its port %s (%s) has no XDP in its driver", port->name,
			   port->driver);
		doctor_say(f->why, "a bond takes a program when all of its ports do; with this one "
				   "it runs in generic mode, slower by far");
		doctor_say(f->fix, "ip link set dev %s nomaster", doctor_word(port->name, word));
	}
}

static void check_bond(const struct doctor_system *s, const struct doctor_link *l, const char *word,
		       struct doctor_report *r)
{
	struct doctor_finding *f;
	bool hash = l->bond_mode == BOND_MODE_XOR || l->bond_mode == BOND_MODE_8023AD;

	if (strcmp(l->kind, "bond"))
		return;
	if (bond_mode_carries(l)) {
		check_bond_ports(s, l, r);
		return;
	}
	f = doctor_add(r, DOCTOR_WARNING, "bond", l->name);
	doctor_say(f->what, "a bond in mode %s%s", bond_mode_str(l->bond_mode),
		   hash ? " with xmit_hash_policy vlan+srcmac" : "");
	doctor_say(f->why, "bonds run XDP in their ports' drivers in modes balance-rr and "
			   "active-backup, and in balance-xor and 802.3ad with any hash but "
			   "vlan+srcmac; else in generic mode, slower by far");
	if (hash)
		doctor_say(f->fix, "ip link set dev %s type bond xmit_hash_policy layer3+4", word);
	else
		doctor_say(f->fix,
			   "ip link set dev %s down && ip link set dev %s type bond mode "
			   "active-backup && ip link set dev %s up",
			   word, word, word);
}

static void check_xdp(const struct doctor_system *s, const struct doctor_use *u,
		      const struct doctor_link *l, const char *word, struct doctor_report *r)
{
	const char *guard = u->guard ? " guard" : "";
	bool has = l->xdp_known && (l->xdp & DOCTOR_XDP_BASIC);
	struct doctor_finding *f;

	if (l->generic && !has && l->xdp_known) {
		f = doctor_add(r, DOCTOR_WARNING, "xdp", l->name);
		doctor_say(f->what, "carries a program in generic mode: driver %s has no XDP",
			   l->driver);
		doctor_say(f->why, "every packet is first made ready for the whole stack: several "
				   "times slower");
		doctor_say(f->fix, "ethtool -i %s", word);
	} else if (l->generic) {
		f = doctor_add(r, DOCTOR_WARNING, "xdp", l->name);
		doctor_say(f->what, "carries a program in generic mode");
		doctor_say(f->why, "several times slower than in the driver%s",
			   has ? ", which has XDP" : "; whether that has XDP shows when tried");
		doctor_say(f->fix, "%s detach %s; %s attach %s%s native", s->command, word,
			   s->command, word, guard);
	} else if (!l->native && l->xdp_known && !has) {
		f = doctor_add(r, DOCTOR_WARNING, "xdp", l->name);
		doctor_say(f->what, "driver %s has no XDP", l->driver);
		doctor_say(f->why, "programs run in generic mode there, several times slower");
		doctor_say(f->fix, "%s attach %s%s generic", s->command, word, guard);
	} else if (!l->native) {
		f = doctor_add(r, DOCTOR_NOTE, "attached", l->name);
		doctor_say(f->what, "carries no program");
		doctor_say(f->why, "fairleadd attaches it when it starts; until then nothing is "
				   "steered here");
		doctor_say(f->fix, "%s attach %s%s", s->command, word, guard);
	}
}

/* Answers leave by the interface they came in by, from within the driver. */
static void check_foreign(const struct doctor_link *l, const char *word, struct doctor_report *r)
{
	struct doctor_finding *f;

	if ((!l->native && !l->generic) || l->ours)
		return;
	f = doctor_add(r, DOCTOR_ERROR, "foreign", l->name);
	doctor_say(f->what, "carries somebody else's XDP program");
	doctor_say(f->why, "an interface has room for one, and fairleadd leaves others' alone");
	doctor_say(f->fix, "ip link set dev %s %s off", word, l->native ? "xdpdrv" : "xdpgeneric");
}

static void check_queues(const struct doctor_system *s, const struct doctor_link *l,
			 const char *word, struct doctor_report *r)
{
	uint32_t wanted = s->cpus < l->queues.most ? s->cpus : l->queues.most;
	struct doctor_finding *f;

	if (!l->queues.now || l->queues.now >= wanted)
		return;
	f = doctor_add(r, DOCTOR_WARNING, "queues", l->name);
	doctor_say(f->what, "%u of %u receive queues for %u CPUs", l->queues.now, l->queues.most,
		   s->cpus);
	doctor_say(f->why, "a queue is emptied by one CPU, so %u of them see no packet",
		   s->cpus - l->queues.now);
	doctor_say(f->fix, "ethtool -L %s %s %u", word, strcmp(l->kind, "veth") ? "combined" : "rx",
		   wanted);
}

static void check_ring(const struct doctor_link *l, const char *word, struct doctor_report *r)
{
	uint32_t wanted = l->ring.most < 2 * RING_LEAST ? l->ring.most : 2 * RING_LEAST;
	struct doctor_finding *f;

	if (!l->ring.now || l->ring.now >= RING_LEAST || l->ring.now >= wanted)
		return;
	f = doctor_add(r, DOCTOR_WARNING, "ring", l->name);
	doctor_say(f->what, "receive rings of %u slots, of %u possible", l->ring.now, l->ring.most);
	doctor_say(f->why, "a burst fills them before the CPU comes, and the card drops what is "
			   "left without a word");
	doctor_say(f->fix, "ethtool -G %s rx %u", word, wanted);
}

static void check_lro(const struct doctor_link *l, const char *word, struct doctor_report *r)
{
	struct doctor_finding *f;

	if (!l->lro)
		return;
	f = doctor_add(r, DOCTOR_WARNING, "lro", l->name);
	doctor_say(f->what, "LRO is on");
	doctor_say(f->why, "the card melts packets of a flow into one that is too big to be "
			   "forwarded, and many drivers refuse XDP beside it");
	doctor_say(f->fix, "ethtool -K %s lro off", word);
}

static void check_filter(const struct doctor_system *s, const struct doctor_link *l,
			 const char *word, struct doctor_report *r)
{
	uint8_t mode = l->rp_filter > s->rp_filter_all ? l->rp_filter : s->rp_filter_all;
	struct doctor_finding *f;

	if (mode != 1) /* 2 asks that there be any route to the client; the larger one counts */
		return;
	f = doctor_add(r, DOCTOR_WARNING, "rp_filter", l->name);
	doctor_say(f->what, "reverse path filtering is strict");
	doctor_say(f->why, "an unwrapped packet comes from the client, and is dropped where the "
			   "way back to the client leaves by another interface");
	doctor_say(f->fix, "echo 2 >/proc/sys/net/ipv4/conf/%s/rp_filter", word);
}

/* Where the router is behind TC, or shall be. */
static void check_tc(const struct doctor_system *s, const struct doctor_use *u,
		     const struct doctor_link *l, const char *word, struct doctor_report *r)
{
	struct doctor_finding *f;

	for (int way = 0; way < TC_WAYS; way++) {
		if (!u->tc[way] || l->tc[way])
			continue;
		f = doctor_add(r, DOCTOR_NOTE, "attached", l->name);
		doctor_say(f->what, "carries no program behind TC for %s", tc_way_str(way));
		doctor_say(f->why, "fairleadd attaches it when it starts; until then nothing is "
				   "steered here");
		doctor_say(f->fix, "%s attach %s tc-%s", s->command, word, tc_way_str(way));
	}
	if (l->tc[TC_IN] && l->xdp_known && l->xdp & DOCTOR_XDP_BASIC) {
		f = doctor_add(r, DOCTOR_NOTE, "xdp", l->name);
		doctor_say(f->what, "steers behind TC, though driver %s has XDP", l->driver);
		doctor_say(f->why, "every packet is first made ready for the whole stack: several "
				   "times slower");
		doctor_say(f->fix, "%s detach %s tc-ingress; %s attach %s", s->command, word,
			   s->command, word);
	}
}

static void check_use(const struct doctor_system *s, const struct doctor_use *u,
		      struct doctor_report *r)
{
	const struct doctor_link *l = doctor_link(s, u->name);
	char word[4 * IF_NAMESIZE];
	struct doctor_finding *f;

	if (!l) {
		f = doctor_add(r, DOCTOR_ERROR, "link", u->name);
		doctor_say(f->what, "there is no such interface");
		doctor_say(f->why, "the configuration names it, and fairleadd does not start "
				   "without");
		doctor_say(f->fix, "ip -brief link");
		return;
	}
	doctor_word(l->name, word);
	check_up(l, word, r);
	check_tc(s, u, l, word, r);
	if (!u->router && !u->guard)
		return; /* all else is about XDP */
	check_foreign(l, word, r);
	check_port(s, u, l, r);
	check_bond(s, l, word, r);
	if (!check_stacked(s, u, l, r))
		check_xdp(s, u, l, word, r);
	check_queues(s, l, word, r);
	check_ring(l, word, r);
	check_lro(l, word, r);
	if (u->guard)
		check_filter(s, l, word, r);
}

void doctor_check_links(const struct doctor_system *s, struct doctor_report *r)
{
	for (size_t i = 0; i < s->uses_count; i++)
		check_use(s, &s->uses[i], r);
}
