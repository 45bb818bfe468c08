// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/snp_table.h"

#include "verifier/refuse.h"

enum {
	GUID_BYTES = 16,
	HEADER_BYTES = 24,
	HEADERS_MAX = 64, /* AMD names five, others one or two of their own */
	DER_SEQUENCE = 0x30,
};

/* In printed order, as they stand in the table. */
static const uint8_t guids[SNP_ENTRIES][GUID_BYTES] = {
	[SNP_ENTRY_VCEK] = { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, /**/
			     0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd },
	[SNP_ENTRY_VLEK] = { 0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, /**/
			     0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1 },
	[SNP_ENTRY_ASK] = { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, /**/
			    0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 },
	[SNP_ENTRY_ARK] = { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, /**/
			    0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae },
	[SNP_ENTRY_CRL] = { 0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, /**/
			    0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea },
};

static const char *const names[SNP_ENTRIES] = { "VCEK", "VLEK", "ASK", "ARK", "CRL" };

struct header {
	struct bytes guid;
	uint32_t offset, length;
};

static bool get_header(struct bytes *in, struct header *h)
{
	return get(in, GUID_BYTES, &h->guid) && get_le32(in, &h->offset) &&
	       get_le32(in, &h->length);
}

static bool is_terminator(const struct header *h)
{
	return bytes_are_zero(h->guid) && !h->offset && !h->length;
}

static enum snp_entry entry_of(struct bytes guid)
{
	for (enum snp_entry i = 0; i < SNP_ENTRIES; i++)
		if (bytes_equal(guid, bytes_of(guids[i], GUID_BYTES)))
			return i;
	return SNP_ENTRIES;
}

bool snp_table_looks_like(struct bytes in)
{
	size_t n = in.n < HEADER_BYTES ? in.n : HEADER_BYTES;

	if (n == 0 || in.p[0] == DER_SEQUENCE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (in.p[i] == 0 || in.p[i] >= 0x7f)
			return true;
	return false; /* text */
}

/* Counts headers to the terminator; 0 with none found in bounds. */
static size_t count_headers(struct bytes in)
{
	struct header h;

	for (size_t n = 1; n <= HEADERS_MAX && get_header(&in, &h); n++)
		if (is_terminator(&h))
			return n;
	return 0;
}

static enum reason add(struct snp_table *t, struct bytes all, const struct header *h,
		       size_t header_bytes, struct claims *out)
{
	uint64_t end = (uint64_t)h->offset + h->length;
	enum snp_entry e = entry_of(h->guid);

	if (h->offset < header_bytes || end > all.n || (h->length == 0 && e < SNP_ENTRIES))
		return refuse(out, REASON_CERT_TABLE,
			      "certificate table: %s at 0x%x, 0x%x bytes, lies not in 0x%zx..0x%zx",
			      e < SNP_ENTRIES ? names[e] : "an entry", h->offset, h->length,
			      header_bytes, all.n);
	if (e == SNP_ENTRIES)
		return REASON_OK; /* somebody's own, none of our business */
	if (t->entry[e].n)
		return refuse(out, REASON_CERT_TABLE, "certificate table: two entries for %s",
			      names[e]);
	t->entry[e] = bytes_of(all.p + h->offset, h->length);
	return REASON_OK;
}

enum reason snp_table_parse(struct bytes in, struct snp_table *t, struct claims *out)
{
	size_t headers = count_headers(in);
	enum reason reason = REASON_OK;
	struct bytes rest = in;
	struct header h;

	*t = (struct snp_table){ 0 };
	if (in.n == 0)
		return REASON_OK;
	if (!headers)
		return refuse(
			out, REASON_CERT_TABLE,
			"certificate table of %zu bytes: no terminator in its first %d entries",
			in.n, HEADERS_MAX);
	while (!reason && get_header(&rest, &h) && !is_terminator(&h))
		reason = add(t, in, &h, headers * HEADER_BYTES, out);
	return reason;
}
