// SPDX-License-Identifier: BSD-2-Clause
#include "base/outcome.h"

/* No default in these switches: the compiler then asks for the name of a newcomer. */
const char *outcome_label(enum outcome o)
{
	switch (o) {
	case OUT_STEERED:	   return "steered";
	case OUT_NOT_OURS:	   return "not_ours";
	case OUT_TRUNCATED:	   return "truncated";
	case OUT_MALFORMED:	   return "malformed";
	case OUT_IP_OPTIONS:	   return "ip_options";
	case OUT_FRAGMENT:	   return "fragment";
	case OUT_CLASS_UNKNOWN:	   return "class_unknown";
	case OUT_NO_BACKEND:	   return "no_backend";
	case OUT_LEASE_LAPSED:	   return "lease_lapsed";
	case OUT_NO_NEXT_HOP:	   return "no_next_hop";
	case OUT_TOO_BIG:	   return "too_big";
	case OUT_NO_HEADROOM:	   return "no_headroom";
	case OUT_INTERNAL:	   return "internal";
	case OUT_DECAPSULATED:	   return "decapsulated";
	case OUT_PEER_UNKNOWN:	   return "peer_unknown";
	case OUT_NOT_ENCAPSULATED: return "not_encapsulated";
	case OUT_NOT_A_VIP:	   return "not_a_vip";
	case OUT_ECHOED:	   return "echoed";
	case OUT_ECHO_LIMITED:	   return "echo_limited";
	case OUT_ICMP_UNRELATED:   return "icmp_unrelated";
	case OUT_FRAGMENT_UNKNOWN: return "fragment_unknown";
	case OUT_FRAGMENT_FULL:	   return "fragment_full";
	case OUT_FRAGMENT_TINY:	   return "fragment_tiny";
	case OUT_FRAGMENT_OVERLAP: return "fragment_overlap";
	case OUT_RATE_LIMITED:	   return "rate_limited";
	case OUT_MARK_UNKNOWN:	   return "mark_unknown";
	case OUT_COUNT:		   break;
	}
	return "unknown";
}

const char *outcome_str(enum outcome o)
{
	switch (o) {
	case OUT_STEERED:	   return "steered to a backend";
	case OUT_NOT_OURS:	   return "not ours, passed untouched";
	case OUT_TRUNCATED:	   return "ends inside its headers";
	case OUT_MALFORMED:	   return "lengths contradict each other";
	case OUT_IP_OPTIONS:	   return "IP options or extension headers";
	case OUT_FRAGMENT:	   return "fragment";
	case OUT_CLASS_UNKNOWN:	   return "service of unknown class";
	case OUT_NO_BACKEND:	   return "service without a backend";
	case OUT_LEASE_LAPSED:	   return "no backend with a live lease";
	case OUT_NO_NEXT_HOP:	   return "backend's next hop not resolved";
	case OUT_TOO_BIG:	   return "too big once encapsulated";
	case OUT_NO_HEADROOM:	   return "no room for the outer header";
	case OUT_INTERNAL:	   return "internal error";
	case OUT_DECAPSULATED:	   return "decapsulated and passed up";
	case OUT_PEER_UNKNOWN:	   return "encapsulated by an unknown router";
	case OUT_NOT_ENCAPSULATED: return "sent to a VIP past the router";
	case OUT_NOT_A_VIP:	   return "encapsulated, but for no VIP";
	case OUT_ECHOED:	   return "echo request answered";
	case OUT_ECHO_LIMITED:	   return "echo request beyond the limit";
	case OUT_ICMP_UNRELATED:   return "ICMP error about no flow of the VIP";
	case OUT_FRAGMENT_UNKNOWN: return "fragment without its first";
	case OUT_FRAGMENT_FULL:	   return "no room to remember fragments";
	case OUT_FRAGMENT_TINY:	   return "first fragment too short";
	case OUT_FRAGMENT_OVERLAP: return "fragments overlap";
	case OUT_RATE_LIMITED:	   return "more new flows than the service takes";
	case OUT_MARK_UNKNOWN:	   return "DSCP or source unknown to a strict service";
	case OUT_COUNT:		   break;
	}
	return "unknown outcome";
}

bool outcome_is_refusal(enum outcome o)
{
	switch (o) {
	case OUT_STEERED:
	case OUT_NOT_OURS:
	case OUT_DECAPSULATED:
	case OUT_ECHOED:
	case OUT_COUNT:
		return false;
	case OUT_TRUNCATED:
	case OUT_MALFORMED:
	case OUT_IP_OPTIONS:
	case OUT_FRAGMENT:
	case OUT_CLASS_UNKNOWN:
	case OUT_NO_BACKEND:
	case OUT_LEASE_LAPSED:
	case OUT_NO_NEXT_HOP:
	case OUT_TOO_BIG:
	case OUT_NO_HEADROOM:
	case OUT_INTERNAL:
	case OUT_PEER_UNKNOWN:
	case OUT_NOT_ENCAPSULATED:
	case OUT_NOT_A_VIP:
	case OUT_MARK_UNKNOWN:
	case OUT_RATE_LIMITED:
	case OUT_ECHO_LIMITED:
	case OUT_ICMP_UNRELATED:
	case OUT_FRAGMENT_UNKNOWN:
	case OUT_FRAGMENT_FULL:
	case OUT_FRAGMENT_TINY:
	case OUT_FRAGMENT_OVERLAP:
		return true;
	}
	return true;
}

const char *class_str(enum class c)
{
	switch (c) {
	case CLASS_PUBLIC:	 return "public";
	case CLASS_CONFIDENTIAL: return "confidential";
	case CLASS_CLASSIFIED:	 return "classified";
	case CLASS_COUNT:	 break;
	}
	return "unknown";
}
