// SPDX-License-Identifier: BSD-2-Clause
/* Loads what is measured: the router, the floors beside it, and the wrapper around each. */
#include "cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	SKIPPED = 77,
};

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct bpf_object *open_object(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct bpf_object *o;

	snprintf(path, sizeof(path), "%s/%s.bpf.o", dir, name);
	o = bpf_object__open(path);
	if (!o)
		die(path);
	return o;
}

static int program_of(struct bpf_object *o, const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(o, name);

	if (!p)
		die(name);
	return bpf_program__fd(p);
}

void *memory_of(int fd, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);

	if (p == MAP_FAILED)
		die("cannot map a table");
	return p;
}

/* The variant without leases works on the router's own maps. */
static void share_maps(struct bench *b)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, b->unleased)
	{
		struct bpf_map *of = bpf_object__find_map_by_name(b->router->obj, bpf_map__name(m));

		if (of && !bpf_map__is_internal(m) && bpf_map__reuse_fd(m, bpf_map__fd(of)))
			die(bpf_map__name(m));
	}
}

void load(struct bench *b, const char *dir)
{
	b->router = router_bpf__open();
	if (!b->router)
		die("router");
	if (router_bpf__load(b->router)) {
		if (errno == EPERM) {
			puts("SKIP: the kernel lets us load no BPF program");
			exit(SKIPPED);
		}
		die("router");
	}
	b->floor = open_object(dir, "floor");
	b->unleased = open_object(dir, "unleased");
	b->wrapper = open_object(dir, "wrap");
	share_maps(b);
	if (bpf_object__load(b->floor) || bpf_object__load(b->unleased) ||
	    bpf_object__load(b->wrapper))
		die("cannot load");
	b->program[NOP] = program_of(b->floor, "nop");
	b->program[FLOOR4] = program_of(b->floor, "floor4");
	b->program[FLOOR6] = program_of(b->floor, "floor6");
	b->program[ROUTER] = bpf_program__fd(b->router->progs.router);
	b->program[UNLEASED] = program_of(b->unleased, "router");
	b->restore = program_of(b->wrapper, "restore");
	b->next = bpf_object__find_map_fd_by_name(b->wrapper, "next");
	b->wrap = memory_of(bpf_object__find_map_fd_by_name(b->wrapper, ".bss"), sizeof(*b->wrap));
}
