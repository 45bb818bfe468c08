/* SPDX-License-Identifier: BSD-2-Clause */
/* One platform's collateral as a directory with the names that `fairlead verify` reads. */
#ifndef COLLATERAL_DIRECTORY_H
#define COLLATERAL_DIRECTORY_H

#include "collateral/collateral.h"

/*
 * Calls each() for every piece in dir, as facts_read() leaves it; each answers 0, or -errno to
 * end it.  How many, or -errno with why.  A file that is not what its name says ends it.
 */
int directory_read(const char *dir, int (*each)(void *arg, const struct piece *p), void *arg,
		   char why[COLLATERAL_WHY_MAX]);

/*
 * Writes pieces into dir, which is made if need be.  Lists of AMD's go into one file, one after
 * the other; of Intel's there is one each, so two TCB infos are -EEXIST.  Certificates get files
 * of their own, named after product or chip, for --certs.
 */
int directory_write(const char *dir, const struct piece *const pieces[], size_t count,
		    char why[COLLATERAL_WHY_MAX]);

#endif
