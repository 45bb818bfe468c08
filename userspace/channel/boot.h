/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BOOT_H
#define BOOT_H

#include "channel/wire.h"

/* Tells two boots of one node apart (proc(5)); random where there is no such file. */
void boot_id_read(char out[WIRE_BOOT_ID_MAX]);

#endif
