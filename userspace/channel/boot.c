// SPDX-License-Identifier: BSD-2-Clause
#include "channel/boot.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel/tls.h"

void boot_id_read(char out[WIRE_BOOT_ID_MAX])
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
	tls_random(random, sizeof(random));
	snprintf(out, WIRE_BOOT_ID_MAX, "%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
}
