// SPDX-License-Identifier: BSD-2-Clause
/*
 * `fairlead monitor`: refused packets as they come, from the ring buffer that the program fills.
 * What is read is gone, so there is one reader at a time: a second one is told so.
 *
 * A reload changes names and ids under way; another daemon may pin other maps.  So both are looked
 * at again and again.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <jansson.h>
#include <net/if.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/monitor_event.h"
#include "cli/pinned.h"
#include "steering/tables.h"

enum {
	LOOK_MS = 1000, /* at pins and names */
};

struct monitor {
	const struct cli_options *o;
	struct monitor_filter filter;
	const char *services[MONITOR_FILTERS_MAX]; /* names; their ids are in filter */
	size_t services_count;
	struct ring_buffer *ring;
	uint32_t id; /* of the map that ring reads */
	int lock;
	struct dataplane d;
	struct tables *tables; /* NULL: no names to be had */
	uint64_t foreign;      /* records that were none of ours */
};

static const char help[] =
	"usage: fairlead [-j] monitor [service NAME]... [outcome NAME]...\n"
	"  Refused packets as they come, a line each; -j: a JSON object each.  A sample where there\n"
	"  are many: fairlead outcome has the counts.  Of several services, or outcomes, any.\n";

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void print_event(const struct monitor *m, const struct event *e)
{
	char interface[IF_NAMESIZE], line[MONITOR_LINE_MAX];
	struct monitor_names names = { .interface = if_indextoname(e->ifindex, interface) };
	json_t *v;

	if (m->tables && e->service != MONITOR_NO_SERVICE)
		names.service = tables_service_name(m->tables, e->service);
	if (m->tables && e->backend)
		names.backend = tables_backend_name(m->tables, e->backend);
	if (m->o->json) {
		v = monitor_json(e, &names, now_ns());
		pinned_print(v);
		json_decref(v);
	} else {
		monitor_line(e, &names, now_ns(), line);
		puts(line);
	}
}

static int on_record(void *arg, void *data, size_t n)
{
	struct monitor *m = arg;
	struct event e;

	if (!monitor_decode(data, n, &e))
		m->foreign++;
	else if (monitor_chosen(&m->filter, &e))
		print_event(m, &e);
	return ended ? -EINTR : 0;
}

/* A name in the kernel that goes with the process.  0 or -errno. */
static int lock_reader(uint32_t id, int *fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "fairlead/monitor/%u", id), err;

	*fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -errno;
	if (!bind(*fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + 1 + n))
		return 0;
	err = -errno;
	close(*fd);
	*fd = -1;
	return err;
}

static void close_ring(struct monitor *m)
{
	ring_buffer__free(m->ring);
	m->ring = NULL;
	if (m->lock >= 0)
		close(m->lock);
	m->lock = -1;
	if (m->tables) {
		tables_close(m->tables);
		dataplane_close(&m->d);
	}
	m->tables = NULL;
}

/* Whose id is pinned now; 0 and the reason in errno if none is. */
static int open_pin(const struct monitor *m, uint32_t *id)
{
	struct bpf_map_info info = { 0 };
	uint32_t n = sizeof(info);
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/events", pinned_dir(m->o));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &n) || info.type != BPF_MAP_TYPE_RINGBUF) {
		close(fd);
		return -EINVAL;
	}
	*id = info.id;
	return fd;
}

static int open_ring(struct monitor *m, int fd, uint32_t id)
{
	char why[DATAPLANE_WHY_MAX];
	int err = lock_reader(id, &m->lock);

	if (err)
		return err;
	m->ring = ring_buffer__new(fd, on_record, m, NULL);
	if (!m->ring)
		return -errno;
	m->id = id;
	if (dataplane_view(&m->d, m->o->pins, why))
		return 0;
	if (tables_view(&m->tables, &m->d, why)) {
		m->tables = NULL;
		dataplane_close(&m->d);
	}
	return 0;
}

/* Ids of the services asked for; one that is not there matches nothing, until it comes. */
static size_t find_services(struct monitor *m)
{
	struct monitor_filter *f = &m->filter;
	size_t found = 0;

	for (size_t i = 0; i < m->services_count; i++) {
		f->services[i] = MONITOR_NO_SERVICE - 1;
		for (uint32_t id = 0; m->tables && id < tables_services_max(m->tables); id++) {
			const char *name = tables_service_name(m->tables, (uint16_t)id);

			if (!name || strcmp(name, m->services[i]))
				continue;
			f->services[i] = (uint16_t)id;
			found++;
		}
	}
	f->services_count = m->services_count;
	return found;
}

/* What is pinned now is what is read.  0, or -errno when it cannot be read at this moment. */
static int look(struct monitor *m)
{
	uint32_t id = 0;
	int fd = open_pin(m, &id), err = fd < 0 ? fd : 0;

	if (m->ring && (err || id != m->id))
		close_ring(m);
	if (!err && !m->ring) {
		err = open_ring(m, fd, id);
		if (err)
			close_ring(m);
	}
	if (fd >= 0)
		close(fd);
	find_services(m);
	return err;
}

static int begin(struct monitor *m)
{
	int err = look(m);
	const char *dir = pinned_dir(m->o);

	if (err == -EADDRINUSE)
		cli_error("monitor: another one reads %s/events already, and what is read is gone",
			  dir);
	else if (err == -ENOENT)
		cli_error("%s/events: nothing is pinned there: start fairleadd, or fairlead attach "
			  "DEV",
			  dir);
	else if (err)
		cli_error("%s/events: cannot read refused packets from it: %s", dir,
			  strerror(-err));
	if (err)
		return CLI_ERROR;
	if (find_services(m) < m->services_count) {
		cli_error("monitor: not every one of the services is there; see fairlead service "
			  "show");
		return CLI_REFUSED;
	}
	return CLI_DONE;
}

static void follow(struct monitor *m)
{
	struct timespec pause = { .tv_sec = LOOK_MS / 1000 };

	while (!ended && !ferror(stdout)) {
		if (m->ring)
			ring_buffer__poll(m->ring, LOOK_MS);
		else
			nanosleep(&pause, NULL);
		fflush(stdout);
		look(m);
	}
}

/* False after saying what is wrong. */
static bool read_filters(struct monitor *m, int argc, char **argv)
{
	static const char *const words[] = { "service", "outcome", NULL };

	for (int i = 1; i < argc; i += 2) {
		int word = cli_word(words, argv[i]), outcome;

		if (word < 0 || i + 1 == argc || m->services_count == MONITOR_FILTERS_MAX) {
			cli_error("monitor: unexpected \"%s\"", argv[i]);
			return false;
		}
		if (!word) {
			m->services[m->services_count++] = argv[i + 1];
			continue;
		}
		outcome = monitor_outcome(argv[i + 1]);
		if (outcome < 0) {
			cli_error("monitor: %s refusal \"%s\"; fairlead -s outcome show has them",
				  outcome == -2 ? "ambiguous" : "unknown", argv[i + 1]);
			return false;
		}
		m->filter.outcomes |= 1ull << outcome;
	}
	return true;
}

int cmd_monitor(const struct cli_options *o, int argc, char **argv)
{
	struct sigaction on = { .sa_handler = on_signal };
	struct monitor m = { .o = o, .lock = -1 };
	int status;

	if (argc == 2 && !strcmp(argv[1], "help"))
		return pinned_usage(stdout, help);
	if (!read_filters(&m, argc, argv))
		return pinned_usage(stderr, help);
	sigaction(SIGINT, &on, NULL);
	sigaction(SIGTERM, &on, NULL);
	status = begin(&m);
	if (status == CLI_DONE)
		follow(&m);
	close_ring(&m);
	if (m.foreign)
		cli_error("monitor: %llu records were not of this version",
			  (unsigned long long)m.foreign);
	return status;
}
