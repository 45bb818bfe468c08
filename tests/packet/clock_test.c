// SPDX-License-Identifier: BSD-2-Clause
/* The clock program: what it reads is what the kernel has, and goes on as it should. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.skel.h"
#include "abi.h"

enum { SKIPPED = 77 };

static unsigned int rows, failed;

static void check(bool good, const char *what)
{
	rows++;
	failed += !good;
	printf("%s %u - %s\n", good ? "ok" : "not ok", rows, what);
}

static __u64 now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (__u64)t.tv_sec * 1000000000 + (__u64)t.tv_nsec;
}

static struct clock_reading sample(struct clock_bpf *c)
{
	struct clock_reading r = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &r, .ctx_size_in = sizeof(r));

	if (bpf_prog_test_run_opts(bpf_program__fd(c->progs.clock_sample), &run)) {
		printf("# test run: %s\n", strerror(errno));
		exit(1);
	}
	return r;
}

/* Jiffies a second.  Of a machine whose tick stood still meanwhile it is none that there is. */
static __u64 rate(struct clock_bpf *c)
{
	struct timespec wait = { .tv_nsec = 300000000 };
	struct clock_reading a = sample(c), b;

	nanosleep(&wait, NULL);
	b = sample(c);
	return (b.jiffies - a.jiffies) * 1000000000 / (b.boot_ns - a.boot_ns);
}

static bool is_some_hz(__u64 hz)
{
	return hz >= 90 && hz <= 1100;
}

int main(void)
{
	struct clock_bpf *c = clock_bpf__open();
	struct clock_reading a;
	__u64 boot, mono;
	bool good = false;

	if (!c)
		return 1;
	if (clock_bpf__load(c)) {
		printf("1..0 # SKIP cannot load a BPF program: %s\n", strerror(errno));
		return errno == EPERM ? SKIPPED : 1;
	}
	boot = now(CLOCK_BOOTTIME);
	mono = now(CLOCK_MONOTONIC);
	a = sample(c);
	check(a.boot_ns >= boot && a.boot_ns <= now(CLOCK_BOOTTIME), "boot time lies between ours");
	check(a.mono_ns >= mono && a.mono_ns <= now(CLOCK_MONOTONIC), "monotonic time likewise");
	check(a.jiffies && a.jiffies_after >= a.jiffies && a.jiffies_after - a.jiffies < 100,
	      "jiffies around them");
	for (int tries = 0; tries < 10 && !good; tries++)
		good = is_some_hz(rate(c));
	check(good, "jiffies go on at a rate that is some HZ");
	printf("1..%u\n", rows);
	clock_bpf__destroy(c);
	return failed != 0;
}
