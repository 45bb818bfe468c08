// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead-relay: proves to clients what it is and where it connects to, then carries
 * their bytes there as they are.  This file is its command line; fairlead-relay(8)
 * describes it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/startup.h"
#include "channel/boot.h"
#include "relay/tls.h"

#define CONFIG_PATH "/etc/fairlead/relay.yaml"

static const char usage[] =
	"usage: fairlead-relay [-d] [-c FILE]   run in the foreground\n"
	"       fairlead-relay --check FILE     print every mistake of a configuration\n"
	"       fairlead-relay --digest FILE    print what the claims will say of it\n"
	"       fairlead-relay -h | -V\n"
	"\n"
	"  -c, --config FILE   default " CONFIG_PATH "\n"
	"  -d, --debug         log more\n"
	"\n"
	"SIGTERM ends it, with all that it relays.\n";

/* A configuration whose files can be loaded, too. */
static struct relay_config *read_whole(const char *path)
{
	struct relay_config *c = relay_config_read(path, stderr);
	char why[WHY_MAX] = "no memory";
	struct relay_tls *t;

	if (!c || !relay_tls_open(c, &t, why)) {
		if (c)
			relay_tls_close(t);
		return c;
	}
	fprintf(stderr, "%s: %s\n", path, why);
	free(c);
	return NULL;
}

static int check(const char *path)
{
	struct relay_config *c = read_whole(path);

	if (!c)
		return 1;
	printf("%s: good: %zu destinations\n", path, c->destinations_count);
	free(c);
	return 0;
}

static int digest(const char *path)
{
	struct relay_config *c = relay_config_read(path, stderr);

	if (!c)
		return 1;
	for (size_t i = 0; i < sizeof(c->digest); i++)
		printf("%02x", c->digest[i]);
	puts("");
	free(c);
	return 0;
}

static int run(const char *path)
{
	struct relay_config *c = read_whole(path);
	int err;

	if (!c)
		return 2;
	boot_id_read(c->boot_id);
	err = relay_run(c);
	free(c);
	return err ? 2 : 0;
}

int main(int argc, char **argv)
{
	static const struct startup relay = {
		"fairlead-relay", usage, CONFIG_PATH, "digest", check, digest, run,
	};

	return startup_main(&relay, argc, argv);
}
