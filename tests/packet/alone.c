// SPDX-License-Identifier: BSD-2-Clause
#include "alone.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

enum { SKIPPED = 77, CPUS_MAX = 1024 };

void alone_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

void alone_not_loaded(const char *what)
{
	if (errno != EPERM)
		alone_die(what);
	puts("1..0 # SKIP the kernel lets us load no BPF program");
	exit(SKIPPED);
}

static void read_counts(const struct alone *a, struct counter *c)
{
	static struct counter values[CPUS_MAX];

	for (__u32 o = 0; o < a->count; o++) {
		if (bpf_map_lookup_elem(a->outcomes, &o, values))
			alone_die("outcomes");
		c[o] = (struct counter){ 0, 0 };
		for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
			c[o].packets += values[i].packets;
			c[o].bytes += values[i].bytes;
		}
	}
}

void alone_row(struct alone *a, const char *what, const struct frame *in, uint32_t outcome,
	       uint32_t action, const struct frame *wanted)
{
	struct counter before[ALONE_OUTCOMES_MAX], after[ALONE_OUTCOMES_MAX];
	struct frame out = { .n = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->b, .data_size_in = (__u32)in->n,
		    .data_out = out.b, .data_size_out = sizeof(out.b));
	bool good;

	read_counts(a, before);
	before[outcome].packets++;
	before[outcome].bytes += in->n;
	if (bpf_prog_test_run_opts(a->program, &run))
		alone_die("test run");
	out.n = run.data_size_out;
	read_counts(a, after);
	good = run.retval == action && !memcmp(before, after, a->count * sizeof(*after));
	for (uint32_t i = 0; i < a->count; i++)
		if (after[i].packets != before[i].packets)
			printf("# outcome %u: %llu, wanted %llu\n", i, after[i].packets,
			       before[i].packets);
	if (run.retval != action)
		printf("# action %d, wanted %d\n", (int)run.retval, (int)action);
	good = frame_equal(&out, wanted) && good;
	alone_check(a, what, good);
}

void alone_check(struct alone *a, const char *what, bool good)
{
	a->rows++;
	a->failed += !good;
	printf("%s %u - %s\n", good ? "ok" : "not ok", a->rows, what);
}

int alone_close(const struct alone *a)
{
	printf("1..%u\n", a->rows);
	return a->failed != 0;
}
