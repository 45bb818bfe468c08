// SPDX-License-Identifier: BSD-2-Clause
/* The SGX extension: a SEQUENCE of SEQUENCE { OID, value }, each looked up by its OID, strictly. */
#include "verifier/tdx_pck.h"

#include "verifier/refuse.h"

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_SEQUENCE = 0x30,
	ENTRY_TCB = 2,
	ENTRY_INSTANCE = 6,
	ENTRY_CONFIGURATION = 7,
	TCB_PCESVN = 17,
	TCB_CPUSVN = 18,
	TCB_ENTRIES = 18,
	SGX_TYPE_LAST = 2,
};

static const char oid_sgx[] = "1.2.840.113741.1.13.1";

/* 1.2.840.113741.1.13.1, content octets. */
static const uint8_t arc[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };

/* One tag, length and value off the front of *in; lengths below 64 KiB in their shortest form. */
static bool take(struct bytes *in, uint8_t *tag, struct bytes *value)
{
	uint8_t first, high, low;
	size_t n;

	if (!get_u8(in, tag) || !get_u8(in, &first))
		return false;
	n = first;
	if (first == 0x81) {
		if (!get_u8(in, &low) || low < 0x80)
			return false;
		n = low;
	} else if (first == 0x82) {
		if (!get_u8(in, &high) || !get_u8(in, &low) || high == 0)
			return false;
		n = (size_t)high << 8 | low;
	} else if (first >= 0x80) {
		return false;
	}
	return get(in, n, value);
}

static bool take_kind(struct bytes *in, uint8_t kind, struct bytes *value)
{
	uint8_t tag;

	return take(in, &tag, value) && tag == kind;
}

/* An entry whose OID is the arc, then parent (0: none), then one number: its number and value. */
static bool take_entry(struct bytes *in, uint8_t parent, unsigned int *number, struct bytes *value)
{
	struct bytes entry, oid, prefix;
	uint8_t last;

	if (!take_kind(in, DER_SEQUENCE, &entry) || !take_kind(&entry, DER_OID, &oid) ||
	    !get(&oid, sizeof(arc), &prefix) || memcmp(prefix.p, arc, sizeof(arc)))
		return false;
	if (parent && (!get_u8(&oid, &last) || last != parent))
		return false;
	if (!get_u8(&oid, &last) || oid.n || last == 0 || last >= 0x80)
		return false;
	*number = last;
	*value = entry;
	return true;
}

static bool octets(struct bytes in, uint8_t *out, size_t n)
{
	struct bytes b;

	if (!take_kind(&in, DER_OCTET_STRING, &b) || in.n || b.n != n)
		return false;
	memcpy(out, b.p, n);
	return true;
}

/* 0..max, at most 65535, in its only valid encoding. */
static bool number(struct bytes in, uint8_t kind, unsigned int max, unsigned int *out)
{
	struct bytes b;

	if (!take_kind(&in, kind, &b) || in.n || b.n == 0 || b.n > 3 || b.p[0] >= 0x80)
		return false;
	if (b.n > 1 && b.p[0] == 0 && b.p[1] < 0x80)
		return false;
	*out = 0;
	for (size_t i = 0; i < b.n; i++)
		*out = *out << 8 | b.p[i];
	return *out <= max;
}

static bool flag(struct bytes in, enum tdx_flag *out)
{
	struct bytes b;

	if (!take_kind(&in, DER_BOOLEAN, &b) || in.n || b.n != 1 || (b.p[0] != 0 && b.p[0] != 0xff))
		return false;
	*out = b.p[0] ? TDX_FLAG_YES : TDX_FLAG_NO;
	return true;
}

/* Sets its bit; false when it was set. */
static bool once(uint32_t *seen, unsigned int n)
{
	if (n >= 32 || *seen >> n & 1)
		return false;
	*seen |= 1U << n;
	return true;
}

static bool parse_tcb(struct bytes in, struct tdx_pck *p)
{
	struct bytes list, value;
	unsigned int n, svn;
	uint32_t seen = 0;

	if (!take_kind(&in, DER_SEQUENCE, &list) || in.n)
		return false;
	while (list.n) {
		if (!take_entry(&list, ENTRY_TCB, &n, &value) || n > TCB_ENTRIES || !once(&seen, n))
			return false;
		if (n == TCB_CPUSVN) {
			if (!octets(value, p->cpusvn, sizeof(p->cpusvn)))
				return false;
			continue;
		}
		if (!number(value, DER_INTEGER, n == TCB_PCESVN ? UINT16_MAX : UINT8_MAX, &svn))
			return false;
		if (n == TCB_PCESVN)
			p->pcesvn = svn;
		else
			p->components[n - 1] = svn;
	}
	return seen == ((1U << (TCB_ENTRIES + 1)) - 2);
}

static bool parse_configuration(struct bytes in, struct tdx_pck *p)
{
	enum tdx_flag *const flags[] = { &p->dynamic, &p->cached_keys, &p->smt };
	struct bytes list, value;
	uint32_t seen = 0;
	unsigned int n;

	if (!take_kind(&in, DER_SEQUENCE, &list) || in.n)
		return false;
	while (list.n)
		if (!take_entry(&list, ENTRY_CONFIGURATION, &n, &value) || !once(&seen, n) ||
		    (n <= 3 && !flag(value, flags[n - 1])))
			return false;
	return true;
}

static bool parse_type(struct bytes in, struct tdx_pck *p)
{
	unsigned int type;

	if (!number(in, DER_ENUMERATED, SGX_TYPE_LAST, &type))
		return false;
	p->sgx_type = type;
	return true;
}

static bool parse_entry(unsigned int n, struct bytes value, struct tdx_pck *p)
{
	switch (n) {
	case 1:
		return octets(value, p->ppid, sizeof(p->ppid));
	case ENTRY_TCB:
		return parse_tcb(value, p);
	case 3:
		return octets(value, p->pceid, sizeof(p->pceid));
	case 4:
		return octets(value, p->fmspc, sizeof(p->fmspc));
	case 5:
		return parse_type(value, p);
	case ENTRY_INSTANCE:
		p->has_instance = true;
		return octets(value, p->instance, sizeof(p->instance));
	case ENTRY_CONFIGURATION:
		return parse_configuration(value, p);
	default:
		return true; /* of a later profile */
	}
}

bool tdx_pck_parse(struct bytes der, struct tdx_pck *out)
{
	enum { MANDATORY = 1U << 1 | 1U << ENTRY_TCB | 1U << 3 | 1U << 4 | 1U << 5 };
	struct bytes list, value;
	uint32_t seen = 0;
	unsigned int n;

	memset(out, 0, sizeof(*out));
	if (!take_kind(&der, DER_SEQUENCE, &list) || der.n)
		return false;
	while (list.n)
		if (!take_entry(&list, 0, &n, &value) || !once(&seen, n) ||
		    !parse_entry(n, value, out))
			return false;
	return (seen & MANDATORY) == MANDATORY;
}

enum reason tdx_pck_read(const struct cert *leaf, struct tdx_pck *out, struct claims *why)
{
	struct bytes der;

	memset(out, 0, sizeof(*out));
	if (cert_extension(leaf, oid_sgx, &der) != 1 || !tdx_pck_parse(der, out))
		return refuse(why, REASON_CERT_LEAF,
			      "certificate %s: extension %s: want one, with PPID, TCB, PCE id, "
			      "FMSPC and SGX type",
			      leaf->subject, oid_sgx);
	return REASON_OK;
}
