/* SPDX-License-Identifier: BSD-2-Clause */
/* Between collateral.c, which fetches, and collateral_appraisal.c, which says what is lacking. */
#ifndef DAEMON_COLLATERAL_SUPPLY_H
#define DAEMON_COLLATERAL_SUPPLY_H

#include "daemon/collateral.h"

/* Whether it will come, or may: then it is worth waiting for. */
bool supply_ask(struct supply *c, const struct want *want);
/* Hands the fetcher what it is to be asked for next, as long as it takes it. */
void supply_pump(struct supply *c);
void supply_appraise_again(struct supply *c, struct appraisal *a);

#endif
