/* SPDX-License-Identifier: BSD-2-Clause */
/* MSG_REPORT_RSP (AMD 56860): what the firmware puts before a report. */
#ifndef SNP_RESPONSE_H
#define SNP_RESPONSE_H

#include "base/bytes.h"
#include "base/messages.h"

/*
 * The report in a response, which it points into.  0, or -errno and why[]: -EINVAL and -ENOKEY are
 * the firmware's refusals, -EPROTO is anything that is no report, an all-zero one included.
 */
int snp_response_parse(struct bytes in, struct bytes *report, char why[WHY_MAX]);

#endif
