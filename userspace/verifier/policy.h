/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Appraisal policy: what evidence must say, per platform.  Read from YAML, either
 * a file of its own (`fairlead verify --policy`) or an item of `policies` in
 * fairlead.yaml; docs and fairlead.yaml(5) list the keys.
 */
#ifndef POLICY_H
#define POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/messages.h"

struct policy;

/* The strict default: debug and migration refused, vendor roots pinned, CRL required where given.
 */
struct policy *policy_default(void);

/* Reads one mapping; complaints go to y.  NULL only without memory.  policy_free() takes NULL. */
struct policy *policy_read(struct conf *y, const yaml_node_t *node);
void policy_free(struct policy *p);

const char *policy_name(const struct policy *p);
/* SHA-256 of the canonical text of what it demands, hexadecimal: two policies alike have it alike.
 */
const char *policy_digest(const struct policy *p);
/* Trusts one more root: SHA-256 of its DER or of its SubjectPublicKeyInfo.  0 or -ENOSPC. */
int policy_trust_root(struct policy *p, const uint8_t sha256[32]);
/* For `fairlead policy show`: everything it demands, as a new JSON object. */
json_t *policy_json(const struct policy *p);

#endif
