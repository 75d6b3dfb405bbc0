# SPDX-License-Identifier: Apache-2.0
#
#	make		build everything (runs no QEMU)
#	make stage	build/root: a root to try everything in, uninstalled
#	make check	C unit tests and bats suites (./install.sh check brings what they need)
#	make matrix	on each Debian release that the mirror has (root, debootstrap, time)
#	make lint	shellcheck, clang-format, tests that ignore an assertion
#	make fuzz	what reads a domain's XML, by clang's libFuzzer (FUZZ_SECONDS)
#	make install	the files alone, under DESTDIR; a node is set up by ./install.sh
#	make SAN=1	the dynamic programs with AddressSanitizer and UBSan
#	make WERROR=1	for development: warnings are errors

prefix = /usr
bindir = $(prefix)/bin
libdir = $(prefix)/lib/cpushim
datadir = $(prefix)/share/cpushim
sysconfdir = /etc
hooksdir = $(sysconfdir)/libvirt/hooks
DESTDIR =

CC = gcc
INSTALL = install
PKG_CONFIG = pkg-config
B = build

CFLAGS = -O2 -g
# gcc 10 takes designated initializers for incomplete
WARN = -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wconversion
ifdef WERROR
WARN += -Werror
endif
STD = -std=gnu11 -D_GNU_SOURCE -I. -DCPUSHIM_VERSION='"$(VERSION)"'
VERSION := $(shell cat VERSION)
ifdef SAN
HARDEN = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
HARDEN = -fstack-protector-strong -D_FORTIFY_SOURCE=2
endif
# `make lint` and `make clean` need no libraries
XML_CFLAGS = $(shell $(PKG_CONFIG) --cflags libxml-2.0)
XML_LIBS = $(shell $(PKG_CONFIG) --libs libxml-2.0)
JSON_LIBS = $(shell $(PKG_CONFIG) --libs jansson)
# libvirt is loaded at run time; glibc before 2.34 has dlopen in a library of its own
DL_LIBS = -ldl
COMPILE = $(CC) $(STD) $(WARN) $(CFLAGS) $(HARDEN) $(CPPFLAGS)
# what stands in every guest's way: libc alone, and no sanitizer's runtime
COMPILE_STATIC = $(CC) $(STD) $(WARN) $(CFLAGS) $(CPPFLAGS) -fstack-protector-strong

# The parts. What isn't a command's, the hook front's or the proxy's own belongs to the library.
command_sources = cpumap/cpushim.c $(wildcard cpumap/cmd_*.c hook/cmd_*.c)
front_sources = $(addprefix hook/,front.c child.c daemon.c domainfile.c record.c refusal.c scan.c signs.c \
	sitenames.c stocknames.c)
worker_sources = $(filter-out hook/front.c $(command_sources),$(wildcard hook/*.c))
proxy_sources = $(wildcard wrapper/proxy*.c)
wrapper_sources = $(filter-out $(proxy_sources),$(wildcard wrapper/*.c))
library_sources = $(filter-out $(command_sources),$(wildcard cpumap/*.c))
unit_sources = $(wildcard tests/unit/test_*.c)
core_sources = $(addprefix cpumap/,error.c util.c sha256.c feature.c features_table.c crc32.c table.c \
	table_format.c cpuarg.c qemuargs.c)

objects = $(patsubst %.c,$(B)/%.o,$(1))
static_objects = $(patsubst %.c,$(B)/static/%.o,$(1))
unit_tests = $(patsubst tests/unit/%.c,$(B)/unit/%,$(unit_sources)) $(B)/unit/test_replay
# what is held against libvirt's own calls, by `make fuzz` and by the replay of its corpus
fuzz_sources = tests/fuzz/domain.c
FUZZ_SECONDS = 120

# what tests/exact starts; its oracle asks nothing of the library but small things
exact_sources = $(wildcard tests/proof/*.c)

all: $(B)/cpushim $(B)/qmp-proxy $(B)/qemu-wrapper hook/qemu $(B)/guest

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) $(XML_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/static/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE_STATIC) -MMD -MP -c -o $@ $<

$(B)/libcpumap.a: $(call objects,$(library_sources))
	rm -f $@
	$(AR) rcs $@ $^

# the library's libc-only part
$(B)/libcore.a: $(call static_objects,$(core_sources))
	rm -f $@
	$(AR) rcs $@ $^

$(B)/cpushim: $(call objects,$(command_sources) $(worker_sources)) $(B)/libcpumap.a
	$(COMPILE) $(LDFLAGS) -o $@ $^ $(XML_LIBS) $(JSON_LIBS) $(DL_LIBS)

$(B)/qmp-proxy: $(call objects,$(proxy_sources)) $(B)/libcpumap.a
	$(COMPILE) $(LDFLAGS) -o $@ $^ $(JSON_LIBS)

$(B)/qemu-wrapper: $(call static_objects,$(wrapper_sources)) $(B)/libcore.a
	$(COMPILE_STATIC) $(LDFLAGS) -static -o $@ $^

hook/qemu: $(call static_objects,$(front_sources)) $(B)/libcore.a
	$(COMPILE_STATIC) $(LDFLAGS) -static -o $@ $^

# the guest that reads its CPUID: a multiboot image
$(B)/guest: cpumap/guest.S cpumap/guest.ld
	@mkdir -p $(@D)
	$(CC) -m32 -c -o $(B)/guest.o $<
	$(LD) -m elf_i386 -nostdlib -static -T cpumap/guest.ld -o $@ $(B)/guest.o

$(B)/unit/%: $(B)/tests/unit/%.o $(call objects,$(worker_sources)) $(B)/libcpumap.a
	@mkdir -p $(@D)
	$(COMPILE) $(LDFLAGS) -o $@ $^ $(XML_LIBS) $(JSON_LIBS) $(DL_LIBS)

$(B)/unit/test_replay: $(call objects,tests/fuzz/replay.c $(fuzz_sources) $(worker_sources)) \
		$(B)/libcpumap.a
	@mkdir -p $(@D)
	$(COMPILE) $(LDFLAGS) -o $@ $^ $(XML_LIBS) $(JSON_LIBS)

$(B)/fuzz/domain: tests/fuzz/main_fuzz.c $(fuzz_sources) $(worker_sources) $(library_sources)
	@mkdir -p $(@D)
	clang $(STD) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		$(XML_CFLAGS) -o $@ $^ $(XML_LIBS) $(JSON_LIBS)

fuzz: $(B)/fuzz/domain
	@mkdir -p $(B)/fuzz/corpus
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -artifact_prefix=$(B)/fuzz/ $(B)/fuzz/corpus \
		tests/fuzz/corpus/domain

$(B)/exact: $(call objects,$(exact_sources)) $(B)/libcpumap.a
	$(COMPILE) $(LDFLAGS) -o $@ $^ $(XML_LIBS) $(JSON_LIBS) $(DL_LIBS)

# a library of that name in a process is what the hook knows libvirt by
$(B)/libvirt_driver_qemu.so:
	@mkdir -p $(@D)
	$(CC) -shared -o $@ -x c /dev/null

# The files alone: nothing of libvirt's or QEMU's is touched. ./install.sh does the rest.
install: all
	$(INSTALL) -D -m 755 $(B)/cpushim $(DESTDIR)$(bindir)/cpushim
	$(INSTALL) -D -m 755 $(B)/qmp-proxy $(DESTDIR)$(libdir)/qmp-proxy
	$(INSTALL) -D -m 755 $(B)/qemu-wrapper $(DESTDIR)$(libdir)/qemu-wrapper
	$(INSTALL) -D -m 755 hook/qemu $(DESTDIR)$(libdir)/hook
	$(INSTALL) -D -m 644 $(B)/guest $(DESTDIR)$(libdir)/guest
	$(INSTALL) -d $(DESTDIR)$(sysconfdir)/cpushim/models.d $(DESTDIR)$(datadir)/models.d
	$(INSTALL) -m 644 cpumap/models/*.xml $(DESTDIR)$(datadir)/models.d

uninstall:
	rm -f $(DESTDIR)$(bindir)/cpushim
	rm -f $(addprefix $(DESTDIR)$(libdir)/,qmp-proxy qemu-wrapper hook guest)
	rm -f $(addprefix $(DESTDIR)$(datadir)/models.d/,$(notdir $(wildcard cpumap/models/*.xml)))
	-rmdir $(addprefix $(DESTDIR),$(libdir) $(datadir)/models.d $(datadir) \
		$(sysconfdir)/cpushim/models.d $(sysconfdir)/cpushim)

stage: all
	tests/lib/stage $(B)/root

unit: $(unit_tests) $(B)/exact $(B)/libvirt_driver_qemu.so

check: all unit
	tests/run

matrix: stage unit
	tests/matrix

lint:
	shellcheck -x install.sh tests/run tests/demo tests/exact tests/matrix tests/merge tests/native tests/lib/* .ci/run
	shellcheck -x $(wildcard tests/*.bats tests/*/*.bats)
	tests/lib/one-assertion $(wildcard tests/*.bats tests/*/*.bats)
	clang-format --dry-run -Werror $(filter-out cpumap/features_table.c,$(wildcard \
		cpumap/*.[ch] hook/*.[ch] wrapper/*.[ch] tests/unit/*.[ch] tests/proof/*.[ch] \
		tests/fuzz/*.[ch]))

clean:
	rm -rf $(B) hook/qemu

.PHONY: all install uninstall stage unit check matrix fuzz lint clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
