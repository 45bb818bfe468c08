// SPDX-License-Identifier: BSD-2-Clause
/* Samples of the kernel's clocks; see clock.h. */
#include "steering/clock.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.skel.h"
#include "steering/pins.h"
#include "steering/why.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

enum {
	SAMPLE_TRIES = 8,   /* of a moment in which no tick fell */
	HZ_WINDOW_MS = 100, /* ten ticks of the slowest kernel: one more or less is told apart */
	HZ_TRIES = 20,	    /* windows, each longer than the last: 2 s at most */
	SUSPEND_MS = 50,    /* boot time that monotonic time did not see */
	STILL_MS = 1000,    /* boot time that jiffies did not see: ticks are made up for sooner */
};

struct clock {
	struct clock_bpf *bpf;
	int program;
	uint32_t hz;
	struct clock_reading last;
	bool suspended;
};

static int read_once(const struct clock *c, struct clock_reading *r)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = r, .ctx_size_in = sizeof(*r));

	memset(r, 0, sizeof(*r));
	return bpf_prog_test_run_opts(c->program, &opts) ? -errno : 0;
}

/* Best one in which jiffies stood still, so that all its times are of one tick. */
static int read_clocks(const struct clock *c, struct clock_reading *r)
{
	int err = 0;

	for (int i = 0; i < SAMPLE_TRIES; i++) {
		err = read_once(c, r);
		if (err || r->jiffies == r->jiffies_after)
			break;
	}
	if (!err && !r->jiffies)
		err = -EIO;
	return err;
}

uint32_t clock_hz_of(uint64_t jiffies, uint64_t ns)
{
	static const uint32_t choices[] = { 100, 250, 300, 1000 }; /* kernel/Kconfig.hz */

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		/* Rounded; reading at any moment of a tick may see one more or one less. */
		uint64_t want = (ns * choices[i] + NS_PER_S / 2) / NS_PER_S;

		if (want >= 10 && jiffies + 1 >= want && jiffies <= want + 1)
			return choices[i];
	}
	return 0;
}

bool clock_stood_still(const struct clock_reading *a, const struct clock_reading *b, uint32_t hz)
{
	uint64_t boot = b->boot_ns - a->boot_ns, mono = b->mono_ns - a->mono_ns;
	uint64_t ticks = (b->jiffies - a->jiffies) * (NS_PER_S / hz);

	return boot > mono + SUSPEND_MS * NS_PER_MS || boot > ticks + STILL_MS * NS_PER_MS;
}

static int learn_hz(struct clock *c, char why[DATAPLANE_WHY_MAX])
{
	struct timespec window = { .tv_nsec = HZ_WINDOW_MS * NS_PER_MS };
	struct clock_reading first;
	int err = read_clocks(c, &first);

	for (int i = 0; !err && !c->hz && i < HZ_TRIES; i++) {
		nanosleep(&window, NULL);
		err = read_clocks(c, &c->last);
		if (!err)
			c->hz = clock_hz_of(c->last.jiffies - first.jiffies,
					    c->last.mono_ns - first.mono_ns);
	}
	if (err)
		return because(why, err, "the kernel's clock cannot be read: %s", strerror(-err));
	if (!c->hz)
		return because(why, -ERANGE,
			       "%llu jiffies in %llu ns: no HZ of 100, 250, 300 or "
			       "1000",
			       c->last.jiffies - first.jiffies, c->last.mono_ns - first.mono_ns);
	return 0;
}

int clock_open(struct clock **out, char why[DATAPLANE_WHY_MAX])
{
	struct clock *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return because(why, -ENOMEM, "no memory");
	pins_quiet();
	c->bpf = clock_bpf__open_and_load();
	if (!c->bpf) {
		err = because(why, -errno,
			      "the kernel does not load the clock's program: %s; "
			      "Linux 5.15 or later and CAP_BPF are needed",
			      strerror(errno));
		goto out;
	}
	c->program = bpf_program__fd(c->bpf->progs.clock_sample);
	err = learn_hz(c, why);
	if (err)
		goto out;
	*out = c;
	return 0;
out:
	clock_close(c);
	return err;
}

int clock_read(struct clock *c, struct clock_sample *s)
{
	struct clock_reading r;
	int err = read_clocks(c, &r);

	if (err)
		return err;
	if (clock_stood_still(&c->last, &r, c->hz))
		c->suspended = true;
	c->last = r;
	*s = (struct clock_sample){ r.jiffies, r.boot_ns, c->hz };
	return 0;
}

bool clock_was_suspended(struct clock *c)
{
	bool was = c->suspended;

	c->suspended = false;
	return was;
}

void clock_close(struct clock *c)
{
	if (!c)
		return;
	clock_bpf__destroy(c->bpf);
	free(c);
}
