// SPDX-License-Identifier: BSD-2-Clause
/* Marks and server ids of QUIC in the real maps: written, changed, taken away. */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "frame.h"
#include "steering/tables.h"

#define PINS "/sys/fs/bpf/modes_test"

static char why[DATAPLANE_WHY_MAX];
static unsigned int checks, failures;

static void check(bool good, const char *what)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++checks, what);
	failures += !good;
}

/* The class of a source for a service, -1 for none. */
static int class_of(const struct dataplane *d, uint16_t service, const char *src)
{
	struct source_key key = { SOURCE_BITS_MAX, service, addr_of(src) };
	uint32_t class;

	return bpf_map_lookup_elem(d->map[MAP_SOURCES].fd, &key, &class) ? -1 : (int)class;
}

static int server_of(const struct dataplane *d, uint32_t server, uint16_t service)
{
	uint64_t key = quic_key_of(server, service);
	uint32_t at = quic_bucket_of(key);
	struct quic_bucket b;

	if (bpf_map_lookup_elem(d->map[MAP_QUIC_SERVERS].fd, &at, &b))
		return -1;
	for (int i = 0; i < QUIC_SLOTS; i++)
		if (b.slot[i].key == key)
			return b.slot[i].backend;
	return -1;
}

static void marks(struct tables *t, const struct dataplane *d)
{
	struct source_mark sources[] = {
		{ addr_of("198.51.100.0"), 96 + 24, CLASS_CONFIDENTIAL },
		{ addr_of("198.51.100.7"), 96 + 32, CLASS_CLASSIFIED },
		{ addr_of("2001:db8::"), 32, CLASS_CLASSIFIED },
	};
	struct service_want want[2] = {
		{ .name = "a", .vip = addr_of("192.0.2.1"), .port = 1, .proto = IPPROTO_TCP },
		{ .name = "b", .vip = addr_of("192.0.2.1"), .port = 2, .proto = IPPROTO_TCP },
	};
	struct marks m;
	uint16_t ids[2];
	uint32_t key;

	want[0].marks = (struct service_marks){ .wanted = true,
						.strict = true,
						.dscp = { [46] = CLASS_CLASSIFIED + 1 },
						.sources = sources,
						.sources_count = 3 };
	check(!tables_set_services(t, want, 2, ids, why), "services with marks");
	key = ids[0];
	check(!bpf_map_lookup_elem(d->map[MAP_MARKS].fd, &key, &m) &&
		      m.dscp[46] == CLASS_CLASSIFIED && m.dscp[1] == MARK_UNKNOWN,
	      "its DSCP are there");
	check(class_of(d, ids[0], "198.51.100.8") == CLASS_CONFIDENTIAL, "a prefix");
	check(class_of(d, ids[0], "198.51.100.7") == CLASS_CLASSIFIED, "a longer one");
	check(class_of(d, ids[0], "2001:db8::5") == CLASS_CLASSIFIED, "one of IPv6");
	check(class_of(d, ids[0], "198.51.101.7") == -1, "beyond them");
	check(class_of(d, ids[1], "198.51.100.7") == -1, "of another service");
	want[0].marks.sources_count = 1;
	sources[0].class = CLASS_CLASSIFIED;
	check(!tables_set_services(t, want, 2, ids, why), "fewer of them");
	check(class_of(d, ids[0], "198.51.100.7") == CLASS_CLASSIFIED, "one has changed");
	check(class_of(d, ids[0], "2001:db8::5") == -1, "one is gone");
	check(!tables_set_services(t, want + 1, 1, ids, why), "the service goes");
	check(class_of(d, 0, "198.51.100.7") == -1 && class_of(d, 1, "198.51.100.7") == -1,
	      "with all its prefixes");
}

static void quic(struct tables *t, const struct dataplane *d)
{
	struct quic_server all[] = { { .key = quic_key_of(9, 1), .backend = 3 },
				     { .key = quic_key_of(7, 1), .backend = 2 } };

	check(!tables_set_quic(t, all, 2, why), "two server ids");
	check(server_of(d, 9, 1) == 3 && server_of(d, 7, 1) == 2 && server_of(d, 7, 2) == -1,
	      "are there, for their service");
	check(!tables_set_quic(t, all, 1, why), "one of them"); /* sorted: that of 7 */
	check(server_of(d, 9, 1) == -1 && server_of(d, 7, 1) == 2, "is there alone");
	check(!tables_set_quic(t, all, 0, why), "none");
	check(server_of(d, 7, 1) == -1, "is there");
}

int main(void)
{
	static const uint64_t keys[2] = { 1, 2 };
	struct dataplane d;
	struct tables *t;
	bool live;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL)) {
		printf("1..0 # SKIP a bpffs of our own needs root: %s\n", strerror(errno));
		return 77;
	}
	if (dataplane_open(&d, PINS, NULL, why) || tables_open(&t, &d, why) ||
	    tables_take_over(t, keys, &live, why)) {
		printf("Bail out! %s\n", why);
		return 1;
	}
	marks(t, &d);
	quic(t, &d);
	tables_close(t);
	dataplane_close(&d);
	printf("1..%u\n", checks);
	return failures != 0;
}
