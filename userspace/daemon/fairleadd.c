// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairleadd: attests this node, verifies others, steers to those that hold.
 * This file reads the command line; fairleadd(8) describes it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
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

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' }, { "check", required_argument, NULL, 'k' },
	{ "print", required_argument, NULL, 'p' },  { "debug", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },	    { "version", no_argument, NULL, 'V' },
	{ 0 },
};

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
	enum log_level level = LOG_LEVEL_INFO;
	const char *path = CONFIG_PATH;
	int o;

	while ((o = getopt_long(argc, argv, "c:dhV", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			path = optarg;
			break;
		case 'd':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'k':
			return check(optarg);
		case 'p':
			return print(optarg);
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("fairleadd " VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fairleadd: unexpected \"%s\"\n%s", argv[optind], usage);
		return 2;
	}
	log_init("fairleadd", level);
	return run(path);
}
