// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int kept[] = {
	CAP_BPF,    CAP_NET_ADMIN,  CAP_PERFMON,   CAP_SETUID,
	CAP_SETGID, CAP_SYS_CHROOT, CAP_SYS_ADMIN, CAP_KILL,
};

static uint64_t kept_mask(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		mask |= 1ull << kept[i];
	return mask;
}

/* A number past the kernel's last capability answers EINVAL, which ends the loop. */
static int limit_bounding_set(uint64_t mask)
{
	for (int cap = 0; cap < 64; cap++) {
		if (mask & 1ull << cap)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return errno == EINVAL ? 0 : -errno;
	}
	return 0;
}

int privileges_limit(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint64_t mask = kept_mask();
	int err;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	err = limit_bounding_set(mask);
	if (err)
		return err;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(mask >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}
