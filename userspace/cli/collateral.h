/* SPDX-License-Identifier: BSD-2-Clause */
/* `fairlead collateral`: what is kept of vendors' collateral, without a daemon. */
#ifndef CLI_COLLATERAL_H
#define CLI_COLLATERAL_H

#include "base/tee.h"
#include "cli/cli.h"
#include "collateral/store.h"

/* argv[0] is "collateral".  The exit status: 3 when something could not be had. */
int cmd_collateral(const struct cli_options *o, int argc, char **argv);

enum collateral_command { SHOW, FETCH, EXPORT, IMPORT, DROP, HELP };

/* What the command line asked for. */
struct collateral_request {
	const struct cli_options *options;
	struct collateral_config config;
	enum collateral_command command;
	enum tee tee;
	const char *evidence, *target;
	struct want *wants;
	size_t wants_count;
	unsigned int wait_s;
	bool has_tee;
};

/* Whether the command is about this piece: no names are all names. */
bool collateral_is_meant(const struct collateral_request *r, const struct want *w);
/* False, and said, when a name is not kept. */
bool collateral_all_kept(const struct collateral_request *r, const struct store *s);

/* collateral_carry.c: to and from where no vendor can be reached. */
int collateral_export(const struct collateral_request *r, struct store *s);
int collateral_import(const struct collateral_request *r, struct store *s);
/* A file of at most max bytes, to be freed; NULL, and said. */
uint8_t *collateral_slurp(const char *path, size_t max, size_t *n);

/* collateral_fetch.c */
struct fetch_tally {
	size_t fetched, failed;
};

/*
 * Fetches wants[count] into s in a confined process, saying how each came out unless quiet; gives
 * up after so many seconds.  0 or -errno, after saying why.
 */
int collateral_fetch(struct store *s, const struct collateral_config *c, const struct want *wants,
		     size_t count, unsigned int seconds, bool quiet, struct fetch_tally *out);

#endif
