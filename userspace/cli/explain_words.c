// SPDX-License-Identifier: BSD-2-Clause
/* Reading what flow is meant; see explain_words.h. */
#include "cli/explain_words.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "cli/cli.h"
#include "cli/explain_frame.h"
#include "steering/why.h"

enum {
	SPORT_DEFAULT = 40000,
};

const char explain_help[] =
	"usage: fairlead explain [dev DEV] [proto] tcp|udp SRC[:PORT] DST:PORT\n"
	"                        [syn|ack] [tos N] [length BYTES]\n"
	"  Where this flow goes now, and why not elsewhere; IPv6 with a port as [ADDRESS]:PORT.\n"
	"  Runs the router on a packet of the flow, and leaves no trace in the tables.\n"
	"  With -s also the candidates after the one chosen.\n"
	"  Exit status: 0 steered, 1 refused or not ours.\n";

static bool read_endpoint(const char *text, struct addr *a, uint16_t *port)
{
	return endpoint_parse(text, a, port) || addr_parse(text, a);
}

static bool read_number(const char *text, unsigned long most, unsigned long *n)
{
	char *end;

	errno = 0;
	*n = text ? strtoul(text, &end, 0) : 0;
	return text && text[0] >= '0' && text[0] <= '9' && !*end && !errno && *n <= most;
}

/* One of the words with a value; 1: it is none. */
static int read_option(char **argv, struct explain_request *r, char why[DATAPLANE_WHY_MAX])
{
	unsigned long n;

	if (!strcmp(argv[0], "tos")) {
		if (!read_number(argv[1], 255, &n))
			return because(why, -EINVAL, "tos: want 0 to 255");
		r->tos = (uint8_t)n;
		return 0;
	}
	if (!strcmp(argv[0], "length")) {
		if (!read_number(argv[1], EXPLAIN_LENGTH_MAX, &n))
			return because(why, -EINVAL, "length: want at most %d bytes",
				       EXPLAIN_LENGTH_MAX);
		r->length = (uint16_t)n;
		return 0;
	}
	if (strcmp(argv[0], "dev") != 0)
		return 1;
	if (!argv[1] || strlen(argv[1]) >= sizeof(r->interface))
		return because(why, -EINVAL, "dev: want the name of an interface");
	strcpy(r->interface, argv[1]);
	return 0;
}

static bool read_word(const char *text, struct explain_request *r)
{
	static const char *const words[] = { "proto", "tcp", "udp", "syn", "ack", NULL };

	switch (cli_word(words, text)) {
	case 0:
		return true;
	case 1:
		r->flow.proto = IPPROTO_TCP;
		return true;
	case 2:
		r->flow.proto = IPPROTO_UDP;
		return true;
	case 3:
		r->syn = EXPLAIN_SYN;
		return true;
	case 4:
		r->syn = EXPLAIN_ACK;
		return true;
	}
	return false;
}

static int check(const struct explain_request *r, int ends, char why[DATAPLANE_WHY_MAX])
{
	if (!r->flow.proto)
		return because(why, -EINVAL, "want tcp or udp");
	if (ends < 2)
		return because(why, -EINVAL, "want a source and a destination, ADDRESS:PORT");
	if (!r->flow.dport)
		return because(why, -EINVAL, "want a port of the destination: ADDRESS:PORT, or "
					     "[ADDRESS]:PORT for IPv6");
	if (addr_is_ipv4(&r->flow.src) != addr_is_ipv4(&r->flow.dst))
		return because(why, -EINVAL, "source and destination are of two families");
	return 0;
}

int explain_words(int argc, char **argv, struct explain_request *r, char why[DATAPLANE_WHY_MAX])
{
	int ends = 0;

	*r = (struct explain_request){ .flow.sport = SPORT_DEFAULT,
				       .length = EXPLAIN_LENGTH_DEFAULT };
	for (int i = 0; i < argc; i++) {
		int option = read_option(argv + i, r, why);

		if (option < 0)
			return option;
		if (!option) {
			i++;
			continue;
		}
		if (ends < 2 && read_endpoint(argv[i], ends ? &r->flow.dst : &r->flow.src,
					      ends ? &r->flow.dport : &r->flow.sport)) {
			ends++;
			continue;
		}
		if (!read_word(argv[i], r))
			return because(why, -EINVAL, "unexpected \"%s\"", argv[i]);
	}
	return check(r, ends, why);
}
