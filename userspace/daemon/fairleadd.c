// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairleadd: attests this node, verifies others, steers to those that hold.
 * This file is its command line; fairleadd(8) describes it.
 */
#include <stdio.h>

#include "base/startup.h"
#include "daemon/config.h"
#include "daemon/run.h"

#define CONFIG_PATH "/etc/fairlead/fairlead.yaml"

static const char usage[] =
	"usage: fairleadd [-d] [-c FILE]     run in the foreground\n"
	"       fairleadd --check FILE       print every mistake of a configuration\n"
	"       fairleadd --print FILE       print a configuration as it was understood\n"
	"       fairleadd -h | -V\n"
	"\n"
	"  -c, --config FILE   default " CONFIG_PATH "\n"
	"  -d, --debug         log more\n"
	"\n"
	"SIGHUP reads the configuration again; SIGTERM stops the daemon, not the steering.\n";

static int check(const char *path)
{
	struct config *c = config_read(path, stderr);

	if (!c)
		return 1;
	printf("%s: good: %zu services, %zu backends, %zu policies\n", path,
	       c->router.services_count, c->router.backends_count, c->policies_count);
	config_free(c);
	return 0;
}

static int print(const char *path)
{
	struct config *c = config_read(path, stderr);

	if (!c)
		return 1;
	config_print(c, stdout);
	config_free(c);
	return 0;
}

static int run(const char *path)
{
	struct config *c = config_read(path, stderr);

	if (!c)
		return 2;
	return daemon_run(path, c) ? 2 : 0;
}

int main(int argc, char **argv)
{
	static const struct startup daemon = {
		"fairleadd", usage, CONFIG_PATH, "print", check, print, run,
	};

	return startup_main(&daemon, argc, argv);
}
