/* SPDX-License-Identifier: BSD-2-Clause */
/* As much of Nitro's attestation documents as an attester looks at before it sends one. */
#ifndef NITRO_FORMAT_H
#define NITRO_FORMAT_H

#include <stdbool.h>

#include "base/bytes.h"

/* What a document, whose signature nobody checks here, has as user_data.  False: none. */
bool nitro_user_data(struct bytes document, struct bytes *out);

#endif
