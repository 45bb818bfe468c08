// SPDX-License-Identifier: BSD-2-Clause
/* What `fairlead doctor` says of machines that nobody has: a sound one, and each illness alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/doctor.h"

#include <linux/if_bonding.h> /* after net/if.h, or they quarrel */

enum { ETH0 = 2, ETH1 = 3, UPPER = 4, LINKS = 5 };

struct patient {
	struct doctor_system s;
	struct doctor_link links[LINKS];
	struct doctor_path paths[2];
	struct doctor_vip vips[2];
	struct doctor_report r;
};

static struct doctor_link card(uint32_t ifindex, const char *name)
{
	struct doctor_link l = {
		.ifindex = ifindex,
		.driver = "mlx5_core",
		.mtu = 1600,
		.mtu_most = 9000,
		.up = true,
		.xdp_known = true,
		.xdp = DOCTOR_XDP_BASIC | DOCTOR_XDP_REDIRECT | DOCTOR_XDP_XMIT,
		.native = true,
		.ours = true,
		.queues = { 8, 16 },
		.ring = { 1024, 8192 },
	};

	strcpy(l.name, name);
	return l;
}

/* A router by eth0, and a backend by eth1; UPPER is for what stands on them. */
static struct patient *sound(void)
{
	struct patient *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->links[0] = (struct doctor_link){ .ifindex = 1, .name = "lo", .mtu = 65536, .up = true };
	p->links[1] = card(ETH0, "eth0");
	p->links[2] = card(ETH1, "eth1");
	p->links[3] = card(UPPER, "upper");
	p->links[3].native = p->links[3].ours = false;
	p->links[4] = card(5, "spare");
	p->paths[0] =
		(struct doctor_path){ .name = "b4", .routed = true, .ifindex = ETH0, .mtu = 1600 };
	p->paths[1] =
		(struct doctor_path){ .name = "b6", .routed = true, .ifindex = ETH0, .mtu = 1600 };
	assert_true(addr_parse("10.0.0.1", &p->paths[0].addr));
	assert_true(addr_parse("fd00::1", &p->paths[1].addr));
	p->vips[0] = (struct doctor_vip){ .on = "lo" };
	p->vips[1] = (struct doctor_vip){ .on = "lo" };
	assert_true(addr_parse("192.0.2.1", &p->vips[0].addr));
	assert_true(addr_parse("2001:db8::1", &p->vips[1].addr));
	p->s = (struct doctor_system){
		.kernel_major = 6,
		.kernel_minor = 1,
		.cpus = 8,
		.root = true,
		.xdp_programs = 1,
		.btf = true,
		.pins = "/sys/fs/bpf/fairlead",
		.command = "fairlead",
		.bpffs = true,
		.jit = 1,
		.unprivileged_bpf = 2,
		.memlock = 8 << 20,
		.clocksource = "tsc",
		.clocksources = "tsc hpet acpi_pm ",
		.arp_ignore_all = 1,
		.links = p->links,
		.links_count = LINKS,
		.uses = { { .name = "eth0", .router = true }, { .name = "eth1", .guard = true } },
		.uses_count = 2,
		.paths = p->paths,
		.paths_count = 2,
		.vips = p->vips,
		.vips_count = 2,
	};
	return p;
}

/* Exactly one finding, of that kind and about that; its command has these words in it. */
static void expect(struct patient *p, enum doctor_severity severity, const char *check,
		   const char *subject, const char *fix)
{
	const struct doctor_finding *f = &p->r.list[0];

	doctor_check(&p->s, &p->r);
	for (size_t i = 0; i < p->r.count; i++)
		print_message("# %s: %s: %s (%s)\n", p->r.list[i].check, p->r.list[i].subject,
			      p->r.list[i].what, p->r.list[i].fix);
	assert_int_equal(p->r.count, 1);
	assert_string_equal(f->check, check);
	assert_string_equal(f->subject, subject);
	assert_int_equal(f->severity, severity);
	assert_true(f->what[0] && f->why[0]);
	if (!strstr(f->fix, fix))
		assert_string_equal(f->fix, fix);
	assert_int_equal(doctor_errors(&p->r), severity == DOCTOR_ERROR);
	free(p);
}

static void expect_none(struct patient *p)
{
	doctor_check(&p->s, &p->r);
	assert_string_equal(p->r.count ? p->r.list[0].what : "", "");
	assert_int_equal(doctor_errors(&p->r), 0);
	free(p);
}

static void test_sound(void **state)
{
	(void)state;
	expect_none(sound());
}

static void test_kernel(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->s.kernel_major = 5;
	p->s.kernel_minor = 15;
	expect_none(p);
	p = sound();
	p->s.kernel_major = 5;
	p->s.kernel_minor = 14;
	expect(p, DOCTOR_ERROR, "kernel", "machine", "linux-image");
	p = sound();
	p->s.btf = false;
	expect(p, DOCTOR_ERROR, "btf", "machine", "mount");
	p = sound();
	p->s.xdp_programs = 0;
	expect(p, DOCTOR_ERROR, "kernel", "machine", "lockdown");
	p = sound();
	p->s.xdp_programs = -1; /* not known is not no */
	expect_none(p);
	p = sound();
	p->s.root = false;
	p->s.xdp_programs = -1;
	expect(p, DOCTOR_ERROR, "privileges", "machine", "sudo");
}

static void test_bpffs(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->s.bpffs = false;
	expect(p, DOCTOR_WARNING, "bpffs", "/sys/fs/bpf/fairlead", "bpf /sys/fs/bpf");
	p = sound();
	p->s.bpffs = false;
	strcpy(p->s.pins, "/run/pins"); /* where fairleadd mounts nothing */
	expect(p, DOCTOR_ERROR, "bpffs", "/run/pins", "bpf /run/pins");
}

static void test_sysctls(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->s.jit = 0;
	expect(p, DOCTOR_ERROR, "jit", "machine", "bpf_jit_enable=1");
	p = sound(); /* a container: */
	p->s.jit = p->s.jit_harden = p->s.unprivileged_bpf = -1;
	expect_none(p);
	p = sound();
	p->s.jit_harden = 2;
	expect(p, DOCTOR_WARNING, "jit", "machine", "bpf_jit_harden=1");
	p = sound();
	p->s.unprivileged_bpf = 0;
	expect(p, DOCTOR_WARNING, "unprivileged-bpf", "machine", "unprivileged_bpf_disabled=1");
}

static void test_memlock(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->s.kernel_major = 5;
	p->s.kernel_minor = 10;
	doctor_check(&p->s, &p->r);
	assert_int_equal(p->r.count, 2); /* the kernel is too old as well */
	assert_string_equal(p->r.list[1].check, "memlock");
	p->s.memlock = UINT64_MAX;
	doctor_check(&p->s, &p->r);
	assert_int_equal(p->r.count, 1);
	free(p);
}

static void test_clock(void **state)
{
	struct patient *p = sound();

	(void)state;
	strcpy(p->s.clocksource, "hpet");
	expect(p, DOCTOR_WARNING, "clocksource", "machine", "echo tsc");
	p = sound();
	strcpy(p->s.clocksource, "acpi_pm");
	strcpy(p->s.clocksources, "hyperv_clocksource_tsc_page_off acpi_pm");
	expect(p, DOCTOR_WARNING, "clocksource", "machine", "dmesg");
	p = sound();
	strcpy(p->s.clocksource, "kvm-clock");
	expect_none(p);
}

static void test_link(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->links[1].up = false;
	expect(p, DOCTOR_ERROR, "link", "eth0", "ip link set dev eth0 up");
	p = sound();
	strcpy(p->s.uses[0].name, "eth7");
	p->s.uses_count = p->s.paths_count = 1; /* eth1's and eth0's */
	expect(p, DOCTOR_ERROR, "link", "eth7", "ip -brief link");
	p = sound();
	p->links[1].ours = false;
	expect(p, DOCTOR_ERROR, "foreign", "eth0", "xdpdrv off");
	p = sound();
	p->links[4].up = p->links[4].native = false; /* nobody uses it */
	expect_none(p);
}

/* The router is behind TC on eth0, either way. */
static struct patient *behind_tc(void)
{
	struct patient *p = sound();

	p->s.uses[0] = (struct doctor_use){ .name = "eth0", .tc = { true, true } };
	p->links[1].native = p->links[1].ours = false;
	p->links[1].tc[TC_IN] = p->links[1].tc[TC_OUT] = true;
	p->links[1].xdp = 0;
	return p;
}

static void test_tc(void **state)
{
	struct patient *p = behind_tc();

	(void)state;
	expect_none(p);
	p = behind_tc();
	p->links[1].tc[TC_IN] = false;
	expect(p, DOCTOR_NOTE, "attached", "eth0", "fairlead attach eth0 tc-ingress");
	p = behind_tc();
	p->links[1].tc[TC_OUT] = false;
	expect(p, DOCTOR_NOTE, "attached", "eth0", "fairlead attach eth0 tc-egress");
	p = behind_tc();
	p->links[1].xdp = DOCTOR_XDP_BASIC;
	expect(p, DOCTOR_NOTE, "xdp", "eth0", "detach eth0 tc-ingress; fairlead attach eth0");
	p = behind_tc();
	p->links[1].up = false;
	expect(p, DOCTOR_ERROR, "link", "eth0", "ip link set dev eth0 up");
}

static void test_xdp(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->links[1].native = p->links[1].ours = false;
	expect(p, DOCTOR_NOTE, "attached", "eth0", "fairlead attach eth0");
	p = sound();
	p->links[2].native = p->links[2].ours = false;
	expect(p, DOCTOR_NOTE, "attached", "eth1", "fairlead attach eth1 guard");
	p = sound();
	p->links[1].native = p->links[1].ours = false;
	p->links[1].xdp = 0;
	expect(p, DOCTOR_WARNING, "xdp", "eth0", "attach eth0 generic");
	p = sound();
	p->links[1].native = false;
	p->links[1].generic = true;
	expect(p, DOCTOR_WARNING, "xdp", "eth0", "attach eth0 native");
	p = sound();
	p->links[1].native = false;
	p->links[1].generic = true;
	p->links[1].xdp_known = false; /* a kernel before 6.3 */
	expect(p, DOCTOR_WARNING, "xdp", "eth0", "attach eth0 native");
	p = sound();
	p->links[1].native = false;
	p->links[1].generic = true;
	p->links[1].xdp = 0;
	expect(p, DOCTOR_WARNING, "xdp", "eth0", "ethtool -i eth0");
}

static void test_numbers(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->links[1].queues.now = 4;
	expect(p, DOCTOR_WARNING, "queues", "eth0", "ethtool -L eth0 combined 8");
	p = sound();
	p->links[1].queues = (struct doctor_range){ 4, 4 }; /* it has no more */
	expect_none(p);
	p = sound();
	p->links[1].queues = (struct doctor_range){ 4, 6 };
	expect(p, DOCTOR_WARNING, "queues", "eth0", "combined 6");
	p = sound();
	strcpy(p->links[1].kind, "veth");
	p->links[1].queues.now = 1;
	expect(p, DOCTOR_WARNING, "queues", "eth0", "ethtool -L eth0 rx 8");
	p = sound();
	p->links[1].ring.now = 512;
	expect(p, DOCTOR_WARNING, "ring", "eth0", "ethtool -G eth0 rx 2048");
	p = sound();
	p->links[1].ring = (struct doctor_range){ 512, 512 };
	expect_none(p);
	p = sound();
	p->links[2].lro = true;
	expect(p, DOCTOR_WARNING, "lro", "eth1", "lro off");
}

/* eth0 and eth1 as ports of the bond "upper". */
static struct patient *bonded(uint8_t mode, uint8_t hash)
{
	struct patient *p = sound();

	p->links[1].master = p->links[2].master = UPPER;
	p->links[1].native = p->links[1].ours = p->links[2].native = p->links[2].ours = false;
	strcpy(p->links[3].kind, "bond");
	p->links[3].native = p->links[3].ours = true;
	p->links[3].bond_mode = mode;
	p->links[3].bond_hash = hash;
	strcpy(p->s.uses[0].name, "upper");
	p->s.uses_count = 1;
	p->paths[0].ifindex = p->paths[1].ifindex = UPPER;
	return p;
}

static void test_bond(void **state)
{
	static const uint8_t good[] = { BOND_MODE_ROUNDROBIN, BOND_MODE_ACTIVEBACKUP, BOND_MODE_XOR,
					BOND_MODE_8023AD };
	static const uint8_t none[] = { BOND_MODE_BROADCAST, BOND_MODE_TLB, BOND_MODE_ALB, 77 };
	struct patient *p;

	(void)state;
	for (size_t i = 0; i < sizeof(good); i++)
		expect_none(bonded(good[i], BOND_XMIT_POLICY_LAYER34));
	for (size_t i = 0; i < sizeof(none); i++)
		expect(bonded(none[i], 0), DOCTOR_WARNING, "bond", "upper", "mode active-backup");
	expect_none(bonded(BOND_MODE_ACTIVEBACKUP, BOND_XMIT_POLICY_VLAN_SRCMAC));
	expect(bonded(BOND_MODE_8023AD, BOND_XMIT_POLICY_VLAN_SRCMAC), DOCTOR_WARNING, "bond",
	       "upper", "xmit_hash_policy layer3+4");
	p = bonded(BOND_MODE_8023AD, BOND_XMIT_POLICY_LAYER34);
	p->links[2].xdp = 0;
	expect(p, DOCTOR_WARNING, "bond", "upper", "set dev eth1 nomaster");
	p = bonded(BOND_MODE_8023AD, BOND_XMIT_POLICY_LAYER34);
	p->links[1].native = p->links[1].ours = true;
	strcpy(p->s.uses[0].name, "eth0");
	expect(p, DOCTOR_ERROR, "bond", "eth0", "fairlead detach eth0; fairlead attach upper");
}

static void test_stacked(void **state)
{
	struct patient *p = sound();

	(void)state;
	strcpy(p->links[3].kind, "vlan");
	p->links[3].lower = ETH0;
	p->links[3].generic = p->links[3].ours = true;
	strcpy(p->s.uses[0].name, "upper");
	expect(p, DOCTOR_WARNING, "stacked", "upper",
	       "fairlead detach upper; fairlead attach eth0");
	p = sound();
	strcpy(p->links[3].kind, "bridge");
	p->links[1].master = UPPER; /* a port of a bridge is an interface like any other */
	expect_none(p);
}

static void test_mtu(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->links[1].mtu = p->paths[0].mtu = p->paths[1].mtu = 1520;
	expect(p, DOCTOR_WARNING, "mtu", "b6", "ip link set dev eth0 mtu 1540");
	p = sound();
	p->links[1].mtu = p->paths[0].mtu = p->paths[1].mtu = 1540;
	expect_none(p);
	p = sound();
	p->links[1].mtu = p->paths[0].mtu = 1519;
	p->s.paths_count = 1;
	expect(p, DOCTOR_WARNING, "mtu", "b4", "mtu 1520");
	p = sound();
	p->paths[1].mtu = 1500; /* of the route alone */
	expect(p, DOCTOR_WARNING, "mtu", "b6", "ip route show match fd00::1");
	p = sound();
	p->links[1].mtu = p->paths[1].mtu = 1319; /* 1280 do not fit */
	p->s.paths = &p->paths[1];
	p->s.paths_count = 1;
	expect(p, DOCTOR_ERROR, "mtu", "b6", "mtu 1540");
	p = sound();
	p->links[1].mtu_most = p->links[1].mtu = p->paths[0].mtu = 1500;
	p->s.paths_count = 1;
	expect(p, DOCTOR_WARNING, "mtu", "b4", "mtu 1480 # on the clients");
	p = sound();
	p->paths[0].ifindex = 5; /* clients come by another interface, which takes 1600 */
	p->s.paths_count = 1;
	expect(p, DOCTOR_WARNING, "mtu", "b4", "set dev spare mtu 1620");
	p = sound();
	p->paths[1] = p->paths[0];
	strcpy(p->paths[1].name, "twin");
	p->links[1].mtu = p->paths[0].mtu = p->paths[1].mtu = 1500;
	expect(p, DOCTOR_WARNING, "mtu", "b4", "mtu 1520");
	p = sound();
	p->links[1].mtu = p->paths[0].mtu = p->paths[1].mtu = 1500; /* the one that needs more */
	expect(p, DOCTOR_WARNING, "mtu", "b6", "mtu 1540");
}

static void test_route(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->paths[1].routed = false;
	expect(p, DOCTOR_ERROR, "route", "b6", "ip route add fd00::1");
}

static void test_filter(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->links[2].rp_filter = 1;
	expect(p, DOCTOR_WARNING, "rp_filter", "eth1", "echo 2 >/proc/sys/net/ipv4/conf/eth1/");
	p = sound();
	p->s.rp_filter_all = 1;
	expect(p, DOCTOR_WARNING, "rp_filter", "eth1", "eth1");
	p = sound();
	p->s.rp_filter_all = 1;
	p->links[2].rp_filter = 2; /* the larger one counts */
	expect_none(p);
	p = sound();
	p->links[1].rp_filter = 1; /* the router's, where nothing is unwrapped */
	expect_none(p);
}

static void test_vip(void **state)
{
	struct patient *p = sound();

	(void)state;
	p->vips[0].on[0] = '\0';
	expect(p, DOCTOR_ERROR, "vip", "192.0.2.1", "ip addr add 192.0.2.1/32 dev lo");
	p = sound();
	p->vips[1].on[0] = '\0';
	expect(p, DOCTOR_ERROR, "vip", "2001:db8::1", "ip addr add 2001:db8::1/128 dev lo nodad");
	p = sound();
	p->s.arp_ignore_all = 0;
	expect(p, DOCTOR_WARNING, "arp", "192.0.2.1", "echo 1 >/proc/sys/net/ipv4/conf/eth1/");
	p = sound();
	p->s.arp_ignore_all = 0;
	p->links[2].arp_ignore = 1;
	expect_none(p);
}

/* A name is one word of the command, whatever the kernel let it be. */
static void test_words(void **state)
{
	char out[4 * IF_NAMESIZE];
	struct patient *p = sound();

	(void)state;
	assert_string_equal(doctor_word("eth0.5@x", out), "eth0.5@x");
	assert_string_equal(doctor_word("", out), "''");
	assert_string_equal(doctor_word("$(reboot)", out), "'$(reboot)'");
	assert_string_equal(
		doctor_word("'''''''''''''''", out),
		"''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''");
	strcpy(p->s.command, "fairlead --pins /p");
	p->links[1].native = p->links[1].ours = false;
	expect(p, DOCTOR_NOTE, "attached", "eth0", "fairlead --pins /p attach eth0");
	p = sound();
	strcpy(p->links[1].name, "a;b");
	strcpy(p->s.uses[0].name, "a;b");
	p->links[1].lro = true;
	expect(p, DOCTOR_WARNING, "lro", "a;b", "ethtool -K 'a;b' lro off");
}

/* More than there is room for is still counted, and no good sign. */
static void test_many(void **state)
{
	struct patient *p = sound();
	struct doctor_vip *many = calloc(1000, sizeof(*many));

	(void)state;
	assert_non_null(many);
	p->s.vips = many;
	p->s.vips_count = 1000;
	doctor_check(&p->s, &p->r);
	assert_int_equal(p->r.count, DOCTOR_FINDINGS_MAX);
	assert_int_equal(doctor_errors(&p->r), 1000);
	free(many);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),	cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_bpffs),	cmocka_unit_test(test_sysctls),
		cmocka_unit_test(test_memlock), cmocka_unit_test(test_clock),
		cmocka_unit_test(test_link),	cmocka_unit_test(test_tc),
		cmocka_unit_test(test_xdp),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_bond),
		cmocka_unit_test(test_stacked), cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_route),	cmocka_unit_test(test_filter),
		cmocka_unit_test(test_vip),	cmocka_unit_test(test_words),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
