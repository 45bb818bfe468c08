/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting until no packet sees what was there before. */
#ifndef GRACE_H
#define GRACE_H

/*
 * Returns when every program that runs now has ended: some 10 ms.  What was unlinked before is
 * then seen by nobody and may be written.
 */
void grace_wait(void);

#endif
