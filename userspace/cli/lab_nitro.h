/* SPDX-License-Identifier: BSD-2-Clause */
/* `fairlead lab nitro-root` and `lab enclave`: a lab's Nitro Enclaves.  The exit status. */
#ifndef LAB_NITRO_H
#define LAB_NITRO_H

#include "cli/lab_words.h"

int lab_nitro_root(struct words *w);
int lab_enclave(struct words *w);

#endif
