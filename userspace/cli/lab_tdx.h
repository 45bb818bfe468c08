/* SPDX-License-Identifier: BSD-2-Clause */
/* `fairlead lab tdx-root` and `lab td`: a lab's TDs.  The exit status. */
#ifndef LAB_TDX_H
#define LAB_TDX_H

#include "cli/lab_words.h"

int lab_tdx_root(struct words *w);
int lab_td(struct words *w);

#endif
