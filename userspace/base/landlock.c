// SPDX-License-Identifier: BSD-2-Clause
#include "base/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h has the later ones only where the kernel's headers are as new. */
enum {
	RULE_NET_PORT = 2,
	NET_BIND_TCP = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
};

struct ruleset {
	uint64_t fs, net, scoped;
};

struct port_rule {
	uint64_t allowed, port; /* host order */
};

/* Access to files that each version knows: its lowest bits. */
static uint64_t files_of(int version)
{
	int bits = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;

	return (1ULL << bits) - 1;
}

static int add_ports(int fd, const uint16_t ports[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct port_rule rule = { NET_CONNECT_TCP, ports[i] };

		if (syscall(SYS_landlock_add_rule, fd, RULE_NET_PORT, &rule, 0))
			return -errno;
	}
	return 0;
}

static enum landlock_scope scope_of(int version)
{
	return version >= LANDLOCK_SIGNALS ? LANDLOCK_SIGNALS
	       : version >= LANDLOCK_PORTS ? LANDLOCK_PORTS
					   : LANDLOCK_FILES;
}

int landlock_enter(const uint16_t ports[], size_t count)
{
	int version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules = { .fs = files_of(version) };
	size_t size = sizeof(rules.fs);
	int fd, err = 0;

	if (version < 1)
		return LANDLOCK_NOTHING; /* or whoever started us keeps it from us */
	if (version >= LANDLOCK_PORTS) {
		rules.net = NET_BIND_TCP | NET_CONNECT_TCP;
		size += sizeof(rules.net);
	}
	if (version >= LANDLOCK_SIGNALS) {
		rules.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
		size += sizeof(rules.scoped);
	}
	fd = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return -errno;
	if (version >= LANDLOCK_PORTS)
		err = add_ports(fd, ports, count);
	if (!err && syscall(SYS_landlock_restrict_self, fd, 0))
		err = -errno;
	close(fd);
	return err ? err : (int)scope_of(version);
}

const char *landlock_str(int scope)
{
	return scope >= LANDLOCK_SIGNALS ? "no files, other ports, or signals"
	       : scope >= LANDLOCK_PORTS ? "no files or other ports"
	       : scope >= LANDLOCK_FILES ? "no files"
					 : "not in this kernel, or not for us";
}
