/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory for one program's tests: a lab's authorities, and what they vouch for, below it. */
#ifndef LAB_DIR_H
#define LAB_DIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { LAB_PATH_MAX = 64 };

static char top[] = "/tmp/fairlead-lab-XXXXXX", root[LAB_PATH_MAX];

/* Names the root's directory, and the other one into own; neither is made yet. */
static inline int lab_dir_open(const char *name, char own[LAB_PATH_MAX])
{
	if (!mkdtemp(top))
		return -1;
	snprintf(root, sizeof(root), "%s/root", top);
	snprintf(own, LAB_PATH_MAX, "%s/%s", top, name);
	return 0;
}

static inline int lab_dir_close(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

#endif
