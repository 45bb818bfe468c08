/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands of `fairlead` share.  A command gets the words after its object's
 * name, with argv[0] the object as it was typed; it prints to stdout what was asked for
 * and to stderr what went wrong, and returns the exit status.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>

struct config;

enum cli_exit {
	CLI_DONE = 0,
	CLI_REFUSED = 1, /* refused; no such thing */
	CLI_ERROR = 2,	 /* wrong usage; the system failed */
	CLI_UNKNOWN = 3, /* could not tell: neither yes nor no */
};

/* Given before the object. */
struct cli_options {
	bool json;	    /* -j: one JSON value on stdout */
	bool stats;	    /* -s: counters too */
	const char *socket; /* of the daemon */
	const char *pins;   /* where the maps are, NULL: not given, the default */
	const struct config *config; /* as --config has it, or NULL */
};

/* remote.c: what the daemon is asked. */
int cmd_service(const struct cli_options *o, int argc, char **argv);
int cmd_backend(const struct cli_options *o, int argc, char **argv);
int cmd_lease(const struct cli_options *o, int argc, char **argv);
int cmd_router(const struct cli_options *o, int argc, char **argv);
int cmd_policy_show(const struct cli_options *o, int argc, char **argv);
int cmd_status(const struct cli_options *o, int argc, char **argv);

/* reload.c */
int cmd_reload(const struct cli_options *o, int argc, char **argv);

/* policy.c: files of policies, and what would become of the backends by them. */
int cmd_policy(const struct cli_options *o, int argc, char **argv);

/* maps.c: what the kernel holds, read without a daemon. */
int cmd_outcome(const struct cli_options *o, int argc, char **argv);
int cmd_flow(const struct cli_options *o, int argc, char **argv);
int cmd_map(const struct cli_options *o, int argc, char **argv);
int cmd_attach(const struct cli_options *o, int argc, char **argv);
int cmd_detach(const struct cli_options *o, int argc, char **argv);

/* egress.c: what may leave this guest. */
int cmd_egress(const struct cli_options *o, int argc, char **argv);

/* monitor.c: refused packets as they come. */
int cmd_monitor(const struct cli_options *o, int argc, char **argv);

/* explain.c: where a flow goes. */
int cmd_explain_flow(const struct cli_options *o, int argc, char **argv);

/* doctor.c: this machine. */
int cmd_doctor(const struct cli_options *o, int argc, char **argv);

/* lab.c and verify.c have headers of their own. */

/*
 * Which of the words text stands for: the word itself, or the only one that it begins.  Its index,
 * -1 for none, -2 for several.  words ends with NULL.
 */
int cli_word(const char *const words[], const char *text);

/* "fairlead: …" to stderr. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *fmt, ...);

#endif
