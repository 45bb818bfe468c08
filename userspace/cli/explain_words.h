/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of fairlead explain: a flow, as ip(8) would have it. */
#ifndef CLI_EXPLAIN_WORDS_H
#define CLI_EXPLAIN_WORDS_H

#include <net/if.h>

#include "steering/dataplane.h"
#include "steering/explain.h"

enum explain_syn {
	EXPLAIN_EITHER, /* a first packet, unless the flow is remembered */
	EXPLAIN_SYN,
	EXPLAIN_ACK,
};

struct explain_request {
	struct explain_flow flow;
	char interface[IF_NAMESIZE]; /* "": not given */
	enum explain_syn syn;
	uint8_t tos;
	uint16_t length; /* of the IP packet */
};

extern const char explain_help[];

/* 0, or -EINVAL with why. */
int explain_words(int argc, char **argv, struct explain_request *r, char why[DATAPLANE_WHY_MAX]);

#endif
