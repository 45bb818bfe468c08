// SPDX-License-Identifier: BSD-2-Clause
/* Any text as relay.yaml: what is accepted pins every destination, what is refused says why. */
#include "base/addr.h"
#include "relay/relay.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct relay_destination *d)
{
	static const uint8_t none[SHA256_BYTES];

	if (!d->name[0] || (!d->host[0] && !d->path[0]))
		abort();
	if (d->tls && !d->pins_count && (!d->ca[0] || !memcmp(d->ca_sha256, none, sizeof(none))))
		abort(); /* nobody in particular would be believed */
	if (!d->tls && !d->path[0] && strncmp(d->host, "127.", 4) && strcmp(d->host, "::1"))
		abort(); /* plaintext to somewhere else */
	if (!d->path[0] && !d->port)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *errors = NULL;
	size_t n;
	FILE *f = open_memstream(&errors, &n);
	struct relay_config *c = relay_config_parse("fuzz", (const char *)data, size, f);

	if (!c && fflush(f) == 0 && n == 0)
		abort();
	if (c && (!c->destinations_count || !c->listen_count || !c->endpoints_count))
		abort();
	for (size_t i = 0; c && i < c->destinations_count; i++)
		check(&c->destinations[i]);
	fclose(f);
	free(c);
	free(errors);
	return 0;
}
