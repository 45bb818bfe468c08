// SPDX-License-Identifier: BSD-2-Clause
#include "base/startup.h"

#include <getopt.h>
#include <stdio.h>

#include "base/log.h"

int startup_main(const struct startup *s, int argc, char **argv)
{
	const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", required_argument, NULL, 'k' },
		{ s->view, required_argument, NULL, 'p' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	enum log_level level = LOG_LEVEL_INFO;
	const char *path = s->config;
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
			return s->check(optarg);
		case 'p':
			return s->show(optarg);
		case 'h':
			fputs(s->usage, stdout);
			return 0;
		case 'V':
			printf("%s " VERSION "\n", s->name);
			return 0;
		default:
			fputs(s->usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected \"%s\"\n%s", s->name, argv[optind], s->usage);
		return 2;
	}
	log_init(s->name, level);
	return s->run(path);
}
