// SPDX-License-Identifier: BSD-2-Clause
#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

static const char usage[] =
	"Usage: fairlead-connect [OPTIONS] HOST:PORT...\n"
	"       fairlead-connect [OPTIONS] --agent ADDR:PORT... HOST:PORT...\n"
	"Connects to a service and passes no byte to it before it has proved what it runs.\n"
	"\n"
	"  -l, --listen ADDR:PORT  take connections there; otherwise stdin and stdout\n"
	"  -a, --agent ADDR:PORT   the service's agent speaks for its key (repeatable)\n"
	"      --service NAME      which of a relay's destinations\n"
	"      --destinations sha256:HEX  of the file that says where the relay may connect to\n"
	"      --class CLASS       confidential (default) or classified\n"
	"      --policy FILE       what evidence must say\n"
	"      --trust-root sha256:HEX  a root beside the vendors' (repeatable)\n"
	"      --collateral DIR    CRLs, TCB info and the like\n"
	"      --certs FILE        certificates that evidence may lack (repeatable)\n"
	"      --ca FILE           the operator's CA, which the server's certificate must be of\n"
	"      --node NAME         the node that it must be for; wants --ca\n"
	"      --cert FILE, --key FILE  our own node's certificate and key\n"
	"      --sni NAME          the server's name in TLS\n"
	"      --alpn NAME         the protocol in TLS, with --agent\n"
	"      --deadline MS       for an endpoint to be found, 10000\n"
	"      --lifetime MS       of what is released, at most the class's: 24 h or 1 h\n"
	"      --pool N            appraised sessions kept ready with --listen, 2\n"
	"      --connections N     at one time with --listen, 1024\n"
	"      --show-evidence     tell the verdict and the claims on stderr\n"
	"  -j, --json              ... as JSON\n"
	"      --save FILE         append evidence and verdict to FILE, a JSON object a line\n"
	"  -v, --verbose           tell more on stderr; twice: all\n"
	"  -h, --help              -V, --version\n";

enum {
	OPT_SERVICE = 256,
	OPT_CLASS,
	OPT_DESTINATIONS,
	OPT_POLICY,
	OPT_TRUST_ROOT,
	OPT_COLLATERAL,
	OPT_CERTS,
	OPT_CA,
	OPT_NODE,
	OPT_CERT,
	OPT_KEY,
	OPT_SNI,
	OPT_ALPN,
	OPT_DEADLINE,
	OPT_LIFETIME,
	OPT_POOL,
	OPT_CONNECTIONS,
	OPT_SHOW,
	OPT_SAVE,
	DEADLINE_MS_MAX = 600000,
	ALPN_MAX = 255,
};

static const struct option table[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "agent", required_argument, NULL, 'a' },
	{ "service", required_argument, NULL, OPT_SERVICE },
	{ "destinations", required_argument, NULL, OPT_DESTINATIONS },
	{ "class", required_argument, NULL, OPT_CLASS },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "trust-root", required_argument, NULL, OPT_TRUST_ROOT },
	{ "collateral", required_argument, NULL, OPT_COLLATERAL },
	{ "certs", required_argument, NULL, OPT_CERTS },
	{ "ca", required_argument, NULL, OPT_CA },
	{ "node", required_argument, NULL, OPT_NODE },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "sni", required_argument, NULL, OPT_SNI },
	{ "alpn", required_argument, NULL, OPT_ALPN },
	{ "deadline", required_argument, NULL, OPT_DEADLINE },
	{ "lifetime", required_argument, NULL, OPT_LIFETIME },
	{ "pool", required_argument, NULL, OPT_POOL },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "show-evidence", no_argument, NULL, OPT_SHOW },
	{ "json", no_argument, NULL, 'j' },
	{ "save", required_argument, NULL, OPT_SAVE },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static bool complain(FILE *err, const char *what, const char *which, const char *why)
{
	fprintf(err, "fairlead-connect: %s%s%s: %s\n", what, which[0] ? " " : "", which, why);
	return false;
}

bool host_port_parse(const char *text, struct host_port *out)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	unsigned long port;
	char *end;

	if (n && text[0] == '[') {
		if (text[n - 1] != ']')
			return false;
		text++;
		n -= 2;
	} else if (n && memchr(text, ':', n)) {
		return false; /* an IPv6 address without brackets could end anywhere */
	}
	if (!n || n >= sizeof(out->host) || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    !colon[1])
		return false;
	errno = 0;
	port = strtoul(colon + 1, &end, 10);
	if (errno || !port || port > UINT16_MAX)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->host, text, n);
	out->port = port;
	return true;
}

static bool add_host(struct host_port list[], size_t *count, const char *what, const char *value,
		     FILE *err)
{
	if (*count == OPTIONS_ENDPOINTS_MAX)
		return complain(err, what, value, "more than 16");
	if (!host_port_parse(value, &list[*count]))
		return complain(err, what, value,
				"want HOST:PORT, an IPv6 address in brackets, a port of 1..65535");
	(*count)++;
	return true;
}

static bool set_listen(struct options *o, const char *value, FILE *err)
{
	size_t n = strlen(value);
	char any[ENDPOINT_TEXT_MAX];

	o->listens = true;
	if (endpoint_parse(value, &o->listen_addr, &o->listen_port))
		return true;
	/* Port 0 is none to connect to, but one to listen on: the kernel chooses. */
	if (n > 2 && n < sizeof(any) && !strcmp(value + n - 2, ":0")) {
		snprintf(any, sizeof(any), "%.*s:1", (int)(n - 2), value);
		if (endpoint_parse(any, &o->listen_addr, &o->listen_port)) {
			o->listen_port = 0;
			return true;
		}
	}
	return complain(err, "--listen", value, "want ADDRESS:PORT");
}

static bool set_class(struct options *o, const char *value, FILE *err)
{
	if (!strcmp(value, "confidential"))
		o->class = CLASS_CONFIDENTIAL;
	else if (!strcmp(value, "classified"))
		o->class = CLASS_CLASSIFIED;
	else
		return complain(err, "--class", value, "want confidential or classified");
	return true;
}

static bool complain_if(const char *why, const char *what, const char *value, FILE *err)
{
	return !why || complain(err, what, value, why);
}

static bool set_destinations(struct options *o, const char *value, FILE *err)
{
	o->pins_destinations = inputs_sha256(value, o->destinations);
	return o->pins_destinations || complain(err, "--destinations", value, inputs_want_sha256);
}

static bool set_number(uint32_t *out, const char *what, const char *value, uint32_t from,
		       uint32_t to, FILE *err)
{
	unsigned long v;
	char why[64];

	errno = 0;
	v = strtoul(value, NULL, 10);
	if (!errno && value[0] && strspn(value, "0123456789") == strlen(value) && v >= from &&
	    v <= to) {
		*out = v;
		return true;
	}
	snprintf(why, sizeof(why), "want a number of %u..%u", from, to);
	return complain(err, what, value, why);
}

static bool set_text(const char **out, const char *what, const char *value, size_t size, FILE *err)
{
	for (const char *p = value; *p; p++)
		if (*p <= ' ' || *p > '~')
			return complain(err, what, value, "want printable ASCII without spaces");
	if (!value[0] || strlen(value) >= size)
		return complain(err, what, value, "empty, or too long");
	*out = value;
	return true;
}

static bool set_file(const char **out, const char *value)
{
	*out = value;
	return true;
}

static bool set_value(struct options *o, int option, const char *value, FILE *err)
{
	switch (option) {
	case 'l':
		return set_listen(o, value, err);
	case 'a':
		return add_host(o->agents, &o->agents_count, "--agent", value, err);
	case OPT_SERVICE:
		return set_text(&o->service, "--service", value, NAME_MAX_BYTES, err);
	case OPT_CLASS:
		return set_class(o, value, err);
	case OPT_DESTINATIONS:
		return set_destinations(o, value, err);
	case OPT_TRUST_ROOT:
		return complain_if(inputs_add_root(&o->files, value), "--trust-root", value, err);
	case OPT_CERTS:
		return complain_if(inputs_add_cert(&o->files, value), "--certs", value, err);
	case OPT_NODE:
		return set_text(&o->node, "--node", value, NAME_MAX_BYTES, err);
	case OPT_SNI:
		return set_text(&o->server_name, "--sni", value, OPTIONS_HOST_MAX, err);
	case OPT_ALPN:
		return set_text(&o->protocol, "--alpn", value, ALPN_MAX + 1, err);
	case OPT_DEADLINE:
		return set_number(&o->deadline_ms, "--deadline", value, 1, DEADLINE_MS_MAX, err);
	case OPT_LIFETIME:
		return set_number(&o->lifetime_ms, "--lifetime", value, 1, OPTIONS_CONFIDENTIAL_MS,
				  err);
	case OPT_POOL:
		return set_number(&o->pool, "--pool", value, 0, OPTIONS_POOL_MAX, err);
	case OPT_CONNECTIONS:
		return set_number(&o->connections, "--connections", value, 1,
				  OPTIONS_CONNECTIONS_MAX, err);
	}
	return false;
}

static bool set(struct options *o, int option, const char *value, FILE *err)
{
	switch (option) {
	case OPT_POLICY:
		return set_file(&o->files.policy, value);
	case OPT_COLLATERAL:
		return set_file(&o->files.collateral, value);
	case OPT_CA:
		return set_file(&o->ca, value);
	case OPT_CERT:
		return set_file(&o->certificate, value);
	case OPT_KEY:
		return set_file(&o->key, value);
	case OPT_SAVE:
		return set_file(&o->save, value);
	case OPT_SHOW:
		o->show = true;
		return true;
	case 'j':
		o->json = true;
		return true;
	case 'v':
		o->verbose++;
		return true;
	default:
		return set_value(o, option, value, err);
	}
}

/* What only all options together can be wrong in. */
static bool fits(const struct options *o, FILE *err)
{
	if (!o->endpoints_count)
		return complain(err, "HOST:PORT", "", "is missing");
	if (!o->certificate != !o->key)
		return complain(err, o->key ? "--cert" : "--key", "",
				"is missing: they go together");
	if (o->node && !o->ca)
		return complain(err, "--node", o->node, "wants --ca, or anybody could say so");
	if (o->agents_count && (!o->ca || !o->certificate))
		return complain(err, "--agent", "",
				"wants --ca, --cert and --key: agents answer nodes alone");
	if (o->agents_count && o->service[0])
		return complain(err, "--service", o->service, "is a relay's, not an agent's");
	if (o->agents_count && o->pins_destinations)
		return complain(err, "--destinations", "", "are a relay's, not an agent's");
	if (!o->agents_count && o->protocol)
		return complain(err, "--alpn", o->protocol, "wants --agent");
	if (o->json && !o->show)
		return complain(err, "--json", "", "wants --show-evidence");
	return true;
}

/* A class may be asked for less, never for more. */
static void limit_lifetime(struct options *o)
{
	uint32_t most =
		o->class == CLASS_CLASSIFIED ? OPTIONS_CLASSIFIED_MS : OPTIONS_CONFIDENTIAL_MS;

	if (!o->lifetime_ms || o->lifetime_ms > most)
		o->lifetime_ms = most;
}

enum options_end options_read(struct options *o, int argc, char **argv, FILE *out, FILE *err)
{
	int option;

	*o = (struct options){ .class = CLASS_CONFIDENTIAL,
			       .service = "",
			       .deadline_ms = OPTIONS_DEADLINE_MS,
			       .pool = OPTIONS_POOL,
			       .connections = OPTIONS_CONNECTIONS };
	optind = 0; /* the caller may have used getopt before */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":l:a:jvhV", table, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			fputs(option == 'h' ? usage : "fairlead-connect " VERSION "\n", out);
			return OPTIONS_HELPED;
		}
		if (option == '?' || option == ':') {
			complain(err, "option", argv[optind - 1],
				 option == ':' ? "wants a value" : "is none; see --help");
			return OPTIONS_WRONG;
		}
		if (!set(o, option, optarg, err))
			return OPTIONS_WRONG;
	}
	for (; optind < argc; optind++)
		if (!add_host(o->endpoints, &o->endpoints_count, "endpoint", argv[optind], err))
			return OPTIONS_WRONG;
	if (!fits(o, err))
		return OPTIONS_WRONG;
	limit_lifetime(o);
	return OPTIONS_GO_ON;
}
