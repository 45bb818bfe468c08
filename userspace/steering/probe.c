// SPDX-License-Identifier: BSD-2-Clause
/* A frame through a second instance of the router; see probe.h. */
#include "steering/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hash.h"
#include "router.skel.h"
#include "steering/why.h"

/* What the packet path writes, or what differs for the copies: not shared. */
static const char *const own[] = {
	"settings", "services", "rings",	 "flows",	  "fragments", "limits", "events",
	"outcomes", "answers",	"service_stats", "backend_stats",
};

static bool is_own(const char *name)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!strcmp(own[i], name))
			return true;
	return false;
}

static int share(struct router_bpf *r, const struct bpf_prog_info *pinned, const uint32_t ids[])
{
	for (uint32_t i = 0; i < pinned->nr_map_ids; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_map_get_fd_by_id(ids[i]), err = 0;
		struct bpf_map *m;

		if (fd < 0)
			return -errno;
		if (bpf_obj_get_info_by_fd(fd, &info, &len))
			err = -errno;
		m = err || strchr(info.name, '.') || is_own(info.name)
			    ? NULL
			    : bpf_object__find_map_by_name(r->obj, info.name);
		if (m)
			err = bpf_map__reuse_fd(m, fd);
		close(fd);
		if (err)
			return err;
	}
	return 0;
}

/* One service in one bucket, its ring, one set of flows. */
static int shrink(struct router_bpf *r, const struct explanation *e)
{
	uint32_t slots = e->has_ring ? e->service.ring_slots : 1;
	int err = bpf_map__set_max_entries(r->maps.services, 1);

	if (!err)
		err = bpf_map__set_max_entries(r->maps.flows, 1);
	if (!err)
		err = bpf_map__set_max_entries(r->maps.rings, (slots + RING_BLOCK - 1) / RING_BLOCK);
	return err;
}

static int put(const struct bpf_map *m, const void *value)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(m), &zero, value, BPF_ANY) ? -errno : 0;
}

static int copy_ring(struct router_bpf *r, const struct explain_world *w,
		     const struct explanation *e)
{
	size_t bytes = (size_t)bpf_map__max_entries(r->maps.rings) * sizeof(struct ring_block);
	size_t wanted = e->service.ring_slots * sizeof(struct ring_slot);
	void *to;

	if (!e->has_ring)
		return 0;
	if (wanted > bytes)
		return -EAGAIN;
	to = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(r->maps.rings), 0);
	if (to == MAP_FAILED)
		return -errno;
	memcpy(to, &w->rings[e->service.ring], wanted);
	munmap(to, bytes);
	return 0;
}

static int copy(struct router_bpf *r, const struct explain_world *w, const struct explanation *e)
{
	struct service_bucket bucket = { .slot[0] = e->service };
	struct settings set = *w->settings;
	int err;

	bucket.slot[0].ring = 0;
	err = put(r->maps.services, &bucket);
	if (!err)
		err = put(r->maps.flows, &w->flows[flow_set_of(e->hash, set.flows_mask)]);
	set.flows_mask = set.flows_before = set.services_mask = set.services_half = 0;
	if (!err)
		err = put(r->maps.settings, &set);
	return err ? err : copy_ring(r, w, e);
}

static uint64_t packets_at(const struct bpf_map *m, uint32_t key)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t words = bpf_map__value_size(m) / sizeof(uint64_t);
	uint64_t sum = 0, *values = calloc((size_t)(cpus > 0 ? cpus : 1) * words, sizeof(*values));

	if (values && !bpf_map_lookup_elem(bpf_map__fd(m), &key, values))
		for (int i = 0; i < cpus; i++)
			sum += values[(uint32_t)i * words];
	free(values);
	return sum;
}

/* The counters were all zero: the one that is not says how the packet left. */
static void read_counters(const struct router_bpf *r, struct probe_result *out)
{
	uint32_t backends = bpf_map__max_entries(r->maps.backend_stats);

	out->outcome = OUT_STEERED;
	for (uint32_t o = 0; o < OUT_COUNT; o++)
		if (packets_at(r->maps.outcomes, o))
			out->outcome = o;
	if (out->outcome != OUT_STEERED)
		return;
	for (uint32_t id = 1; id < backends && !out->backend; id++)
		if (packets_at(r->maps.backend_stats, id))
			out->backend = (uint16_t)id;
}

static bool remembers(const struct router_bpf *r, const struct explanation *e)
{
	struct flow_set after = { 0 };
	uint32_t zero = 0;

	if (e->remembered || bpf_map_lookup_elem(bpf_map__fd(r->maps.flows), &zero, &after))
		return false;
	for (int i = 0; i < FLOW_WAYS; i++)
		if (flow_tag(after.entry[i]) == flow_tag_of(e->hash) &&
		    flow_backend(after.entry[i]))
			return true;
	return false;
}

static int run(struct router_bpf *r, const struct probe_frame *in, struct probe_result *out)
{
	struct xdp_md ctx = { .data_end = in->length, .ingress_ifindex = in->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in->bytes, .data_size_in = in->length,
		    .data_out = out->frame, .data_size_out = sizeof(out->frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(r->progs.router), &o))
		return -errno;
	out->action = o.retval;
	out->length = o.data_size_out;
	return 0;
}

static int tag_of(int program, uint8_t tag[BPF_TAG_SIZE])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &len))
		return -errno;
	memcpy(tag, info.tag, BPF_TAG_SIZE);
	return 0;
}

static int load(struct router_bpf *r, const struct dataplane *d, const struct explanation *e,
		struct probe_result *out)
{
	uint8_t pinned[BPF_TAG_SIZE], loaded[BPF_TAG_SIZE];
	uint32_t ids[64] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (uint64_t)(uintptr_t)ids };
	uint32_t len = sizeof(info);
	int err;

	if (bpf_obj_get_info_by_fd(d->program, &info, &len))
		return -errno;
	err = share(r, &info, ids);
	if (!err)
		err = shrink(r, e);
	if (!err)
		err = router_bpf__load(r);
	if (!err)
		err = tag_of(d->program, pinned);
	if (!err)
		err = tag_of(bpf_program__fd(r->progs.router), loaded);
	out->same_build = !err && !memcmp(pinned, loaded, sizeof(loaded));
	return err;
}

int probe_run(const struct dataplane *d, const struct explain_world *w, const struct explain_flow *f,
	      uint64_t now, struct explanation *e, const struct probe_frame *in,
	      struct probe_result *r, char why[DATAPLANE_WHY_MAX])
{
	struct router_bpf *b = router_bpf__open();
	int err;

	memset(r, 0, sizeof(*r));
	if (!b)
		return because(why, -errno, "cannot open the router's object: %s", strerror(errno));
	err = load(b, d, e, r);
	if (err) {
		because(why, err, "cannot load a second router beside %s: %s", d->pins,
			strerror(-err));
		goto out;
	}
	explain_flow(w, f, now, e); /* loading took its time, and rings move */
	err = copy(b, w, e);
	if (!err)
		err = run(b, in, r);
	if (err)
		because(why, err, "cannot run the router on copies of its tables: %s",
			strerror(-err));
	if (!err)
		read_counters(b, r);
	r->remembers = !err && remembers(b, e);
out:
	router_bpf__destroy(b);
	return err;
}
