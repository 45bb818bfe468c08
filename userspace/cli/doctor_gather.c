// SPDX-License-Identifier: BSD-2-Clause
/* Looking at this machine, all but its interfaces; see doctor.h. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/pinned.h"
#include "steering/attach.h"
#include "steering/guard.h"
#include "steering/rtnl.h"

#define CLOCKS "/sys/devices/system/clocksource/clocksource0/"

/* The file's first line, or "". */
static void read_line(const char *path, char *out, int size)
{
	FILE *f = fopen(path, "re");

	out[0] = '\0';
	if (!f)
		return;
	if (!fgets(out, size, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

static int read_number(const char *path)
{
	char line[32];

	read_line(path, line, sizeof(line));
	return line[0] ? atoi(line) : -1;
}

static uint8_t read_conf(const char *interface, const char *key)
{
	char path[128];
	int n;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", interface, key);
	n = read_number(path);
	return n > 0 ? n : 0;
}

/* Whether the directory, or where it would be made, is in a bpffs. */
static bool in_bpffs(const char *pins)
{
	char path[CONFIG_PATH_MAX], *slash;
	struct statfs fs;

	snprintf(path, sizeof(path), "%s", pins);
	while (statfs(path, &fs)) {
		slash = strrchr(path, '/');
		if (errno != ENOENT || !slash || slash == path)
			return false;
		*slash = '\0';
	}
	return fs.f_type == BPF_FS_MAGIC;
}

static uint64_t memlock(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

static void gather_kernel(struct doctor_system *s)
{
	struct utsname u;

	if (!uname(&u))
		sscanf(u.release, "%u.%u", &s->kernel_major, &s->kernel_minor);
	s->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	s->root = !geteuid();
	s->xdp_programs = s->root ? libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) : -1;
	s->btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	s->bpffs = in_bpffs(s->pins);
	s->jit = read_number("/proc/sys/net/core/bpf_jit_enable");
	s->jit_harden = read_number("/proc/sys/net/core/bpf_jit_harden");
	s->unprivileged_bpf = read_number("/proc/sys/kernel/unprivileged_bpf_disabled");
	s->memlock = memlock();
	read_line(CLOCKS "current_clocksource", s->clocksource, sizeof(s->clocksource));
	read_line(CLOCKS "available_clocksource", s->clocksources, sizeof(s->clocksources));
	s->rp_filter_all = read_conf("all", "rp_filter");
	s->arp_ignore_all = read_conf("all", "arp_ignore");
}

static struct doctor_use *use_of(struct doctor_system *s, const char *name)
{
	struct doctor_use *u = s->uses;

	while (u < s->uses + s->uses_count && strcmp(u->name, name))
		u++;
	if (u == s->uses + DOCTOR_USES_MAX)
		return NULL;
	if (u == s->uses + s->uses_count) {
		*u = (struct doctor_use){ 0 };
		snprintf(u->name, sizeof(u->name), "%s", name);
		s->uses_count++;
	}
	return u;
}

static void use(struct doctor_system *s, const char *name, bool guard)
{
	struct doctor_use *u = use_of(s, name);

	if (!u)
		return;
	u->router |= !guard;
	u->guard |= guard;
}

static void use_tc(struct doctor_system *s, const struct router_config *r)
{
	for (int way = 0; way < TC_WAYS; way++) {
		for (size_t i = 0; i < r->tc_count[way]; i++) {
			struct doctor_use *u = use_of(s, r->tc[way][i]);

			if (u)
				u->tc[way] = true;
		}
	}
}

/* Which of the pinned programs, if any, an interface carries. */
static void match(struct doctor_system *s, struct doctor_link *l, const struct pinned *p)
{
	char why[DATAPLANE_WHY_MAX];
	struct carried c;
	bool tcx;

	for (int way = 0; way < TC_WAYS; way++) {
		l->tc[way] = p->has_router && tc_carried(p->router.pins, l->name, way, &tcx);
		if (l->tc[way])
			use_of(s, l->name);
	}
	if (program_carried(l->name, &c, why))
		return;
	for (int guard = 0; guard < 2; guard++) {
		uint32_t id = guard ? p->guard.program_id : p->router.program_id;

		if (!(guard ? p->has_guard : p->has_router) ||
		    (c.native != id && c.generic != id && c.hardware != id))
			continue;
		l->ours = true;
		use(s, l->name, guard);
	}
}

static void gather_uses(struct doctor_system *s, const struct config *c, const struct pinned *p)
{
	if (c && c->is_router)
		for (size_t i = 0; i < c->router.interfaces_count; i++)
			use(s, c->router.interfaces[i], false);
	if (c && c->is_router)
		use_tc(s, &c->router);
	if (c && c->is_agent)
		for (size_t i = 0; i < c->agent.interfaces_count; i++)
			use(s, c->agent.interfaces[i], true);
	for (size_t i = 0; i < s->links_count; i++)
		match(s, &s->links[i], p);
	for (size_t i = 0; i < s->links_count; i++) {
		struct doctor_link *l = &s->links[i];

		l->rp_filter = read_conf(l->name, "rp_filter");
		l->arp_ignore = read_conf(l->name, "arp_ignore");
		doctor_ask_driver(l);
	}
}

static int gather_paths(struct doctor_system *s, const struct config *c)
{
	if (!c || !c->is_router)
		return 0;
	s->paths = calloc(c->router.backends_count + 1, sizeof(*s->paths));
	if (!s->paths)
		return -ENOMEM;
	for (size_t i = 0; i < c->router.backends_count; i++) {
		const struct backend_config *b = &c->router.backends[i];
		struct doctor_path *p = &s->paths[s->paths_count++];
		const struct doctor_link *l;
		struct rtnl_route route;

		snprintf(p->name, sizeof(p->name), "%s", b->name);
		p->addr = b->addr;
		p->routed = !rtnl_route_to(&b->addr, &route) && route.type == RTN_UNICAST;
		if (!p->routed)
			continue;
		p->ifindex = route.oif;
		l = doctor_link_at(s, route.oif);
		p->mtu = route.mtu ? route.mtu : l ? l->mtu : 0;
	}
	return 0;
}

static bool has_address(const struct ifaddrs *i, const struct addr *a)
{
	if (!i->ifa_addr)
		return false;
	if (i->ifa_addr->sa_family == AF_INET && addr_is_ipv4(a))
		return ((const struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr == a->w[3];
	return i->ifa_addr->sa_family == AF_INET6 && !addr_is_ipv4(a) &&
	       !memcmp(&((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, a, sizeof(*a));
}

static bool vip_known(const struct doctor_system *s, const struct addr *a)
{
	for (size_t i = 0; i < s->vips_count; i++)
		if (addr_equal(&s->vips[i].addr, a))
			return true;
	return false;
}

static int add_vip(struct doctor_system *s, const struct addr *a, const struct ifaddrs *all)
{
	struct doctor_vip *v;

	if (vip_known(s, a))
		return 0;
	v = realloc(s->vips, (s->vips_count + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->vips = v;
	v += s->vips_count++;
	*v = (struct doctor_vip){ .addr = *a };
	for (; all; all = all->ifa_next)
		if (has_address(all, a))
			snprintf(v->on, sizeof(v->on), "%s", all->ifa_name);
	return 0;
}

/* Those that are configured, and those that the running guard knows. */
static int gather_vips(struct doctor_system *s, const struct config *c, const struct pinned *p)
{
	int map = p->has_guard ? p->guard.map[GUARD_VIPS].fd : -1, err = 0;
	struct ifaddrs *all;
	struct addr key, *at = NULL;

	if (getifaddrs(&all))
		return -errno;
	for (size_t i = 0; c && c->is_agent && !err && i < c->agent.services_count; i++)
		err = add_vip(s, &c->agent.services[i].addr, all);
	while (map >= 0 && !err && !bpf_map_get_next_key(map, at, &key)) {
		err = add_vip(s, &key, all);
		at = &key;
	}
	freeifaddrs(all);
	return err;
}

static void name_command(struct doctor_system *s, const char *pins)
{
	char word[4 * CONFIG_PATH_MAX];

	if (!pins || !strcmp(pins, DATAPLANE_PINS) || strlen(pins) >= CONFIG_PATH_MAX)
		snprintf(s->command, sizeof(s->command), "fairlead");
	else
		snprintf(s->command, sizeof(s->command), "fairlead --pins %s",
			 doctor_word(pins, word));
}

int doctor_gather(struct doctor_system *s, const char *pins, const struct config *c)
{
	struct cli_options o = { .pins = pins };
	struct pinned p;
	int err;

	*s = (struct doctor_system){ 0 };
	snprintf(s->pins, sizeof(s->pins), "%s", pinned_dir(&o));
	name_command(s, pins);
	gather_kernel(s);
	err = doctor_gather_links(s);
	if (err)
		return err;
	pinned_try(&o, &p);
	gather_uses(s, c, &p);
	err = gather_paths(s, c);
	if (!err)
		err = gather_vips(s, c, &p);
	pinned_close(&p);
	return err;
}

void doctor_free(struct doctor_system *s)
{
	free(s->links);
	free(s->paths);
	free(s->vips);
}
