// SPDX-License-Identifier: BSD-2-Clause
/*
 * Steering's view of the kernel, step by step from a shell: what a daemon does at its
 * start, without the daemon.  For tests/lab.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "steering/attach.h"
#include "steering/clock.h"
#include "steering/counters.h"
#include "steering/guard.h"
#include "steering/tables.h"

static char why[DATAPLANE_WHY_MAX];

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int complain(void)
{
	fprintf(stderr, "%s\n", why);
	return 1;
}

static int show(const struct dataplane *d)
{
	printf("%s program %u maps", d->adopted ? "adopted" : "loaded", d->program_id);
	for (int i = 0; i < MAP_NAMES; i++)
		printf(" %u", d->map[i].id);
	printf("\nsizes");
	for (int i = 0; i < MAP_NAMES; i++)
		printf(" %u", d->map[i].entries);
	putchar('\n');
	return 0;
}

/* One service and the backends a and b, with a ring and a lease for a. */
static int fill(struct dataplane *d, int argc, char **argv)
{
	struct backend_want backends[2] = { { .name = "a" }, { .name = "b" } };
	struct service_want web = { .name = "web", .port = 443, .proto = 6 };
	const uint64_t keys[2] = { 1, 2 };
	struct ring_slot ring[13];
	struct backend_held held[2];
	struct tables *t;
	uint16_t id;
	bool live;

	addr_parse(argc > 0 ? argv[0] : "10.9.0.11", &backends[0].addr);
	addr_parse("10.9.0.12", &backends[1].addr);
	addr_parse("192.0.2.1", &web.vip);
	if (tables_open(&t, d, why) || tables_take_over(t, keys, &live, why) ||
	    tables_set_backends(t, backends, 2, held, why) ||
	    tables_set_services(t, &web, 1, &id, why))
		return complain();
	for (int i = 0; i < 13; i++)
		ring[i] = (struct ring_slot){ held[i % 2].id, held[(i + 1) % 2].id };
	if (tables_set_ring(t, id, ring, 13, why))
		return complain();
	printf("%s a %u %s lease %llu b %u %s\n", live ? "live" : "fresh", held[0].id,
	       held[0].kept ? "kept" : "new",
	       (unsigned long long)tables_lease_of(t, held[0].id, CLASS_PUBLIC), held[1].id,
	       held[1].kept ? "kept" : "new");
	if (!held[0].kept)
		tables_lease(t, held[0].id, CLASS_PUBLIC, 4242);
	tables_close(t);
	return 0;
}

static int attach(int program, int argc, char **argv)
{
	enum attach_mode mode = argc > 1 && !strcmp(argv[1], "generic") ? ATTACH_GENERIC
				: argc > 1 && !strcmp(argv[1], "any")	? ATTACH_ANY
									: ATTACH_NATIVE;
	struct attachment a;

	if (program_attach(program, argv[0], mode, &a, why))
		return complain();
	printf("%s %s%s%s\n", a.was_there ? "there" : "attached", a.generic ? "generic" : "native",
	       a.note[0] ? ": " : "", a.note);
	return 0;
}

static int detach(int program, const char *interface)
{
	if (program_detach(program, interface, why))
		return complain();
	puts("detached");
	return 0;
}

static uint64_t mixed(uint64_t sum, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum = (sum ^ words[i]) * 0x100000001b3ull;
	return sum;
}

static uint64_t digest_of(const struct pinned_map *m)
{
	size_t words = (m->value_size + 7) / 8, cpus = (size_t)libbpf_num_possible_cpus();
	uint64_t sum = 1, *value = calloc(words * cpus, 8), *all;

	if (m->type == BPF_MAP_TYPE_ARRAY) {
		all = mmap(NULL, words * 8 * m->entries, PROT_READ, MAP_SHARED, m->fd, 0);
		if (all != MAP_FAILED)
			sum = mixed(sum, all, words * m->entries);
	} else {
		for (uint32_t k = 0; k < m->entries && !bpf_map_lookup_elem(m->fd, &k, value); k++)
			sum = mixed(sum, value, words * cpus);
	}
	free(value);
	return sum;
}

/* "digest PINS": of all that the router's maps hold but leases, which are renewed, and outcomes. */
static int digest(const char *pins)
{
	struct dataplane d;

	if (dataplane_view(&d, pins, why))
		return complain();
	for (int i = 0; i < MAP_NAMES; i++)
		if (i != MAP_BACKENDS && i != MAP_OUTCOMES)
			printf("%d %llx\n", i, (unsigned long long)digest_of(&d.map[i]));
	dataplane_close(&d);
	return 0;
}

/* "link PROGRAM DEV LINK": attaches a pinned program by a BPF link, and pins that. */
static int hold_by_link(char **words)
{
	LIBBPF_OPTS(bpf_link_create_opts, o, .flags = XDP_FLAGS_DRV_MODE);
	int program = bpf_obj_get(words[0]), ifindex = (int)if_nametoindex(words[1]), link;

	link = program < 0 ? -1 : bpf_link_create(program, ifindex, BPF_XDP, &o);
	if (link < 0 || bpf_obj_pin(link, words[2])) {
		perror(words[2]);
		return 1;
	}
	return 0;
}

/* 1000 backends, 100 services, each with a ring: how long does a start take? */
static int load(struct dataplane *d)
{
	enum { BACKENDS = 1000, SERVICES = 100, SLOTS = 16381 };
	static struct backend_want backends[BACKENDS];
	static struct backend_held held[BACKENDS];
	static struct service_want services[SERVICES];
	static struct ring_slot ring[SLOTS];
	static uint16_t ids[SERVICES];
	const uint64_t keys[2] = { 1, 2 };
	struct tables *t;
	uint64_t began = now_ms();
	bool live;

	for (uint32_t i = 0; i < BACKENDS; i++) {
		snprintf(backends[i].name, sizeof(backends[i].name), "backend-%u", i);
		backends[i].addr = (struct addr){ { 0, 0, 0xffff0000, 0x0a + (i << 8) } };
	}
	for (uint32_t i = 0; i < SERVICES; i++) {
		snprintf(services[i].name, sizeof(services[i].name), "service-%u", i);
		services[i].vip = (struct addr){ { 0, 0, 0xffff0000, 0xc0 + (i / 4 << 8) } };
		services[i].port = (uint16_t)(i + 1);
		services[i].proto = 6;
	}
	if (tables_open(&t, d, why) || tables_take_over(t, keys, &live, why) ||
	    tables_set_backends(t, backends, BACKENDS, held, why) ||
	    tables_set_services(t, services, SERVICES, ids, why))
		return complain();
	for (uint32_t s = 0; s < SERVICES; s++) {
		for (uint32_t i = 0; i < SLOTS; i++)
			ring[i].primary = held[(i + s) % BACKENDS].id;
		if (tables_set_ring(t, ids[s], ring, SLOTS, why))
			return complain();
	}
	printf("%llu\n", (unsigned long long)(now_ms() - began));
	tables_close(t);
	return 0;
}

static int show_clock(void)
{
	struct clock_sample a, b;
	struct clock *c;
	uint64_t began = now_ms();

	if (clock_open(&c, why))
		return complain();
	if (clock_read(c, &a))
		return complain();
	usleep(500000);
	if (clock_read(c, &b))
		return complain();
	printf("hz %u learned in %llu ms, %llu jiffies in %llu ms, suspended %d\n", a.hz,
	       (unsigned long long)(a.boot_ns / 1000000 - began),
	       (unsigned long long)(b.jiffies - a.jiffies),
	       (unsigned long long)((b.boot_ns - a.boot_ns) / 1000000), clock_was_suspended(c));
	clock_close(c);
	return 0;
}

/* "guard PINS DEV|- ROUTER… / VIP…": opens, sets, attaches; prints what the kernel then holds. */
static int guard(int argc, char **argv)
{
	struct guard_peer peers[16];
	struct guard_vip vips[16];
	size_t peers_count = 0, vips_count = 0;
	struct guard g;
	bool behind = false;

	for (int i = 2; i < argc && peers_count < 16 && vips_count < 16; i++) {
		if (!strcmp(argv[i], "/"))
			behind = true;
		else if (!addr_parse(argv[i], behind ? &vips[vips_count++].addr
						     : &peers[peers_count++].addr))
			return 2;
	}
	for (size_t i = 0; i < peers_count; i++)
		peers[i].until_ms = UINT64_MAX;
	if (guard_open(&g, argv[0], why) ||
	    guard_set(&g, peers, peers_count, vips, vips_count, why))
		return complain();
	printf("%s guard %u\n", g.adopted ? "adopted" : "loaded", g.program_id);
	return strcmp(argv[1], "-") ? attach(g.program, 1, argv + 1) : 0;
}

static void on_change(void *arg, uint32_t id, const struct nexthop *n)
{
	const uint64_t *began = arg;
	char source[ADDR_TEXT_MAX];

	printf("%llu %u %s dev %s mac %02x:%02x:%02x:%02x:%02x:%02x src %s mtu %u\n",
	       (unsigned long long)(now_ms() - *began), id, nexthop_state_str(n->state),
	       n->interface[0] ? n->interface : "-", n->mac[0], n->mac[1], n->mac[2], n->mac[3],
	       n->mac[4], n->mac[5], addr_text(&n->source, source), n->mtu);
	fflush(stdout);
}

/* Prints every change until killed: milliseconds, number of the address, what it is now. */
static int follow(int argc, char **argv)
{
	struct nexthops *n;
	uint64_t began = now_ms();
	struct pollfd p = { .events = POLLIN };

	if (nexthops_open(&n, on_change, &began, why))
		return complain();
	p.fd = nexthops_fd(n);
	for (int i = 0; i < argc; i++) {
		struct addr a;

		if (!addr_parse(argv[i], &a) || nexthops_add(n, (uint32_t)i + 1, &a, now_ms()))
			return 2;
	}
	for (;;) {
		int wait = (int)nexthops_tick(n, now_ms());

		if (poll(&p, 1, wait) > 0 && nexthops_read(n, now_ms()))
			return 1;
	}
}

/* Ends the leases of the IPv4 backend with that address long ago, past whoever keeps them. */
static int lapse(const char *pins, const char *address)
{
	struct backend b;
	struct addr want;
	char path[512];
	int map;

	snprintf(path, sizeof(path), "%s/backends", pins);
	map = bpf_obj_get(path);
	if (map < 0 || !addr_parse(address, &want))
		return 2;
	for (uint32_t id = 0; !bpf_map_lookup_elem(map, &id, &b); id++) {
		if (b.ethertype != htons(ETH_P_IP) || b.addr4 != want.w[3])
			continue;
		for (int class = 0; class < CLASS_COUNT; class ++)
			b.until[class] = 1;
		return bpf_map_update_elem(map, &id, &b, BPF_EXIST) ? 1 : 0;
	}
	return 1;
}

static int run(struct dataplane *d, int argc, char **argv)
{
	if (!strcmp(argv[0], "open"))
		return show(d);
	if (!strcmp(argv[0], "fill"))
		return fill(d, argc - 1, argv + 1);
	if (!strcmp(argv[0], "load"))
		return load(d);
	if (!strcmp(argv[0], "attach") && argc > 1)
		return attach(d->program, argc - 1, argv + 1);
	if (!strcmp(argv[0], "detach") && argc > 1)
		return detach(d->program, argv[1]);
	if (!strcmp(argv[0], "hold")) {
		puts("holding");
		fflush(stdout);
		pause();
	}
	fprintf(stderr, "unknown command %s\n", argv[0]);
	return 2;
}

int main(int argc, char **argv)
{
	struct dataplane_sizes sizes = { 0 };
	struct dataplane d;
	int rc;

	log_init("dataplane", getenv("DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (argc > 1 && !strcmp(argv[1], "clock"))
		return show_clock();
	if (argc > 2 && !strcmp(argv[1], "follow"))
		return follow(argc - 2, argv + 2);
	if (argc == 3 && !strcmp(argv[1], "digest"))
		return digest(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "lapse"))
		return lapse(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "link"))
		return hold_by_link(argv + 2);
	if (argc > 3 && !strcmp(argv[1], "guard"))
		return guard(argc - 2, argv + 2);
	if (argc < 3) {
		fprintf(stderr,
			"usage: dataplane PINS open|fill|load|attach|detach|hold|unpin …\n"
			"       dataplane clock | follow ADDRESS… | guard PINS DEV|- ROUTER… / VIP…\n"
			"       dataplane link PROGRAM DEV LINK | digest PINS | lapse PINS ADDRESS\n");
		return 2;
	}
	if (!strcmp(argv[2], "unpin"))
		return dataplane_unpin(argv[1], why) ? complain() : 0;
	if (getenv("BACKENDS"))
		sizes.backends = (uint32_t)atoi(getenv("BACKENDS"));
	if (getenv("SERVICES"))
		sizes.services = (uint32_t)atoi(getenv("SERVICES"));
	if (getenv("FLOWS"))
		sizes.flows = (uint32_t)atoi(getenv("FLOWS"));
	if (dataplane_open(&d, argv[1], &sizes, why))
		return complain();
	rc = run(&d, argc - 2, argv + 2);
	dataplane_close(&d);
	return rc;
}
