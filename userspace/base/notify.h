/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NOTIFY_H
#define NOTIFY_H

/*
 * Tells the service manager a state, such as "READY=1", as sd_notify(3) does: a datagram to the
 * socket that NOTIFY_SOCKET names.  Nothing when there is none.
 */
void notify_state(const char *state);

#endif
