// SPDX-License-Identifier: BSD-2-Clause
/* Refused packets as text and JSON; see monitor_event.h. */
#include "cli/monitor_event.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "base/outcome.h"
#include "cli/cli.h"

enum {
	TIME_MAX = 40,
	WORD_MAX = 32,
};

bool monitor_decode(const void *data, size_t n, struct event *out)
{
	if (n < sizeof(*out))
		return false;
	memcpy(out, data, sizeof(*out));
	return out->outcome < OUT_COUNT && outcome_is_refusal(out->outcome);
}

int monitor_outcome(const char *text)
{
	const char *labels[OUT_COUNT + 1] = { NULL };
	int i;

	for (i = 0; i < OUT_COUNT; i++)
		labels[i] = outcome_label(i);
	i = cli_word(labels, text);
	return i >= 0 && !outcome_is_refusal(i) ? -1 : i;
}

bool monitor_chosen(const struct monitor_filter *f, const struct event *e)
{
	if (f->outcomes && !(f->outcomes >> e->outcome & 1))
		return false;
	for (size_t i = 0; i < f->services_count; i++)
		if (f->services[i] == e->service)
			return true;
	return !f->services_count;
}

/* RFC 3339, to the millisecond: 2026-11-21T12:00:01.123Z */
static void time_text(int64_t ns, char out[TIME_MAX])
{
	int64_t ms = ns / 1000000;
	time_t seconds = ms / 1000;
	struct tm tm;

	if (ns < 0 || !gmtime_r(&seconds, &tm)) {
		strcpy(out, "-");
		return;
	}
	out += strftime(out, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, WORD_MAX / 2, ".%03dZ", (int)(ms % 1000));
}

static const char *protocol_text(uint8_t proto, char out[WORD_MAX])
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	}
	snprintf(out, WORD_MAX, "%u", proto);
	return out;
}

/* Without a port where the protocol has none, or it could not be read. */
static const char *end_text(const struct addr *a, __be16 port, char out[ENDPOINT_TEXT_MAX])
{
	if (port)
		return endpoint_text(a, ntohs(port), out);
	return addr_text(a, out);
}

/* Its name, or the number that it had when the packet came. */
static const char *id_text(const char *name, unsigned int id, char out[WORD_MAX])
{
	if (name)
		return name;
	snprintf(out, WORD_MAX, "#%u", id);
	return out;
}

void monitor_line(const struct event *e, const struct monitor_names *names, int64_t now_ns,
		  char out[MONITOR_LINE_MAX])
{
	char when[TIME_MAX], proto[WORD_MAX], service[WORD_MAX], backend[WORD_MAX], in[WORD_MAX];
	char from[ENDPOINT_TEXT_MAX], to[ENDPOINT_TEXT_MAX];
	int n;

	time_text(now_ns, when);
	n = snprintf(out, MONITOR_LINE_MAX, "%s %s %s %s > %s", when, outcome_label(e->outcome),
		     protocol_text(e->proto, proto), end_text(&e->src, e->sport, from),
		     end_text(&e->dst, e->dport, to));
	if (e->service != MONITOR_NO_SERVICE)
		n += snprintf(out + n, MONITOR_LINE_MAX - n, " service %s",
			      id_text(names->service, e->service, service));
	if (e->backend)
		n += snprintf(out + n, MONITOR_LINE_MAX - n, " backend %s",
			      id_text(names->backend, e->backend, backend));
	snprintf(out + n, MONITOR_LINE_MAX - n, " length %u in %s", e->length,
		 id_text(names->interface, e->ifindex, in));
}

/* Ports and names are null where there is none; a name that is gone is "#ID". */
json_t *monitor_json(const struct event *e, const struct monitor_names *names, int64_t now_ns)
{
	char when[TIME_MAX], proto[WORD_MAX], service[WORD_MAX], backend[WORD_MAX], in[WORD_MAX];
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];
	json_t *v;

	time_text(now_ns, when);
	v = json_pack(
		"{s:s s:s s:s s:s s:s s:s? s:s? s:i s:s}", "time", when, "outcome",
		outcome_label(e->outcome), "protocol", protocol_text(e->proto, proto), "source",
		addr_text(&e->src, from), "destination", addr_text(&e->dst, to), "service",
		e->service == MONITOR_NO_SERVICE ? NULL
						 : id_text(names->service, e->service, service),
		"backend", e->backend ? id_text(names->backend, e->backend, backend) : NULL,
		"length", (int)e->length, "interface", id_text(names->interface, e->ifindex, in));
	if (v) {
		json_object_set_new(v, "source_port",
				    e->sport ? json_integer(ntohs(e->sport)) : json_null());
		json_object_set_new(v, "destination_port",
				    e->dport ? json_integer(ntohs(e->dport)) : json_null());
	}
	return v;
}
