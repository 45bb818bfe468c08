#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fairlead monitor reads what the kernel tells of refused packets: events of every kind, made to
# measure; its filters, its one reader, and a ring buffer that another daemon has put in place.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

pins=/sys/fs/bpf/fairlead
fragment=5 lapsed=8	# enum outcome

le16() { printf '%02x%02x' $(($1 & 255)) $(($1 >> 8)); }
event() {	# OUTCOME SERVICE BACKEND: from 10.77.0.1:40000 to 10.99.0.1:443, TCP, 66 bytes, by lo
	printf '%016x' 1
	printf '%020xffff0a4d0001%020xffff0a630001' 0 0
	printf '9c4001bb06%02x%s%s%s01000000' "$1" "$(le16 "$2")" "$(le16 "$3")" "$(le16 66)"
}
tell() {	# RING OUTCOME SERVICE BACKEND
	event "${@:2}" | xxd -r -p >$run/event
	bpftool prog run pinned "/sys/fs/bpf/$1/tell" data_in $run/event >/dev/null
}
put() {	# RING: in the router's place
	rm -f $pins/events
	bpftool prog loadall "$build/tests/lab/events.bpf.o" "/sys/fs/bpf/$1" pinmaps "/sys/fs/bpf/$1"
	bpftool map pin pinned "/sys/fs/bpf/$1/events" $pins/events
}
monitor() {	# OUTPUT ARGUMENT...: in the background; the pid in $reader
	"$build/fairlead" "${@:2}" >"$run/$1" 2>"$run/$1.err" &
	reader=$!
}
end_reader() { kill "$1" $reader; ended=0; wait $reader || ended=$?; }	# its status in $ended
lines() { (($(wc -l <"$run/$1") == $2)); }	# OUTPUT COUNT
says() { grep -qF -- "$2" "$run/$1"; }
reads() {	# somebody does, what is pinned
	grep -q "@fairlead/monitor/$(bpftool -j map show pinned $pins/events | jq .id)$" /proc/net/unix
}
reads_nothing() { ! grep -q "@fairlead/monitor/" /proc/net/unix; }
status() { local want=$1 rc=0; shift; fairlead "$@" >$run/said 2>&1 || rc=$?; ((rc == want)); }

check "without a ring buffer it is an error"	status 2 monitor
check "that says what to start"			says said "start fairleadd"
mkdir -p -m 0700 $pins
put one
check "an unknown outcome is an error"	status 2 monitor outcome nonsense
check "what is no refusal, too"		status 2 monitor outcome steered
check "a service that nobody has is a no"	status 1 monitor service nobody

monitor all monitor
check "a reader starts"	within 5 reads
tell one $lapsed 3 7
tell one $fragment 65535 0
check "it prints what it is told"	within 5 lines all 2
check "in words"	says all " lease_lapsed tcp 10.77.0.1:40000 > 10.99.0.1:443 service #3 backend #7 length 66 in lo"
check "and no more than is known"	says all " fragment tcp 10.77.0.1:40000 > 10.99.0.1:443 length 66 in lo"
check "a second reader is refused"	status 2 monitor
check "and told why"	says said "another one reads"
put two
check "the reader turns to another ring buffer in its place"	within 5 reads
tell two $lapsed 4 0
check "and reads on"	within 5 lines all 3
rm $pins/events
check "or to none, if there is none"	within 5 reads_nothing
put three
check "and to one that comes after a while"	within 5 reads
tell three $lapsed 5 0
check "and reads that, too"	within 5 lines all 4
end_reader -INT
check "an interrupt ends it well"	[ $ended = 0 ]
check "without complaint"	[ ! -s $run/all.err ]

monitor some -j monitor outcome fragment
check "a filtered reader starts"	within 5 reads
tell three $lapsed 3 7
tell three $fragment 3 7
check "it prints what is asked for"	within 5 lines some 1
check "as JSON"	jq -e '.outcome == "fragment" and .source_port == 40000 and .service == "#3"' $run/some
end_reader -TERM
check "a termination ends it well"	[ $ended = 0 ]
done_testing
