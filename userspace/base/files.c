// SPDX-License-Identifier: BSD-2-Clause
#include "base/files.h"

#include <sys/resource.h>

uint64_t files_limit_raise(uint64_t wanted)
{
	struct rlimit old, most;

	if (getrlimit(RLIMIT_NOFILE, &old))
		return 0;
	if (old.rlim_cur >= wanted)
		return old.rlim_cur;
	most.rlim_cur = wanted;
	most.rlim_max = old.rlim_max > wanted ? old.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &most) == 0)
		return wanted;
	most.rlim_cur = most.rlim_max = old.rlim_max; /* not ours to raise: what there is */
	return setrlimit(RLIMIT_NOFILE, &most) ? old.rlim_cur : old.rlim_max;
}
