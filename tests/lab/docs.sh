#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The manual pages say what the programs do: every key of the configuration, every
# object and command, the example itself.  Needs no root and no network.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

n=0 failed=0
# check SENTENCE COMMAND...: what it prints is shown when it fails
check() {
	local what=$1 out
	shift
	n=$((n + 1))
	if out=$("$@" 2>&1); then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		sed 's/^/# /' <<<"$out"
		failed=1
	fi
}

# Two files of words; those that are in one alone are shown with its name.
same_words() {
	local only
	only=$(comm -3 --output-delimiter=$'\t' <(sort -u "$1") <(sort -u "$2") |
		sed "s/^\t\(.*\)/\1: in $4 alone/; t; s/\$/: in $3 alone/")
	[ -z "$only" ] && return
	echo "$only"
	return 1
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Tables of keys: { "key", required, …
grep -ohE '\{ "[a-z0-9-]+", (true|false),' userspace/daemon/config*.c \
	userspace/verifier/policy_*.c | cut -d'"' -f2 >"$tmp/keys"
# Of these, those of a node; a policy's are in docs/policy.md.
grep -ohE '\{ "[a-z0-9-]+", (true|false),' userspace/daemon/config*.c | cut -d'"' -f2 >"$tmp/keys.node"
grep -ohE '\{ "[a-z0-9-]+", (true|false),' userspace/verifier/policy_*.c | cut -d'"' -f2 >"$tmp/keys.policy"
# "key:" and "{key:", outside of comments
sed 's/ *#.*//' docs/fairlead.yaml | grep -oE '(^|[ {])[a-z0-9-]+:( |$)' | tr -d ' {:' >"$tmp/keys.example"
# .It Cm a , b and .Cm a , b , whole words that could be keys
sed -n 's/^\.\(It \)\?Cm //p' man/fairlead.yaml.5 | tr ' ' '\n' | grep -E '^[a-z]' >"$tmp/documented"

grep -ohE '\{ "[a-z0-9-]+", (true|false),' userspace/relay/config.c userspace/daemon/config_evidence.c | cut -d'"' -f2 >"$tmp/keys.relay"
sed -n 's/^\.\(It \)\?Cm //p' man/fairlead-relay.8 | tr ' ' '\n' | grep -E '^[a-z]' >"$tmp/documented.relay"

# { "word", "asked of the daemon", NAME…
object_commands() {
	awk -F'"' '/^static const struct command [a-z]+_commands/ {
			split($0, w, /[ _]/); object = w[5]; next }
		object && /^\t\{ "[a-z]+",/ { print object " " $2 }
		/^};/ { object = "" }' userspace/cli/remote.c
}
{
	object_commands
	# Usage lines: fairlead object [word]
	grep -ohE 'fairlead (outcome|flow|map|collateral|policy|egress) \[?[a-z]+' userspace/cli/maps.c \
		userspace/cli/collateral.c userspace/cli/policy.c userspace/cli/egress.c |
		sed 's/^fairlead //; s/\[//'
} >"$tmp/commands"
# .It Ic object word, or .It Xo and that on the next line
sed -n -e '/^\.It Xo$/{n; s/^/.It /}' -e 's/^\.It \.\?Ic \([a-z]* [a-z]*\)\( .*\)\?$/\1/p' \
	man/fairlead.8 >"$tmp/commands.8"
# { "object", function, "help" },
grep -oE '^\s*\{ "[a-z]+", (cmd|run)_' userspace/cli/fairlead.c | cut -d'"' -f2 >"$tmp/objects"
sed -n 's/^\.It Ic \([a-z]*\).*/\1/p' man/fairlead.8 >"$tmp/objects.8"

all_in() {	# WORDS THOSE
	local missing

	missing=$(comm -23 <(sort -u "$1") <(sort -u "$2"))
	[ -z "$missing" ] && return
	echo "missing: $missing"
	return 1
}
words_of() { grep -oE '[a-z0-9-]+' "$1"; }
has_lines() { [ "$(sort -u "$1" | wc -l)" -ge "$2" ]; }
example() {
	sed -n '/^\.\\" begin docs/,/^\.\\" end docs/p' man/fairlead.yaml.5 | sed '1d;$d' |
		diff - docs/fairlead.yaml
}
lint() {
	command -v mandoc >/dev/null || return 0
	mandoc -Tlint -W warning man/*.[0-9]
}

# case OUT_STEERED: return "steered"; of the first of the two switches
sed -n '/outcome_label/,/^}/s/.*case OUT_.*return "\([a-z_]*\)";/\1/p' userspace/base/outcome.c >"$tmp/outcomes"
# | `steered` | rows...
sed -n 's/^| `\([a-z_]*\)` |.*/\1/p' docs/packet-rows.md >"$tmp/outcomes.md"
# Each `file_test.c: function`, which must be defined there.
rows_exist() {
	local file function missing=0

	while IFS=': ' read -r file function; do
		grep -qE "^static void $function\(" "tests/packet/$file" && continue
		echo "$file has no $function"
		missing=1
	done < <(grep -oE '`[a-z0-9_]+_test\.c: [a-z0-9_]+`' docs/packet-rows.md | tr -d '`' | sort -u)
	return $missing
}
no_outcome_without_rows() { ! grep -E '^\| `[a-z_]+` \|' docs/packet-rows.md | grep -v '_test\.c: '; }

check "the keys are found in the sources" has_lines "$tmp/keys" 70
check "the commands are found in the sources" has_lines "$tmp/commands" 14
check "the objects are found in the sources" has_lines "$tmp/objects" 14
check "fairlead.yaml(5) has every key, and no other" \
	same_words "$tmp/keys" "$tmp/documented" "the sources" "the page"
check "the example has every key of a node" all_in "$tmp/keys.node" "$tmp/keys.example"
check "docs/policy.md has every key of a policy" all_in "$tmp/keys.policy" <(words_of docs/policy.md)
check "fairlead(8) has every command, and no other" \
	same_words "$tmp/commands" "$tmp/commands.8" "the sources" "the page"
check "fairlead(8) has every object, and no other" \
	same_words "$tmp/objects" "$tmp/objects.8" "the sources" "the page"
check "the outcomes are found in the sources" has_lines "$tmp/outcomes" 20
check "packet-rows.md has every outcome, and no other" \
	same_words "$tmp/outcomes" "$tmp/outcomes.md" "the sources" "the page"
check "packet-rows.md names a row for each" no_outcome_without_rows
check "and the rows that it names are there" rows_exist
check "fairlead-relay(8) has every key, and no other" \
	same_words "$tmp/keys.relay" "$tmp/documented.relay" "the sources" "the page"
check "the example of fairlead.yaml(5) is docs/fairlead.yaml" example
check "mandoc finds nothing wrong with the pages" lint
echo "1..$n"
exit $failed
