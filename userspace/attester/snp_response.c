// SPDX-License-Identifier: BSD-2-Clause
#include "attester/snp_response.h"

#include <errno.h>
#include <stdio.h>

#include "attester/source.h"

enum {
	RESERVED_BYTES = 24,
	STATUS_INVALID_PARAMETER = 0x16,
	STATUS_INVALID_KEY = 0x27,
};

/* The ioctl succeeds also when the firmware has refused: its own status must be looked at. */
static int refused(uint32_t status, char why[WHY_MAX])
{
	switch (status) {
	case STATUS_INVALID_PARAMETER:
		snprintf(why, WHY_MAX,
			 "firmware status 0x16, invalid parameter: want the VMPL that this guest's "
			 "kernel runs at, or a less privileged one");
		return -EINVAL;
	case STATUS_INVALID_KEY:
		snprintf(why, WHY_MAX, "firmware status 0x27, invalid key: no key to sign with");
		return -ENOKEY;
	}
	snprintf(why, WHY_MAX, "firmware status 0x%x, want 0", status);
	return -EIO;
}

int snp_response_parse(struct bytes in, struct bytes *report, char why[WHY_MAX])
{
	uint32_t status, size;
	struct bytes reserved, r;

	if (!get_le32(&in, &status) || !get_le32(&in, &size) ||
	    !get(&in, RESERVED_BYTES, &reserved)) {
		snprintf(why, WHY_MAX, "response cut short: want 32 bytes of header");
		return -EPROTO;
	}
	if (status)
		return refused(status, why);
	if (size != SNP_REPORT_SIZE || !get(&in, size, &r)) {
		snprintf(why, WHY_MAX, "report of %u bytes in a response with %zu: want %d", size,
			 in.n, SNP_REPORT_SIZE);
		return -EPROTO;
	}
	if (bytes_are_zero(r)) {
		snprintf(why, WHY_MAX, "status says success, but the report is all zero");
		return -EPROTO;
	}
	*report = r;
	return 0;
}
