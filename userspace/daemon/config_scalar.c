// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single values of fairlead.yaml, as strict as what they are used for: names end up in
 * certificates, metrics and log lines, paths in a daemon that runs from anywhere.
 */
#include "daemon/config_draft.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"

enum {
	TIME_MAX_MS = 86400000, /* a day, the longest lease: no clock of ours is slower */
	TIME_MIN_MS = 10,	/* faster is no clock but a loop */
};

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static void read_letters(struct conf *y, const yaml_node_t *node, char *out, size_t size)
{
	char text[NAME_MAX_BYTES];

	if (!conf_text(y, node, text, size))
		return;
	if (text[strspn(text, name_letters)] || text[0] == '-')
		conf_complain(y, node, "want letters, digits, \".\", \"_\" and \"-\", got \"%s\"",
			      text);
	else
		strcpy(out, text); /* fits: conf_text() has looked */
}

void read_name(struct conf *y, const yaml_node_t *node, void *field)
{
	read_letters(y, node, field, NAME_MAX_BYTES);
}

void read_user(struct conf *y, const yaml_node_t *node, void *field)
{
	read_letters(y, node, field, sizeof(((struct config *)0)->user));
}

static bool has_controls(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

void read_path(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[CONFIG_PATH_MAX];

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	if (text[0] != '/')
		conf_complain(y, node, "want an absolute path, got \"%.80s\"", text);
	else if (has_controls(text))
		conf_complain(y, node, "want a path without control characters");
	else
		strcpy(field, text);
}

/* As the kernel's dev_valid_name(). */
void read_interface(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[IF_NAMESIZE];

	if (!conf_text(y, node, text, sizeof(text)))
		return;
	if (strpbrk(text, "/: \t\n\v\f\r") || !strcmp(text, ".") || !strcmp(text, ".."))
		conf_complain(y, node, "want the name of an interface, got \"%s\"", text);
	else
		strcpy(field, text);
}

size_t read_interfaces(struct conf *y, const yaml_node_t *node, char names[][IF_NAMESIZE])
{
	size_t n = conf_sequence(y, node, INTERFACES_MAX, read_interface, names, IF_NAMESIZE);

	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (names[i][0] && !strcmp(names[i], names[j]))
				conf_complain(y, node, "\"%s\" is listed twice", names[i]);
	return n;
}

/* What kind of address nobody can be reached at, or NULL. */
static const char *unreachable(const struct addr *a)
{
	const struct in6_addr *v6 = (const struct in6_addr *)a->w;
	uint32_t v4 = ntohl(a->w[3]);

	if (!addr_is_ipv4(a))
		return IN6_IS_ADDR_UNSPECIFIED(v6) ? "no address at all"
		       : IN6_IS_ADDR_LOOPBACK(v6)  ? "loopback"
		       : IN6_IS_ADDR_MULTICAST(v6) ? "multicast"
		       : IN6_IS_ADDR_LINKLOCAL(v6) ? "link-local, which needs an interface"
						   : NULL;
	return v4 >> 24 == 0	 ? "no address at all"
	       : v4 >> 24 == 127 ? "loopback"
	       : v4 >> 28 == 14	 ? "multicast"
	       : !~v4		 ? "broadcast"
				 : NULL;
}

void read_unicast(struct conf *y, const yaml_node_t *node, void *field)
{
	char text[ADDR_TEXT_MAX];
	const char *kind;
	struct addr a;

	if (!conf_addr(y, node, &a))
		return;
	kind = unreachable(&a);
	if (kind)
		conf_complain(y, node, "want the unicast address of a host, got %s (%s)",
			      addr_text(&a, text), kind);
	else
		*(struct addr *)field = a;
}

void read_port(struct conf *y, const yaml_node_t *node, void *field)
{
	uint64_t v;

	if (conf_number(y, node, 1, UINT16_MAX, &v))
		*(uint16_t *)field = v;
}

void read_protocol(struct conf *y, const yaml_node_t *node, void *field)
{
	static const char *const names[] = { "tcp", "udp" };
	static const uint8_t numbers[] = { IPPROTO_TCP, IPPROTO_UDP };
	unsigned int v;

	if (conf_choice(y, node, names, CONFIG_COUNT(names), &v))
		*(uint8_t *)field = numbers[v];
}

void read_ms(struct conf *y, const yaml_node_t *node, void *field)
{
	conf_number(y, node, TIME_MIN_MS, TIME_MAX_MS, field);
}
