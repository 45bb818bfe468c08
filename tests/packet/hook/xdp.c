// SPDX-License-Identifier: BSD-2-Clause
/* The rig's rows through the XDP program, with rubbish where it will prepend. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "packet/rig.h"

static void open_xdp(struct rig *r)
{
	uint32_t zero = 0;
	int next = bpf_program__fd(r->router->progs.router);

	r->beside = rig_beside("poison.bpf.o");
	if (bpf_object__load(r->beside))
		rig_die("poison.bpf.o");
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(r->beside, "next"), &zero, &next,
				BPF_ANY))
		rig_die("poison's next program");
	r->prog = bpf_program__fd(bpf_object__find_program_by_name(r->beside, "poison"));
}

static const struct frame *given(const struct frame *f, struct frame *made)
{
	(void)made;
	return f;
}

static size_t uncounted(const struct frame *f)
{
	(void)f;
	return 0;
}

const struct rig_hook rig_hook = { false, open_xdp, given, uncounted };
