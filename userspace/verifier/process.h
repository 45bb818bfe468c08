/* SPDX-License-Identifier: BSD-2-Clause */
/* The process that reads evidence: no files, no network, no privileges, seccomp. */
#ifndef VERIFIER_PROCESS_H
#define VERIFIER_PROCESS_H

#include <stddef.h>

#include "verifier/policy.h"

/*
 * Answers MSG_APPRAISE with MSG_VERDICT on fd, one at a time, until fd is closed.  Called in a
 * fresh child that owns nothing but fd and stderr; sandboxes itself before the first message.
 * A policy that is not in policies[] is answered REASON_INTERNAL.
 */
_Noreturn void verifier_main(int fd, struct policy *const policies[], size_t count);

#endif
