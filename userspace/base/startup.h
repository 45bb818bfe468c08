/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line that fairleadd and fairlead-relay have in common: -c FILE, -d, --check FILE,
 * -h, -V, and one more way of their own to look at a configuration.
 */
#ifndef STARTUP_H
#define STARTUP_H

struct startup {
	const char *name;   /* for the log, too */
	const char *usage;  /* whole, with its last newline */
	const char *config; /* the path without -c */
	const char *view;   /* the long option of show() */
	/* Each gets a configuration's path and answers an exit status. */
	int (*check)(const char *path);
	int (*show)(const char *path);
	int (*run)(const char *path);
};

/* The exit status: of what was asked for, or 2 when nobody understands it. */
int startup_main(const struct startup *s, int argc, char **argv);

#endif
