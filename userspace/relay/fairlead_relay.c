// SPDX-License-Identifier: BSD-2-Clause
/*
 * fairlead-relay: proves to clients what it is and where it connects to, then carries
 * their bytes there as they are.  This file reads the command line; fairlead-relay(8)
 * describes it.
 */
#include <fcntl.h>
#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
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

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", required_argument, NULL, 'k' },
	{ "digest", required_argument, NULL, 'g' },
	{ "debug", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

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

/* Tells two boots of one node apart (proc(5)); random where there is no such file. */
static void read_boot_id(char out[WIRE_BOOT_ID_MAX])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, WIRE_BOOT_ID_MAX - 1) : 0;
	uint64_t random[2] = { 0 };

	if (fd >= 0)
		close(fd);
	if (n > 0) {
		out[n] = 0;
		out[strcspn(out, "\n")] = 0;
		return;
	}
	RAND_bytes((uint8_t *)random, sizeof(random));
	snprintf(out, WIRE_BOOT_ID_MAX, "%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
}

static int run(const char *path)
{
	struct relay_config *c = read_whole(path);
	int err;

	if (!c)
		return 2;
	read_boot_id(c->boot_id);
	err = relay_run(c);
	free(c);
	return err ? 2 : 0;
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
		case 'g':
			return digest(optarg);
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("fairlead-relay " VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fairlead-relay: unexpected \"%s\"\n%s", argv[optind], usage);
		return 2;
	}
	log_init("fairlead-relay", level);
	return run(path);
}
