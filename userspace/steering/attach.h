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
	uint32_t replaced;	      /* the predecessor that it carried till now, or 0 */
	char note[DATAPLANE_WHY_MAX]; /* why generic, in words; "" if native */
};

/*
 * Fill the maps of program first.  A predecessor is replaced; an interface that carries another
 * program is left alone: -EBUSY with its id and name, -EEXIST if it is ours of another ABI.  0, or
 * -errno with why.
 */
int program_attach(int program, const char *interface, enum attach_mode mode, struct attachment *a,
		   char why[DATAPLANE_WHY_MAX]);
/* Detaches program and nothing but it: -ENOENT when the interface carries none, -EBUSY another. */
int program_detach(int program, const char *interface, char why[DATAPLANE_WHY_MAX]);

/*
 * Puts program in the place of its predecessor (replace.h): 1 and whom, 0 when the interface
 * carries none, or -errno with why.  Packets see either the one or the other.
 */
int program_succeed(int program, const char *interface, uint32_t *old,
		    char why[DATAPLANE_WHY_MAX]);
/*
 * The same for a program of ours that was made for another ABI, and so has other maps: only when
 * those of program are filled.  -ENOENT when the interface carries no such program.
 */
int program_take_over(int program, const char *interface, uint32_t *old,
		      char why[DATAPLANE_WHY_MAX]);

/* Which programs an interface carries, by id; 0: none. */
struct carried {
	uint32_t native, generic, hardware;
};
int program_carried(const char *interface, struct carried *c, char why[DATAPLANE_WHY_MAX]);
/* "id 12 \"router\"" for people. */
void program_describe(uint32_t id, char *out, unsigned int size);

#endif
