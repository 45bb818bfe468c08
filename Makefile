# SPDX-License-Identifier: BSD-2-Clause
# all · demo · test · bench · install · clean.  Quiet unless V=1.  BUILD=dir builds elsewhere.
VERSION	:= 0.1.0
CLANG	?= clang
BPFTOOL	?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
BUILD	?= build
BPF	?= $(BUILD)
PREFIX	?= /usr/local

ifeq ($(origin CC),default)
CC	:= gcc
endif
CFLAGS	?= -O2 -g
CFLAGS	+= -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes -fstack-protector-strong
CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Imaps -Iuserspace -I$(BPF) -MMD -MP
BPFFLAGS = -O2 -g -mcpu=v3 -target bpf -Wall -Wextra -Werror -Imaps -Ibpf -MMD -MP \
	   -idirafter /usr/include/$(shell gcc -dumpmachine)

# SAN=1: unit tests, where what nobody has set is no zero by luck.  FUZZ=1: clang, for libFuzzer.
ifdef SAN
CFLAGS	+= -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS	+= -ftrivial-auto-var-init=pattern
endif
ifdef FUZZ
CC	:= $(CLANG)
CFLAGS	+= -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
endif
ifneq ($(V),1)
.SILENT:
endif

# Each folder of userspace/ is an archive; the lists say who may use whom, and the linker holds
# us to it.  A program or test links the archives of its own folder's list, no others.
folders	 := base verifier collateral attester channel client steering daemon cli relay
uses_base	:= base
uses_verifier	:= verifier base
uses_collateral	:= collateral verifier base
uses_steering	:= steering base
uses_attester	:= attester base
uses_channel	:= channel base
uses_client	:= client channel verifier base
uses_cli	:= cli daemon collateral attester verifier steering base
uses_daemon	:= daemon collateral channel attester verifier steering base
uses_relay	:= relay daemon attester channel base
libs	 := $(shell pkg-config --libs libbpf libmnl libcrypto libssl libevent libevent_openssl \
		jansson yaml-0.1 libseccomp libcurl) -lm
archives = $(foreach f,$(uses_$(1)),$(BUILD)/lib$(f).a)
mains	 := userspace/daemon/fairleadd.c userspace/cli/fairlead.c userspace/client/connect.c \
	    userspace/relay/fairlead_relay.c
bpf	 := $(patsubst bpf/%.c,%,$(wildcard bpf/*.bpf.c))
skels	 := $(patsubst %.bpf,$(BPF)/%.skel.h,$(bpf))
programs := $(BUILD)/fairleadd $(BUILD)/fairlead $(BUILD)/fairlead-connect $(BUILD)/fairlead-relay
units	 := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
packets	 := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/packet/*_test.c))
# Rows that the TC program has to pass as well; those of flow and settle are of maps alone, and long.
tc_rows	 := event forward fragment icmp lapse limit malformed marks mss quic refuse steer
tc_packets := $(patsubst %,$(BUILD)/tests/packet/%_tc_test,$(tc_rows))
packet_kit := $(patsubst %.c,$(BUILD)/%.o,\
		$(filter-out %_test.c %.bpf.c,$(wildcard tests/packet/*.c)))
fuzzers	 := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/*_fuzz.c))
# The double of configfs-tsm is a FUSE file system, built where there is libfuse3.
fuse	 := $(shell pkg-config --silence-errors --libs fuse3)
tools	 := $(patsubst tests/%.c,$(BUILD)/tests/%,\
		$(filter-out %.bpf.c $(if $(fuse),,%/tsmfs.c),$(wildcard tests/tools/*.c)))
# tests/attacks/ has a program in each file as well, but for what these share.
attack_kit := $(patsubst %,$(BUILD)/tests/attacks/%.o,stream http)
tools	 += $(filter-out $(attack_kit:.o=),\
		$(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/attacks/*.c)))
# bench/cost_*.c are of bench/cost, bench/relay_load.c is of both bench/relay and its upstream.
benches	 := $(patsubst bench/%.c,$(BUILD)/bench/%,\
		$(filter-out %.bpf.c bench/cost_% %/relay_load.c,$(wildcard bench/*.c)))
testbpf	 := $(patsubst %.c,$(BPF)/%.o,$(wildcard tests/*/*.bpf.c bench/*.bpf.c))

all: $(programs) $(patsubst %,$(BPF)/%.o,$(bpf)) $(tools) $(testbpf) $(BUILD)/tests/attacks/clock.so

$(BUILD)/fairleadd: $(BUILD)/userspace/daemon/fairleadd.o $(call archives,daemon)
$(BUILD)/fairlead: $(BUILD)/userspace/cli/fairlead.o $(call archives,cli)
$(BUILD)/fairlead-relay: $(BUILD)/userspace/relay/fairlead_relay.o $(call archives,relay)
$(BUILD)/fairlead-connect: $(BUILD)/userspace/client/connect.o $(call archives,client)
$(programs) $(tools) $(benches) $(packets) $(tc_packets) $(units):
	echo '  LD   $@'
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(libs) $(extra) -o $@
$(fuzzers):
	echo '  FUZZ $@'
	$(CC) $(CFLAGS) -fsanitize=fuzzer $^ $(libs) -o $@

# tests/unit/FOLDER_what_test.c and tests/fuzz/FOLDER_what_fuzz.c see what that folder sees.
folder_of = $(firstword $(subst _, ,$(notdir $(1))))
.SECONDEXPANSION:
$(units): extra = -lcmocka
$(BUILD)/tests/tools/tsmfs: extra = $(fuse)
$(units) $(fuzzers): $(BUILD)/%: $(BUILD)/%.o $$(call archives,$$(call folder_of,$$*))
$(packets) $(tc_packets): $(packet_kit)
$(packets): $(BUILD)/tests/packet/hook/xdp.o
$(tc_packets): $(BUILD)/%_tc_test: $(BUILD)/%_test.o $(BUILD)/tests/packet/hook/tc.o $(call archives,daemon)
$(packets) $(tools): $(BUILD)/%: $(BUILD)/%.o $(call archives,daemon)
$(packets) $(tc_packets): | $(BPF)/tests/packet/poison.bpf.o $(BPF)/tests/packet/steer_tc.bpf.o
$(filter $(BUILD)/tests/attacks/%,$(tools)): $(attack_kit)
$(BUILD)/tests/attacks/clock.so: tests/attacks/preload/clock.c
	echo '  LD   $@'
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -shared -fPIC $< -o $@
$(benches): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(call archives,daemon)
$(BUILD)/bench/cost: $(patsubst %.c,$(BUILD)/%.o,$(wildcard bench/cost_*.c))
$(BUILD)/bench/relay $(BUILD)/bench/relay_upstream: $(BUILD)/bench/relay_load.o

define archive
$(BUILD)/lib$(1).a: $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(mains),$(wildcard userspace/$(1)/*.c)))
	rm -f $$@
	$(AR) rcs $$@ $$^
endef
$(foreach f,$(folders),$(eval $(call archive,$(f))))

$(BUILD)/%.o: %.c | $(skels)
	echo '  CC   $@'
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@
$(BUILD)/tests/%.o: tests/%.c | $(skels)
	echo '  CC   $@'
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -c $< -o $@

$(BPF)/%.bpf.o: bpf/%.bpf.c
	echo '  BPF  $@'
	mkdir -p $(@D)
	$(CLANG) $(BPFFLAGS) -c $< -o $@
$(testbpf): $(BPF)/%.bpf.o: %.bpf.c
	echo '  BPF  $@'
	mkdir -p $(@D)
	$(CLANG) $(BPFFLAGS) -c $< -o $@
$(BPF)/%.skel.h: $(BPF)/%.bpf.o
	echo '  SKEL $@'
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# What stands between a client's plaintext and the world in a guest: lines of code, without
# blank ones and comments.  Which files are in that process, the linker says.
plaintext := conn stream tls
tcb: $(patsubst %,$(BUILD)/lib%.a,relay attester channel base)
	$(LD) -r -u relay_main -o $(BUILD)/tcb.o $^ -Map=$(BUILD)/tcb.map
	sed -n 's,^[^ ]*/lib\([a-z]*\)\.a(\([^)]*\)\.o).*,userspace/\1/\2,p' \
		$(BUILD)/tcb.map | sort -u | tests/tcb userspace/relay 800 $(plaintext)

# What scripts/test runs, built in their own variants beside the product.
units: $(units)
packets: $(packets) $(tc_packets)
fuzzers: $(fuzzers)
benches: $(benches) $(testbpf)
check-programs: all
	$(MAKE) packets
	$(MAKE) SAN=1 BUILD=$(BUILD)/san BPF=$(BUILD) units
	$(MAKE) FUZZ=1 BUILD=$(BUILD)/fuzz BPF=$(BUILD) fuzzers

demo test:
	scripts/$@
test-vm:
	scripts/test vm
bench: all benches
	bench/run
bench-relay: all benches
	bench/relay.sh
bench-verify: $(BUILD)/bench/verify
	$<

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/lib/fairlead
	install -m 755 $(programs) $(DESTDIR)$(PREFIX)/sbin
	install -m 644 $(BUILD)/router.bpf.o $(BUILD)/guard.bpf.o $(BUILD)/egress.bpf.o \
		$(BUILD)/steer_tc.bpf.o $(DESTDIR)$(PREFIX)/lib/fairlead
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/doc/fairlead
	for u in packaging/*.service; do sed 's,/usr/local/,$(PREFIX)/,' $$u \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/$${u##*/}; done
	install -m 644 docs/*.md docs/*.yaml docs/*.svg LICENSE README.md \
		$(DESTDIR)$(PREFIX)/share/doc/fairlead
	for s in 1 5 7 8; do install -d $(DESTDIR)$(PREFIX)/share/man/man$$s; \
	  for m in man/*.$$s; do [ ! -e $$m ] || \
	    install -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$$s; done; done

clean:
	rm -rf $(BUILD)

.PHONY: all tcb units packets fuzzers benches check-programs demo test test-vm bench bench-relay bench-verify install clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
