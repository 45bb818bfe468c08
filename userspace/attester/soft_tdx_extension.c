// SPDX-License-Identifier: BSD-2-Clause
/*
 * Intel SGX PCK Certificate and CRL Profile: the extension that says what a platform is.  A
 * SEQUENCE of SEQUENCE { OID, value }, TCB and configuration being such sequences again.
 */
#include <string.h>

#include "attester/soft_tdx.h"

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_SEQUENCE = 0x30,
	COMPONENTS = 16,
	OF_TCB = 2,
	OF_CONFIGURATION = 7,
	ENTRY_MAX = 640, /* the longest: that of the TCB takes 600 bytes */
};

const uint8_t soft_fmspc[SOFT_FMSPC_BYTES] = { 0x90, 0xc0, 0x6f, 0, 0, 0 };
const uint8_t soft_components[COMPONENTS] = { 3, 255, 3, 3, 3, 1, 0, 3 };

static size_t put(uint8_t *out, uint8_t tag, const void *value, size_t n)
{
	size_t at = 0;

	out[at++] = tag;
	if (n >= 0x80)
		out[at++] = n >= 0x100 ? 0x82 : 0x81;
	if (n >= 0x100)
		out[at++] = n >> 8;
	out[at++] = n & 0xff;
	memcpy(out + at, value, n);
	return at + n;
}

/* A number below 256; from 0x80 on an INTEGER needs a leading zero. */
static size_t put_number(uint8_t *out, uint8_t tag, uint8_t v)
{
	const uint8_t two[] = { 0, v };

	return v & 0x80 ? put(out, tag, two, 2) : put(out, tag, &v, 1);
}

/* SEQUENCE { 1.2.840.113741.1.13.1.of.number, value }; of 0: without it. */
static size_t put_entry(uint8_t *out, uint8_t of, uint8_t number, const uint8_t *value, size_t n)
{
	uint8_t oid[11] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 13, 1 }, entry[ENTRY_MAX];
	size_t length = 9, used;

	if (of)
		oid[length++] = of;
	oid[length++] = number;
	used = put(entry, DER_OID, oid, length);
	memcpy(entry + used, value, n);
	return put(out, DER_SEQUENCE, entry, used + n);
}

static size_t put_octets_entry(uint8_t *out, uint8_t of, uint8_t number, const uint8_t *p, size_t n)
{
	uint8_t value[2 + COMPONENTS];

	return put_entry(out, of, number, value, put(value, DER_OCTETS, p, n));
}

static size_t put_tcb(uint8_t *out)
{
	uint8_t list[ENTRY_MAX], value[4];
	size_t at = 0;

	for (int i = 0; i < COMPONENTS; i++)
		at += put_entry(list + at, OF_TCB, i + 1, value,
				put_number(value, DER_INTEGER, soft_components[i]));
	at += put_entry(list + at, OF_TCB, COMPONENTS + 1, value,
			put_number(value, DER_INTEGER, SOFT_PCESVN));
	at += put_octets_entry(list + at, OF_TCB, COMPONENTS + 2, soft_components, COMPONENTS);
	return put(out, DER_SEQUENCE, list, at);
}

/* Dynamic platform, cached keys, SMT: as the clouds' platforms have it. */
static size_t put_configuration(uint8_t *out)
{
	static const uint8_t flags[] = { 0, 0xff, 0xff };
	uint8_t list[96], value[4];
	size_t at = 0;

	for (size_t i = 0; i < sizeof(flags); i++)
		at += put_entry(list + at, OF_CONFIGURATION, i + 1, value,
				put(value, DER_BOOLEAN, &flags[i], 1));
	return put(out, DER_SEQUENCE, list, at);
}

size_t soft_sgx_extension(const uint8_t ppid[SOFT_PLATFORM_ID_BYTES],
			  const uint8_t instance[SOFT_PLATFORM_ID_BYTES],
			  uint8_t out[SOFT_EXTENSION_MAX])
{
	static const uint8_t pceid[2];
	uint8_t list[SOFT_EXTENSION_MAX], value[ENTRY_MAX];
	size_t at = put_octets_entry(list, 0, 1, ppid, SOFT_PLATFORM_ID_BYTES);

	at += put_entry(list + at, 0, OF_TCB, value, put_tcb(value));
	at += put_octets_entry(list + at, 0, 3, pceid, sizeof(pceid));
	at += put_octets_entry(list + at, 0, 4, soft_fmspc, sizeof(soft_fmspc));
	at += put_entry(list + at, 0, 5, value, put_number(value, DER_ENUMERATED, 1));
	at += put_octets_entry(list + at, 0, 6, instance, SOFT_PLATFORM_ID_BYTES);
	at += put_entry(list + at, 0, OF_CONFIGURATION, value, put_configuration(value));
	return put(out, DER_SEQUENCE, list, at);
}
