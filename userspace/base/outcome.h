/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of what maps/abi.h numbers: outcomes, classes, refusals. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>

#include "abi.h"

const char *outcome_str(enum outcome o);   /* for people: "lease lapsed" */
const char *outcome_label(enum outcome o); /* for JSON and metrics: "lease_lapsed" */
bool outcome_is_refusal(enum outcome o);   /* the packet was one of ours and was not forwarded */
const char *class_str(enum class c);	   /* "public", …; "unknown" for anything else */

#endif
