// SPDX-License-Identifier: BSD-2-Clause
/* Records of any content: those that are taken for events become one line, and JSON that says the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "cli/monitor_event.h"

static void check_line(const struct event *e, const struct monitor_names *names, int64_t now)
{
	char line[MONITOR_LINE_MAX];

	memset(line, 'x', sizeof(line));
	monitor_line(e, names, now, line);
	if (!memchr(line, 0, sizeof(line)))
		abort();
	for (const char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct monitor_names none, some = { "web4", "genuine-1", "eth0" };
	const struct monitor_names *names = size & 1 ? &some : &none;
	struct monitor_filter f = { .services_count = 1 };
	struct event e;
	int64_t now = 0;
	json_t *v;

	if (!monitor_decode(data, size, &e))
		return 0;
	memcpy(&now, data, sizeof(now));
	f.services[0] = e.service;
	f.outcomes = 1ull << e.outcome;
	if (!monitor_chosen(&f, &e))
		abort();
	check_line(&e, names, now);
	v = monitor_json(&e, names, now);
	if (!v || !json_object_get(v, "source_port"))
		abort();
	json_decref(v);
	return 0;
}
