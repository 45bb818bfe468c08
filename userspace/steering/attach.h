/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets a program see the packets of an interface, over rtnetlink rather than a BPF
 * link: so it goes on when we die, and `ip link set dev DEV xdpdrv off` ends it.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/dataplane.h"

enum attach_mode {
	ATTACH_NATIVE,	/* only in the driver */
	ATTACH_ANY,	/* in the driver, or in generic mode where the driver has no XDP */
	ATTACH_GENERIC, /* only in generic mode */
};

struct attachment {
	bool generic;		      /* slower, and worth saying loudly */
	bool was_there;		      /* the interface carried our very program already */
	char note[DATAPLANE_WHY_MAX]; /* why generic, in words; "" if native */
};

/*
 * Fill the maps of program first.  An interface that carries another program is left alone:
 * -EBUSY with its id and name.  0, or -errno with why.
 */
int program_attach(int program, const char *interface, enum attach_mode mode, struct attachment *a,
		   char why[DATAPLANE_WHY_MAX]);
/* Detaches program and nothing but it: -ENOENT when the interface carries none, -EBUSY another. */
int program_detach(int program, const char *interface, char why[DATAPLANE_WHY_MAX]);

/* Which programs an interface carries, by id; 0: none. */
struct carried {
	uint32_t native, generic, hardware;
};
int program_carried(const char *interface, struct carried *c, char why[DATAPLANE_WHY_MAX]);
/* "id 12 \"router\"" for people. */
void program_describe(uint32_t id, char *out, unsigned int size);

#endif
