/* SPDX-License-Identifier: BSD-2-Clause */
/* `fairlead lab enclave`: a lab's Nitro Enclaves. */
#ifndef LAB_NITRO_H
#define LAB_NITRO_H

#include "attester/soft_nitro.h"

/* What one call changes; fields and values stand side by side. */
struct lab_enclave {
	const char *root; /* issue from there; NULL: the enclave has its certificates */
	bool debug;	  /* PCR0, 1 and 2 zero, as AWS marks it */
	const char *const *fields, *const *values;
	size_t count;
};

/* Makes or changes the enclave in directory.  0 or -errno and why[]. */
int lab_enclave_make(const char *directory, const struct lab_enclave *l, int64_t now,
		     char why[WHY_MAX]);

#endif
