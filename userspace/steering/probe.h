/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One frame through the packet path by BPF_PROG_TEST_RUN, with nothing changed by it.
 *
 * What runs is our program, loaded a second time: it shares the backends with the pinned
 * one, so every lease is asked about as it is, and has copies of its own of what the packet
 * path writes (the flow's set, the ring, counters), or what would not hold still (the
 * service).  So no flow is remembered, no slot unsettled and nothing counted for having
 * been asked about, and the copies tell what would have been.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/dataplane.h"
#include "steering/explain.h"

enum {
	PROBE_FRAME_MAX = 10240,
	PROBE_ROOM = 128, /* for an outer header */
};

struct probe_frame {
	const uint8_t *bytes;
	uint32_t length;
	uint32_t ifindex; /* of the interface that it comes in by */
};

struct probe_result {
	uint32_t action; /* enum xdp_action */
	enum outcome outcome;
	uint16_t backend;     /* its id, where the outcome is OUT_STEERED */
	bool remembers;	      /* the flow would be remembered from now on, and was not before */
	bool same_build;      /* the pinned program has the same instructions */
	uint8_t frame[PROBE_FRAME_MAX + PROBE_ROOM];
	uint32_t length;
};

/*
 * e: as explain_flow() said of the flow, and
 * afterwards as it was when the frame ran.  0, or -errno with why: -EAGAIN when the tables change
 * too fast to be copied.
 */
int probe_run(const struct dataplane *d, const struct explain_world *w, const struct explain_flow *f,
	      uint64_t now, struct explanation *e, const struct probe_frame *in,
	      struct probe_result *r, char why[DATAPLANE_WHY_MAX]);

#endif
