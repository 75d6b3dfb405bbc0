# SPDX-License-Identifier: Apache-2.0
#
# `make help` lists what can be made.

# Everything is at fixed places below DESTDIR: what confines libvirt and its guests goes by them
# (cpumap/core/paths.h).
DESTDIR =
bindir = /usr/bin
libdir = /usr/lib/cpushim
datadir = /usr/share/cpushim
confdir = /etc/cpushim
mandir = /usr/share/man
completiondir = /usr/share/bash-completion/completions

CC = gcc
INSTALL = install
PKG_CONFIG = pkg-config
SCDOC = $(shell command -v scdoc)
B = build
VERSION := $(shell cat VERSION)

CFLAGS = -O2 -g
# gcc 10 takes designated initializers for incomplete
WARN = -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wconversion
ifdef WERROR
WARN += -Werror
endif
STD = -std=gnu11 -D_GNU_SOURCE -I. -DCPUSHIM_VERSION='"$(VERSION)"'
HARDEN = -fstack-protector-strong -D_FORTIFY_SOURCE=2
ifdef SAN
HARDEN_DYNAMIC = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
HARDEN_DYNAMIC = $(HARDEN)
LINK_DYNAMIC = -pie -Wl,-z,relro,-z,now
endif
# `make lint` and `make clean` need no libraries
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags libxml-2.0 libcpuid)
XML_LIBS = $(shell $(PKG_CONFIG) --libs libxml-2.0)
JSON_LIBS = $(shell $(PKG_CONFIG) --libs jansson)
DIGEST_LIBS = $(shell $(PKG_CONFIG) --libs libmd)
CPUID_LIBS = $(shell $(PKG_CONFIG) --libs libcpuid)
# libvirt is loaded at run time; glibc before 2.34 has dlopen in libdl
LIBS = $(XML_LIBS) $(JSON_LIBS) $(DIGEST_LIBS) $(CPUID_LIBS) -ldl
COMPILE = $(CC) $(STD) $(WARN) -fPIE $(CFLAGS) $(HARDEN_DYNAMIC) $(CPPFLAGS)
# what stands in every guest's way: libc alone, and no sanitizer's runtime
COMPILE_STATIC = $(CC) $(STD) $(WARN) -fPIE $(CFLAGS) $(HARDEN) $(CPPFLAGS)
LINK_STATIC = -static-pie -Wl,-z,relro,-z,now

# One folder is one layer or one program; CONTRIBUTING.md has the arrows between them.
core = cpumap/core
library = cpumap/qemu cpumap/libvirt cpumap/define cpumap/guest
fleet = cpumap/fleet
front = hook/front hook/core
worker = hook/core hook/domain hook/worker hook/guests
node = cpumap/node
command = cpumap/cmd
wrapper = wrapper
proxy = wrapper/proxy

sources = $(wildcard $(addsuffix /*.c,$(1)))
objects = $(patsubst %.c,$(B)/obj/%.o,$(call sources,$(1)))
static_objects = $(patsubst %.c,$(B)/static/%.o,$(call sources,$(1)))

programs = $(addprefix $(B)/,cpushim qmp-proxy qemu-wrapper hook guest)
unit_tests = $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c)) $(B)/unit/test_replay
# the targets of `make fuzz`, whose corpora are replayed by test_replay
fuzz_sources = tests/fuzz/domain.c tests/fuzz/hosts.c
FUZZ_SECONDS = 120

pages = $(patsubst docs/man/%.scd,%,$(wildcard docs/man/*.scd))
# without scdoc all but the man pages is built, which is told once
man = $(if $(SCDOC),$(addprefix $(B)/man/,$(pages)),$(B)/man/none)

all: $(programs) $(man) ## build everything (runs no QEMU)

$(B)/man/none:
	@mkdir -p $(@D)
	@echo 'without man pages: scdoc is missing' | tee $@

$(B)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(SCDOC) <$< >$@

$(B)/obj/%.o: %.c VERSION
	@mkdir -p $(@D)
	$(COMPILE) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/static/%.o: %.c VERSION
	@mkdir -p $(@D)
	$(COMPILE_STATIC) -MMD -MP -c -o $@ $<

$(B)/libcpumap.a: $(call objects,$(core) $(library))
	rm -f $@
	$(AR) rcs $@ $^

$(B)/libcore.a: $(call static_objects,$(core))
	rm -f $@
	$(AR) rcs $@ $^

$(B)/cpushim: $(call objects,$(command) $(node) $(worker) $(fleet)) $(B)/libcpumap.a
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/qmp-proxy: $(call objects,$(proxy)) $(B)/libcpumap.a
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(JSON_LIBS)

$(B)/qemu-wrapper: $(call static_objects,$(wrapper)) $(B)/libcore.a
	$(COMPILE_STATIC) $(LINK_STATIC) $(LDFLAGS) -o $@ $^

$(B)/hook: $(call static_objects,$(front)) $(B)/libcore.a
	$(COMPILE_STATIC) $(LINK_STATIC) $(LDFLAGS) -o $@ $^

# the guest that reads its CPUID: a multiboot image
$(B)/guest: cpumap/guest/guest.S cpumap/guest/guest.ld
	@mkdir -p $(@D)
	$(CC) -m32 -c -o $(B)/guest.o $<
	$(LD) -s -m elf_i386 -nostdlib -static -T cpumap/guest/guest.ld -o $@ $(B)/guest.o

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(call objects,$(node) $(worker) $(fleet)) $(B)/obj/hook/front/stocknames.o $(B)/libcpumap.a
	@mkdir -p $(@D)
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/unit/test_replay: $(B)/obj/tests/fuzz/replay.o $(fuzz_sources:%.c=$(B)/obj/%.o) \
		$(call objects,$(worker) $(fleet)) $(B)/libcpumap.a
	@mkdir -p $(@D)
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

fuzz_domain = domain_difference
fuzz_read = hosts_difference
$(B)/fuzz/domain $(B)/fuzz/read: $(B)/fuzz/%: tests/fuzz/main_fuzz.c $(fuzz_sources) \
		$(call sources,$(core) $(library) $(worker) $(fleet))
	@mkdir -p $(@D)
	clang $(STD) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-DDIFFERENCE=$(fuzz_$*) $(PKG_CFLAGS) -o $@ $^ $(LIBS)

# what tests/exact starts; its oracle asks nothing of the library but small things
$(B)/exact: $(call objects,tests/proof) $(B)/libcpumap.a
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/compare: tests/lib/compare.c
	@mkdir -p $(@D)
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^

# cpumap/libvirt/libvirtask.h by hand, for tests
$(B)/asker: $(B)/obj/tests/lib/asker.o $(B)/libcpumap.a
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

# cpumap/fleet/read.h by hand, for tests
$(B)/hosts: $(B)/obj/tests/lib/hosts.o $(call objects,$(fleet)) $(B)/libcpumap.a
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

# libvirt's own baselines and comparisons beside ours
$(B)/fleetoracle: $(B)/obj/tests/lib/fleetoracle.o $(call objects,$(fleet)) $(B)/libcpumap.a
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

# a large fleet, made of real hosts; and what a command takes
$(B)/fleetgen: $(B)/obj/tests/lib/fleetgen.o $(call objects,$(fleet)) $(B)/libcpumap.a
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/usage: tests/lib/usage.c
	@mkdir -p $(@D)
	$(COMPILE) $(LINK_DYNAMIC) $(LDFLAGS) -o $@ $^

# a library of that name in a process is what the hook knows libvirt by
$(B)/libvirt_driver_qemu.so:
	@mkdir -p $(@D)
	$(CC) -shared -o $@ -x c /dev/null

install: all ## the files alone, under DESTDIR; ./install.sh sets a node up
	$(INSTALL) -D -m 755 $(B)/cpushim $(DESTDIR)$(bindir)/cpushim
	$(INSTALL) -D -m 755 $(B)/qmp-proxy $(DESTDIR)$(libdir)/qmp-proxy
	$(INSTALL) -D -m 755 $(B)/qemu-wrapper $(DESTDIR)$(libdir)/qemu-wrapper
	$(INSTALL) -D -m 755 $(B)/hook $(DESTDIR)$(libdir)/hook
	$(INSTALL) -D -m 644 $(B)/guest $(DESTDIR)$(libdir)/guest
	$(INSTALL) -d $(DESTDIR)$(confdir)/models.d $(DESTDIR)$(datadir)/models.d
	$(INSTALL) -m 644 cpumap/models/*.xml $(DESTDIR)$(datadir)/models.d
	$(INSTALL) -D -m 644 completions/cpushim $(DESTDIR)$(completiondir)/cpushim
	$(if $(SCDOC),$(foreach page,$(pages),$(call install_page,$(page))))

# cpushim.1 -> man1/cpushim.1
page_path = $(DESTDIR)$(mandir)/man$(patsubst .%,%,$(suffix $(1)))/$(1)
define install_page
$(INSTALL) -D -m 644 $(B)/man/$(1) $(call page_path,$(1))

endef

uninstall: ## take the files away again
	rm -f $(DESTDIR)$(bindir)/cpushim
	rm -f $(addprefix $(DESTDIR)$(libdir)/,qmp-proxy qemu-wrapper hook guest)
	rm -f $(addprefix $(DESTDIR)$(datadir)/models.d/,$(notdir $(wildcard cpumap/models/*.xml)))
	rm -f $(DESTDIR)$(completiondir)/cpushim $(foreach page,$(pages),$(call page_path,$(page)))
	-rmdir $(addprefix $(DESTDIR),$(libdir) $(datadir)/models.d $(datadir) \
		$(confdir)/models.d $(confdir))

# what `cpushim ready --source` puts on a node
node: $(B)/node.made ## build/node: the files to install, for install.sh
$(B)/node.made: $(programs) $(man) completions/cpushim $(wildcard cpumap/models/*.xml)
	rm -rf $(B)/node
	$(MAKE) -s install DESTDIR=$(B)/node
	touch $@

stage: all node ## build/root: a root to try everything in, uninstalled
	+tests/lib/stage $(B)/root

deb: ## the Debian package, in build/deb (debhelper, scdoc)
	packaging/deb $(B)/deb

unit: $(unit_tests) $(B)/exact $(B)/asker $(B)/hosts $(B)/fleetgen $(B)/fleetoracle $(B)/usage $(B)/libvirt_driver_qemu.so ## the C unit tests, built

check: stage unit ## all tests (./install.sh check brings what they need)
	tests/run

check-fast: stage unit ## unit tests and what needs neither QEMU nor root: under a minute
	tests/run unit tests/layers.bats tests/hook.bats tests/arrival.bats

matrix: stage unit ## the tests on each Debian release that the mirror has (root, debootstrap, time)
	tests/matrix

clouds: stage unit ## unlike hosts with a KVM of their own, under TCG: exactness, live migration (root, debootstrap, time)
	EACH=1 JOBS=1 SUITE_SECONDS=36000 tests/run tests/clouds/*.bats

roles: stage ## roles/ by Ansible, over ssh, on two nodes (NODES: more), and ansible-lint (root)
	ansible-lint --offline roles
	SUITE_SECONDS=7200 tests/run tests/roles/roles.bats

gate: node ## guests under OpenStack on one machine: nova, two nova-computes (root, debootstrap)
	tests/cloud tests/gate/gate.bats

gate-all: node ## more of what nova does with guests (root, debootstrap, time)
	tests/cloud --all

bench: stage $(B)/compare $(B)/fleetgen $(B)/usage ## what the hook, the wrapper, a fleet and (as root) libvirt's drop-in cost
	tests/bench
	tests/bench-fleet
	[ "$$(id -u)" != 0 ] || tests/bench-restart

strict: lint strict-gcc strict-clang ## lint; gcc and clang without a warning; the unit tests with clang's sanitizers

strict-gcc:
	$(if $(WERROR),,$(MAKE) B=$(B)/gcc WERROR=1 all unit)

strict-clang:
	$(MAKE) B=$(B)/clang CC=clang WERROR=1 SAN=1 CFLAGS='-O1 -g' all unit
	UNIT=$(B)/clang/unit tests/run unit

fuzz: $(B)/fuzz/domain $(B)/fuzz/read ## what reads domains and hosts, by clang's libFuzzer, for FUZZ_SECONDS each
	@mkdir -p $(B)/fuzz/corpus $(B)/fuzz/corpus-read
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/corpus \
		tests/fuzz/corpus/domain
	$(B)/fuzz/read -max_total_time=$(FUZZ_SECONDS) -max_len=10000 -artifact_prefix=$(B)/fuzz/ \
		-dict=tests/fuzz/read.dict $(B)/fuzz/corpus-read tests/fuzz/corpus/read

lint: ## shellcheck, clang-format, tests that ignore an assertion, words that are gone
	shellcheck -x install.sh tests/run tests/cloud tests/demo tests/exact tests/matrix tests/merge tests/native tests/bench tests/bench-fleet \
		tests/bench-restart tests/oracle-libvirt \
		$(filter-out %.c %.py,$(wildcard tests/lib/*)) .ci/run completions/cpushim \
		devstack/settings devstack/plugin.sh \
		packaging/deb $(addprefix debian/cpushim.,postinst prerm postrm)
	shellcheck -x $(wildcard tests/*.bats tests/*/*.bats)
	tests/lib/one-assertion $(wildcard tests/*.bats tests/*/*.bats)
	tests/lib/words
	find cpumap hook wrapper tests -name '*.[ch]' ! -name features_table.c | xargs clang-format --dry-run -Werror

clean: ## remove what was built
	rm -rf $(B)

help: ## this list; also WERROR=1 (warnings are errors), SAN=1 (sanitizers), CC=clang, B=DIR
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

.PHONY: all install uninstall node stage deb unit check check-fast matrix clouds roles gate gate-all bench strict strict-gcc strict-clang fuzz lint clean help
.SECONDARY:
-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
