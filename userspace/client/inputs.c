// SPDX-License-Identifier: BSD-2-Clause
/* Files and names, read once and before anybody is spoken to: later there is a sandbox. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "channel/sock.h"
#include "client/client.h"

enum {
	FILE_MAX = 1 << 20, /* certificates and collateral take 16 KiB */
	PATH_BYTES = 4096,
};

static bool complain(const char *what, const char *which, const char *why)
{
	fprintf(stderr, "fairlead-connect: %s %s: %s\n", what, which, why);
	return false;
}

/* A file whole. */
static bool slurp(const char *path, struct blob *out)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f)
		return complain("file", path, strerror(errno));
	out->p = malloc(FILE_MAX + 1);
	out->n = out->p ? fread(out->p, 1, FILE_MAX + 1, f) : 0;
	ok = out->p && !ferror(f) && out->n && out->n <= FILE_MAX;
	if (!ok)
		complain("file", path,
			 out->n > FILE_MAX ? "larger than 1 MiB" : "empty or unreadable");
	fclose(f);
	return ok;
}

/* What is not in the directory is not given; a directory that is not there is a mistake. */
static bool read_collateral(const char *dir, struct inputs *out)
{
	char path[PATH_BYTES];
	DIR *d = opendir(dir);

	if (!d)
		return complain("directory", dir, strerror(errno));
	closedir(d);
	for (enum collateral i = 0; i < COLLATERAL_COUNT; i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, collateral_file(i)) >=
		    sizeof(path))
			return complain("directory", dir, strerror(ENAMETOOLONG));
		if (access(path, F_OK) && errno == ENOENT)
			continue;
		if (!slurp(path, &out->collateral[i]))
			return false;
	}
	return true;
}

static struct policy *read_policy(const char *path)
{
	struct conf *y = conf_open(path);
	const yaml_node_t *root = y ? conf_root(y) : NULL;
	struct policy *p = root ? policy_read(y, root) : NULL;

	if (y && conf_error_count(y)) {
		conf_print_errors(y, stderr);
		policy_free(p);
		p = NULL;
	} else if (!p) {
		complain("file", path, strerror(ENOMEM));
	}
	conf_free(y);
	return p;
}

bool inputs_read(const struct options *o, struct inputs *out)
{
	for (size_t i = 0; i < o->certs_count; i++)
		if (!slurp(o->certs[i], &out->certs[i]))
			return false;
	if (o->collateral && !read_collateral(o->collateral, out))
		return false;
	out->policy = o->policy ? read_policy(o->policy) : policy_default();
	if (!out->policy)
		return false;
	for (size_t i = 0; i < o->roots_count; i++)
		if (policy_trust_root(out->policy, o->roots[i]))
			return complain("option", "--trust-root", "more than a policy holds");
	return true;
}

void inputs_free(struct inputs *in)
{
	for (size_t i = 0; i < CERTS_MAX; i++)
		free(in->certs[i].p);
	for (size_t i = 0; i < COLLATERAL_COUNT; i++)
		free(in->collateral[i].p);
	policy_free(in->policy);
	memset(in, 0, sizeof(*in));
}

bool inputs_pin_chips(const struct inputs *in)
{
	json_t *j = policy_json(in->policy);
	const char *pin =
		json_string_value(json_object_get(json_object_get(j, "classified"), "chip-pin"));
	bool pins = pin && !strcmp(pin, "required");

	json_decref(j);
	return pins;
}

static void name_endpoint(struct endpoint *e)
{
	char text[ENDPOINT_TEXT_MAX];
	struct addr is_address;

	endpoint_text(&e->addr, e->port, text);
	if (addr_parse(e->host, &is_address))
		snprintf(e->name, sizeof(e->name), "%s", text);
	else
		snprintf(e->name, sizeof(e->name), "%s (%s)", e->host, text);
}

static size_t add_addresses(const struct host_port *h, const struct addrinfo *list,
			    struct endpoint out[], size_t count)
{
	struct endpoint *e;
	uint16_t port;

	for (const struct addrinfo *i = list; i && count < OPTIONS_ENDPOINTS_MAX; i = i->ai_next) {
		e = &out[count];
		if (!sock_addr_of(i->ai_addr, &e->addr, &port))
			continue;
		memcpy(e->host, h->host, sizeof(e->host));
		e->port = h->port;
		name_endpoint(e);
		count++;
	}
	return count;
}

size_t endpoints_resolve(const struct host_port list[], size_t count, struct endpoint out[],
			 char why[WHY_MAX])
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct addrinfo *addresses = NULL;
		int err = getaddrinfo(list[i].host, NULL, &hints, &addresses);

		if (err) {
			snprintf(why, WHY_MAX, "%.120s: %s", list[i].host, gai_strerror(err));
			return 0;
		}
		found = add_addresses(&list[i], addresses, out, found);
		freeaddrinfo(addresses);
	}
	if (!found)
		snprintf(why, WHY_MAX, "no address is known for it");
	return found;
}
