// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a packet costs, in nanoseconds, case by case beside its floor.
 *
 * Each case is a program behind the wrapper (wrap.bpf.c), run PACKETS times in one
 * BPF_PROG_TEST_RUN.  Rounds are interleaved: every round measures every case once,
 * so what disturbs the machine for a while disturbs all alike.  Time is this thread's
 * CPU time, which others on the same CPU do not add to.  See docs/performance.md.
 */
#include "cost.h"

#include <bpf/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hash.h"

enum {
	ROUNDS_MAX = 201,
	PACKETS = 1 << 17, /* of one measurement, some 10 ms: others leave the caches alone for as
			      long */
	SLICES = 8,	   /* of them make a round */
	FLOWS_MANY = 1 << 17,
	FLOWS_MORE = 1 << 19,
	FLOWS_NEW = 1 << 21,
	LEASE_PACKETS = 1 << 17,
	LEASE_TURNS = 5,
};

/* Sources of the cases do not overlap: 10.0.0.0/8 and up. */
enum source {
	SOURCE_ONE = 0x0a000000,
	SOURCE_MANY = 0x0b000000,
	SOURCE_MORE = 0x0c000000,
	SOURCE_NEW = 0x20000000,
};

static struct bench_case {
	const char *name;
	enum which program;
	enum kind kind;
	uint32_t base, flows, action;
	int floor; /* index of what its ratio is to */
	double ns[ROUNDS_MAX], least;
} cases[] = {
	{ "nop", NOP, TCP4, SOURCE_ONE, 1, XDP_TX, 0, { 0 }, 0 },
	{ "bare_floor", FLOOR4, TCP4, SOURCE_ONE, 1, XDP_TX, 1, { 0 }, 0 },
	{ "tcp4_1", ROUTER, TCP4, SOURCE_ONE, 1, XDP_TX, 1, { 0 }, 0 },
	{ "tcp4_128k", ROUTER, TCP4, SOURCE_MANY, FLOWS_MANY, XDP_TX, 1, { 0 }, 0 },
	{ "tcp4_512k", ROUTER, TCP4, SOURCE_MORE, FLOWS_MORE, XDP_TX, 1, { 0 }, 0 },
	{ "new4_2m", ROUTER, TCP4, SOURCE_NEW, FLOWS_NEW, XDP_TX, 1, { 0 }, 0 },
	{ "tcp4_1_settled", ROUTER, SETTLED4, SOURCE_ONE, 1, XDP_TX, 1, { 0 }, 0 },
	{ "tcp4_512k_settled", ROUTER, SETTLED4, SOURCE_MORE, FLOWS_MORE, XDP_TX, 1, { 0 }, 0 },
	{ "udp4_1", ROUTER, UDP4, SOURCE_ONE, 1, XDP_TX, 1, { 0 }, 0 },
	{ "floor6", FLOOR6, TCP6, SOURCE_ONE, 1, XDP_TX, 9, { 0 }, 0 },
	{ "tcp6_1", ROUTER, TCP6, SOURCE_ONE, 1, XDP_TX, 9, { 0 }, 0 },
	{ "not_ours", ROUTER, OTHER4, SOURCE_ONE, 1, XDP_PASS, 0, { 0 }, 0 },
	{ "lapsed", ROUTER, LAPSED4, SOURCE_ONE, 1, XDP_DROP, 1, { 0 }, 0 },
	{ "gue4_1", ROUTER, GUE4, SOURCE_ONE, 1, XDP_TX, 1, { 0 }, 0 },
	{ "quic4_1", ROUTER, QUIC4, SOURCE_ONE, 1, XDP_TX, 1, { 0 }, 0 },
};

enum { CASES = sizeof(cases) / sizeof(*cases) };

static int rounds;

static uint32_t header_sum(const struct frame *f)
{
	uint32_t sum = 0;
	uint16_t w;

	for (int i = 14; i < 34; i += 2) {
		memcpy(&w, f->b + i, 2);
		sum += w;
	}
	return sum;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* As many as the daemon would have in use: new flows are on probation, and call for none. */
static uint32_t sets_for(const struct bench_case *c)
{
	return flow_sets_for(c->flows == FLOWS_NEW ? 0 : c->flows, FLOW_SETS);
}

/* Nanoseconds of one packet, over so many of them, in that order of flows. */
static double run(struct bench *b, struct bench_case *c, uint32_t packets, enum wrap_order order)
{
	struct frame f = frame_of(c->kind);
	uint8_t out[256];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f.b, .data_size_in = f.n, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = (int)packets);
	uint32_t zero = 0;
	double start;

	if (bpf_map_update_elem(b->next, &zero, &b->program[c->program], BPF_ANY))
		die("cannot put the program behind the wrapper");
	b->wrap->length = f.n;
	b->wrap->family = c->kind == TCP6 ? 6 : 4;
	b->wrap->mask = c->flows - 1;
	b->wrap->base = c->base;
	b->wrap->order = order;
	b->wrap->sum = header_sum(&f);
	memcpy(b->wrap->eth, f.b, sizeof(b->wrap->eth));
	start = cpu_ns();
	if (bpf_prog_test_run_opts(b->restore, &o))
		die("test run");
	start = cpu_ns() - start;
	if (o.retval != c->action) {
		fprintf(stderr, "bench: %s: action %u, wanted %u\n", c->name, o.retval, c->action);
		exit(1);
	}
	return start / packets;
}

/* One of so many measurements in a round. */
static void note(struct bench_case *c, int round, double ns, int of)
{
	c->ns[round] += ns / of;
	c->least = !c->least || ns < c->least ? ns : c->least;
}

static void measure(struct bench *b, struct bench_case *c, int round)
{
	memset(b->flows, 0, FLOW_SETS * sizeof(*b->flows)); /* others were of another size */
	b->settings->flows_mask = sets_for(c) - 1;
	if (c->flows == FLOWS_NEW) {
		c->base = SOURCE_NEW + (uint32_t)round * FLOWS_NEW; /* never seen before */
		note(c, round, run(b, c, FLOWS_NEW, WRAP_EACH), 1);
		return;
	}
	run(b, c, 2 * c->flows + 1024, WRAP_IN_ORDER); /* twice each: established */
	for (int i = 0; i < SLICES; i++)
		note(c, round, run(b, c, PACKETS, WRAP_DRAWN), SLICES);
}

/*
 * A nanosecond is less than what a round varies by, so the two variants take turns within it, and
 * the least of each counts: what disturbs only ever adds.
 */
static double lease_cost(struct bench *b)
{
	struct bench_case leased = {
		.program = ROUTER, .kind = TCP4, .base = SOURCE_ONE, .flows = 1, .action = XDP_TX
	};
	struct bench_case unleased = leased;
	double with = 1e9, without = 1e9, ns;

	unleased.program = UNLEASED;
	for (int i = 0; i < LEASE_TURNS; i++) {
		ns = run(b, &leased, LEASE_PACKETS, WRAP_DRAWN);
		with = ns < with ? ns : with;
		ns = run(b, &unleased, LEASE_PACKETS, WRAP_DRAWN);
		without = ns < without ? ns : without;
	}
	return with - without;
}

/* What one load costs that depends on the one before, somewhere in so many bytes. */
static double memory_ns(size_t bytes)
{
	size_t lines = bytes / 64, loads = 1 << 20;
	uint32_t *memory = aligned_alloc(64, bytes), at = 0;
	double start;

	if (!memory)
		die("memory");
	for (size_t i = 0; i < lines; i++)
		memory[i * 16] = (uint32_t)((i * 2654435761u ^ i >> 7) * 40503u % lines);
	start = cpu_ns();
	for (size_t i = 0; i < loads; i++)
		at = memory[(at + i) % lines * 16]; /* + i: never a short circle */
	start = cpu_ns() - start;
	free(memory);
	return at == UINT32_MAX ? 0 : start / (double)loads;
}

/* The cases with many flows are about memory, and machines differ in that more than in all else. */
static void memory_report(void)
{
	printf("memory   a dependent load somewhere in 1, 4, 8 MiB: %.0f, %.0f, %.0f ns\n\n",
	       memory_ns(1 << 20), memory_ns(4 << 20), memory_ns(8 << 20));
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, v, rounds * sizeof(*sorted));
	qsort(sorted, rounds, sizeof(*sorted), by_value);
	return sorted[rounds / 2];
}

/* sign 1: the least of them; -1: the most. */
static double extreme(const double *v, int sign)
{
	double m = v[0];

	for (int i = 1; i < rounds; i++)
		m = sign * v[i] < sign * m ? v[i] : m;
	return m;
}

/* Of the least of each: what disturbs only ever adds, and adds more to who has more to do. */
static double ratio(const struct bench_case *c)
{
	return c->least / cases[c->floor].least;
}

static void tell(FILE *json, const char *name, const double *ns, const struct bench_case *c)
{
	double least = c ? c->least : extreme(ns, 1);

	printf("%-17s %8.1f %8.1f %8.1f ", name, median(ns), least, extreme(ns, -1));
	fprintf(json,
		" {\"case\": \"%s\", \"median_ns\": %.2f, \"min_ns\": %.2f, \"max_ns\": %.2f, ",
		name, median(ns), least, extreme(ns, -1));
	if (!c) {
		printf("%8s\n", "-");
		fprintf(json, "\"ratio\": null}");
		return;
	}
	printf("%8.2f of %s\n", ratio(c), cases[c->floor].name);
	fprintf(json, "\"ratio\": %.3f},\n", ratio(c));
}

static void report(const char *path, const double *lease)
{
	FILE *json = fopen(path, "w");

	if (!json)
		die(path);
	printf("%-17s %8s %8s %8s %8s\n", "case", "median", "min", "max", "ratio");
	fprintf(json, "[\n");
	for (int i = 0; i < CASES; i++)
		tell(json, cases[i].name, cases[i].ns, &cases[i]);
	tell(json, "lease_check", lease, NULL);
	fprintf(json, "\n]\n");
	if (fclose(json))
		die(path);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	double lease[ROUNDS_MAX];
	cpu_set_t one;

	rounds = argc == 5 ? atoi(argv[4]) : 0;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: cost CPU DIR-OF-OBJECTS JSON ROUNDS, at most %d\n",
			ROUNDS_MAX);
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET((size_t)atoi(argv[1]), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die(argv[1]);
	load(&b, argv[2]);
	fill_tables(&b);
	memory_report();
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < CASES; i++)
			measure(&b, &cases[i], round);
		lease[round] = lease_cost(&b);
	}
	report(argv[3], lease);
	return 0;
}
