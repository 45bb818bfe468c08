/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request is and how it is answered; control.c carries both, control.h says all else. */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include <stdbool.h>

#include "base/bytes.h"
#include "daemon/control.h"

enum {
	CONTROL_COMMAND_MAX = 64,
	CONTROL_ABOUT_MAX = 160, /* a command with its name for the log */
};

struct control_answer {
	json_t *reply;		       /* new; NULL without memory */
	bool malformed;		       /* it was no request: hang up after the reply */
	bool changes;		       /* it was to change something: for the log */
	char about[CONTROL_ABOUT_MAX]; /* "backend drain db-1", fit to be printed */
};

/* Takes a request apart, has it answered, and makes the reply. */
void control_request(struct bytes request, control_handler *handler, void *arg,
		     struct control_answer *out);

/* {"ok": false, …}; NULL without memory. */
json_t *control_refusal(int code, const char *error);

#endif
