// SPDX-License-Identifier: BSD-2-Clause
/* The rig's rows through the TC program for what comes in, on the XDP program's maps. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "packet/rig.h"

enum {
	TAG_BYTES = 4,
	TAGS_BESIDE = 1, /* that the kernel takes off before anybody counts */
};

static void open_tc(struct rig *r)
{
	struct bpf_map *m, *theirs;

	r->beside = rig_beside("steer_tc.bpf.o");
	bpf_object__for_each_map(m, r->beside) {
		theirs = bpf_object__find_map_by_name(r->router->obj, bpf_map__name(m));
		if (!bpf_map__is_internal(m) &&
		    (!theirs || bpf_map__reuse_fd(m, bpf_map__fd(theirs))))
			rig_die(bpf_map__name(m));
	}
	if (bpf_object__load(r->beside))
		rig_die("steer_tc.bpf.o");
	r->prog = bpf_program__fd(bpf_object__find_program_by_name(r->beside, "row"));
}

/*
 * With a tag before all others that the row takes off.  The kernel does the same with the next one,
 * as it does before anybody sees what was received; and a test run refuses short frames without.
 */
static const struct frame *given(const struct frame *f, struct frame *made)
{
	*made = *f;
	memmove(made->b + 12 + TAG_BYTES, made->b + 12, made->n - 12);
	put16(made->b + 12, 0x88a8);
	put16(made->b + 14, 0xfff);
	made->n += TAG_BYTES;
	return made;
}

static size_t uncounted(const struct frame *f)
{
	size_t at = 12, n = 0;

	while (n < TAGS_BESIDE && at + TAG_BYTES + 2 <= f->n &&
	       (get16(f->b + at) == 0x8100 || get16(f->b + at) == 0x88a8)) {
		at += TAG_BYTES;
		n++;
	}
	return n * TAG_BYTES;
}

const struct rig_hook rig_hook = { true, open_tc, given, uncounted };
