/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strangers' JSON (RFC 8259) through jansson, strictly: one object, nothing after
 * it, no repeated key, no NUL in a string, no more brackets than there are reasons
 * for.  Refusals are words in why[].
 */
#ifndef CHANNEL_JSON_H
#define CHANNEL_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/messages.h"

/* A new reference to be given back, or NULL and why[]. */
json_t *json_object_of(struct bytes in, unsigned int depth_max, char why[WHY_MAX]);

/* json_unpack() that says what did not fit. */
bool json_take(json_t *j, char why[WHY_MAX], const char *fmt, ...);

/* Copies printable ASCII that fits out[size]; key is named in why[] otherwise. */
bool json_text(const char *text, const char *key, char *out, size_t size, char why[WHY_MAX]);

/* False, so that it can be returned. */
__attribute__((format(printf, 2, 3))) bool json_refuse(char why[WHY_MAX], const char *fmt, ...);

#endif
