#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What is wrong with a node, and who tells it: each broken state against why, guests, list, verify and
# compile. In a copy of the staged root (make stage), whose libvirt doesn't run; a daemon that is older
# than the map is in e2e/node.bats.

# shellcheck disable=SC2016 # names of commands in backticks
bats_require_minimum_version 1.5.0
load lib/qemu

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	map=$root/usr/share/libvirt/cpu_map
	qemu=$root/usr/bin/qemu-system-x86_64
	hook=$root/etc/libvirt/hooks/qemu
	cp -a "$CHECKOUT/build/root" "$root" || {
		printf 'make stage comes first\n' >&2
		return 1
	}
	[ -e "$map/index.xml" ] || skip "needs libvirt's cpu_map"
	rm -f "$root"/etc/cpushim/models.d/*
	mkdir -p "$root/proc" "$root/etc/libvirt/qemu"
	qemu_files "$root"
	real=$(readlink -f "$qemu.distrib")
	printf 'libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin\n' >"$root/etc/passwd"
	domain /usr/bin/qemu-system-x86_64
	cpushim compile >/dev/null
}

# not the root's own, which may be what is broken
cpushim() {
	CPUSHIM_ROOT=$root "$CHECKOUT/build/cpushim" "$@"
}

domain() { # EMULATOR
	cat >"$root/etc/libvirt/qemu/vm.xml" <<-END
		<domain type='qemu'><name>vm</name><uuid>6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64</uuid>
		<cpu mode='custom' match='exact'><model>gate64</model></cpu>
		<devices><emulator>$1</emulator></devices></domain>
	END
}

break_index() { sed -i '/x86_cpushim/d' "$map/index.xml"; }
break_index_twice() { sed -i 's/.*x86_cpushim.*/&\n&/' "$map/index.xml"; }
break_include() { rm "$map/x86_cpushim.xml"; }
break_include_text() { printf '<cpus' >"$map/x86_cpushim.xml"; }
break_models() { sed -i "/name='gate64'/,/<.model>/d" "$map/x86_cpushim.xml"; }
break_hook() { rm "$hook"; }
break_hook_foreign() { printf '#!/bin/sh\nexit 0\n' >"$hook"; }
break_hook_mode() { chmod -x "$hook"; }
break_wrapper() { ln -sf "$(readlink "$qemu.distrib")" "$qemu"; }
break_proxy() { rm "$root/usr/lib/cpushim/qmp-proxy"; }
break_wrapper_gone() { rm "$qemu"; }
break_proxy_mode() { chmod -x "$root/usr/lib/cpushim/qmp-proxy"; }
break_table_mode() { chmod 600 "$root/usr/lib/cpushim/models.table"; }
break_lib_mode() { chmod 700 "$root/usr/lib/cpushim"; }
break_worker() { rm "$root/usr/bin/cpushim"; }
break_qemu() { another_qemu "$real" "$qemu.distrib"; }

# state, status of why, of compile, whether compile mends it, and the sentence
states="index 1 1 no index.xml doesn't name x86_cpushim.xml any more, so libvirt won't know the site's models once it restarts; \`cpushim ready\`
index_twice 1 1 no index.xml names x86_cpushim.xml 2 times, so every CPU call of libvirt fails once it restarts, for all guests; \`cpushim ready\`
include 1 0 yes x86_cpushim.xml is missing, and index.xml names it, so every CPU call of libvirt fails once it restarts, for all guests; \`cpushim compile\`
include_text 1 0 yes so every CPU call of libvirt fails once it restarts, for all guests; \`cpushim compile\`
models 1 0 yes model gate64, so libvirt won't start a guest of it; \`cpushim compile\`, then \`systemctl restart libvirtd\`
hook 2 0 no /etc/libvirt/hooks/qemu: libvirt's hook isn't there, so nothing checks what guests of site models get; \`cpushim ready\`, then \`systemctl restart libvirtd\`
hook_foreign 2 0 no /etc/libvirt/hooks/qemu: libvirt's hook is another tool's, so nothing checks what guests of site models get; \`cpushim ready\`
hook_mode 2 0 no /etc/libvirt/hooks/qemu: libvirt's hook isn't executable, so nothing checks what guests of site models get; \`cpushim ready\`
wrapper 1 1 no /usr/bin/qemu-system-x86_64: isn't cpushim's wrapper, so QEMU won't know the site's models; \`cpushim ready\`
wrapper_gone 1 1 no /usr/bin/qemu-system-x86_64: is gone, so no guest of it starts; \`cpushim ready\`
proxy 2 0 no /usr/lib/cpushim/qmp-proxy: is missing or can't be run, so that libvirt won't know the site's models when it probes QEMU next; reinstall cpushim: install.sh of its checkout, or its package
proxy_mode 2 0 no /usr/lib/cpushim/qmp-proxy: is missing or can't be run
table_mode 1 0 yes /usr/lib/cpushim/models.table: user libvirt-qemu may not use it, by the mode of the file, so no guest of a site model starts; \`cpushim compile\`
lib_mode 1 0 no /usr/lib/cpushim/models.table: user libvirt-qemu may not use it, by the mode of /usr/lib/cpushim, so no guest of a site model starts; \`chmod a+x /usr/lib/cpushim\`
worker 1 0 no /usr/bin/cpushim: is missing or can't be run, and the hook refuses site models without it; reinstall cpushim: install.sh of its checkout, or its package
qemu 2 0 yes so models on base max, host or base are refused; \`cpushim compile\` (after an upgrade of QEMU it runs by itself where cpushim's package or systemd units are)"

# what why says where it has its own words for the domain
of_domain() { # STATE SENTENCE
	case $1 in
	models) printf "libvirt's CPU map has no model 'gate64'; \`cpushim compile\`, then \`systemctl restart libvirtd\`" ;;
	wrapper | wrapper_gone) printf "isn't cpushim's wrapper, so QEMU wouldn't know the model" ;;
	*) printf '%s' "$2" ;;
	esac
}

says() { # STATUS SENTENCE COMMAND...: on stderr, in one line, beside what it answers
	local wanted=$1 sentence=$2
	shift 2
	run --separate-stderr cpushim "$@"
	printf '%s: %s\n%s\n%s\n' "$*" "$status" "$output" "$stderr"
	[ "$status" = "$wanted" ]
	[ "$(grep -cF -- "$sentence" <<<"$stderr")" = 1 ]
}

is_quiet() { # COMMAND...
	run -0 --separate-stderr cpushim "$@"
	printf '%s\n' "$stderr"
	[ -z "$stderr" ]
}

nothing_blocks() {
	run -0 --separate-stderr cpushim why vm
	[ -z "$stderr" ]
	[[ $output == *'nothing that can be told beforehand blocks it here'* ]]
}

@test "on a node that is right nobody says anything, and nothing blocks" {
	nothing_blocks
	is_quiet guests
	is_quiet verify --cpus 1 gate64
	is_quiet compile
	run -0 --separate-stderr cpushim list
	[[ $stderr != *'cpushim ready'* ]]
	cpushim why --json vm | grep -q '"doubts": \[\]'
}

@test "each broken state is told by why, guests, list, verify and compile, with what mends it" {
	n=0
	cp -a "$root" "$root.right"
	while read -r state why compile mends sentence; do
		"break_$state"
		run --separate-stderr cpushim why vm
		printf '%s: %s\n%s\n' "$state" "$status" "$output"
		[ "$status" = "$why" ]
		[[ $output != *'nothing that can be told'* ]]
		[[ $output == *"$(of_domain "$state" "$sentence")"* ]]
		says 0 "$sentence" guests
		says 0 "$sentence" list
		says 0 "$sentence" verify --cpus 1 gate64
		if [ "$mends" = yes ]; then
			is_quiet compile
			nothing_blocks
		else
			says "$compile" "$sentence" compile
		fi
		rm -rf "$root"
		cp -a "$root.right" "$root"
		n=$((n + 1))
	done <<<"$states"
	[ "$n" = 16 ]
}

@test "without a table nobody can tell, and all name the command that writes it, which does" {
	rm "$root/usr/lib/cpushim/models.table"
	for command in 'why vm' guests list 'verify gate64'; do
		# shellcheck disable=SC2086 # words
		says 2 'there is no table; `cpushim compile` writes it' $command
	done
	cpushim compile
	nothing_blocks
}

@test "a domain with another emulator: why says so, the node is right" {
	ln -s "$(readlink "$qemu.distrib")" "$root/usr/bin/qemu-other"
	domain /usr/bin/qemu-other
	run -1 --separate-stderr cpushim why vm
	[[ $output == *"blocked: its emulator "*" isn't cpushim's wrapper"* ]]
	is_quiet guests
}

@test "no QEMU behind the wrapper, or one that can't be run: its package is named, by whoever looks" {
	cure='; reinstall QEMU (Debian: `apt-get install --reinstall qemu-system-x86`)'
	rm "$qemu.distrib"
	run -1 --separate-stderr cpushim why vm
	[[ $output == *"there is no QEMU behind this wrapper, at /usr/bin/qemu-system-x86_64.distrib$cure"* ]]
	says 0 "there is no QEMU behind this wrapper, at /usr/bin/qemu-system-x86_64.distrib$cure" guests
	says 2 "cpushim: $qemu.distrib: can't be run: No such file or directory$cure" verify gate64
	says 2 "cpushim: $qemu.distrib: can't be run: No such file or directory$cure" compile
	says 2 "cpushim: $qemu.distrib: can't be run: No such file or directory$cure" probe
	break_qemu
	chmod -x "$qemu.distrib"
	run -1 --separate-stderr cpushim why vm
	[[ $output == *"/usr/bin/qemu-system-x86_64.distrib: this QEMU can't be run, by its mode$cure"* ]]
	says 0 "cpushim: /usr/bin/qemu-system-x86_64.distrib: this QEMU can't be run, by its mode$cure" list
	says 2 "cpushim: $qemu.distrib: can't be run: Permission denied$cure" compile
}

@test "a domain of a model on max, with another QEMU than the table's: one reason, and compile mends it" {
	cat >"$root/etc/cpushim/models.d/site.xml" <<-'END2'
		<cpus xmlns:shim='urn:cpushim:1'><model name='on-max'><shim:qemu base='max'/><feature name='fpu'/></model></cpus>
	END2
	cpushim compile
	domain /usr/bin/qemu-system-x86_64
	sed -i 's/gate64/on-max/' "$root/etc/libvirt/qemu/vm.xml"
	nothing_blocks
	break_qemu
	run -1 --separate-stderr cpushim why vm
	[[ $output == *"blocked: its QEMU isn't the one that the table was made from ("*"), and base 'max' is another CPU with each QEMU; \`cpushim compile\` ("* ]]
	[ "$(grep -c "isn't the one" <<<"$output")" = 1 ]
	# what it is here and now can be read
	says 0 'so models on base max, host or base are refused' verify --cpus 1 on-max
	run -0 cpushim compile
	[[ $output == *"(QEMU "*", before "*"), 0 refused; restart libvirt" ]]
	nothing_blocks
}

@test "the hook beside a site's own, or run by the site's script, is ours" {
	mkdir "$hook.d"
	mv "$hook" "$hook.d/cpushim"
	printf '#!/bin/sh\nexit 0\n' >"$hook"
	nothing_blocks
	rm -r "$hook.d"
	printf '#!/bin/sh\nexec /usr/lib/cpushim/hook "$@"\n' >"$hook"
	chmod +x "$hook"
	nothing_blocks
}

@test "a node without the wrapper, on purpose, isn't called wrong for it" {
	break_wrapper
	break_proxy
	: >"$root/usr/lib/cpushim/no-wrapper"
	nothing_blocks
	is_quiet guests
	is_quiet compile
}

# process CPU: of a running vm, whose status says gate64, as libvirt before 2.3 writes it
process() {
	mkdir -p "$root/proc/7" "$root/run/libvirt/qemu"
	ln -sfn /usr/bin/qemu-system-x86_64 "$root/proc/7/exe"
	printf '%s\0' /usr/bin/qemu-system-x86_64 -name vm -machine pc,accel=tcg -cpu "$1" \
		-uuid 6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64 >"$root/proc/7/cmdline"
	printf "<domstatus state='running' pid='7'>%s</domstatus>" "$(cat "$root/etc/libvirt/qemu/vm.xml")" \
		>"$root/run/libvirt/qemu/vm.xml"
	printf 7 >"$root/run/libvirt/qemu/vm.pid"
}

@test "without the wrapper, with libvirt before 2.3: what was let in on purpose isn't called wrong" {
	process Opteron_G1,-pse36
	run -1 --separate-stderr cpushim guests
	[[ $output == *'asked gate64, runs Opteron_G1,-pse36: not what the name means' ]]
	break_wrapper
	: >"$root/usr/lib/cpushim/no-wrapper"
	run -0 --separate-stderr cpushim guests
	[[ $output == *" gate64 "*" tcg "*" what the name means; as libvirt's own Opteron_G1,-pse36, which is exact here" ]]
	run -0 --separate-stderr cpushim why vm
	[[ $output == *"which is what gate64 means; as libvirt's own Opteron_G1,-pse36, which is exact here"* ]]
	# what isn't exact still is wrong
	process Opteron_G1
	run -1 --separate-stderr cpushim guests
	[[ $output == *'asked gate64, runs Opteron_G1: not what the name means: '*'beyond it: pse36'* ]]
}

@test "a model that was left to somebody else's, and is taken away there" {
	sed "/name='gate64'/,/<.model>/!d" "$map/x86_cpushim.xml" |
		sed '1i <cpus>' | sed '$a </cpus>' >"$map/x86_site.xml"
	sed -i "s|.*x86_cpushim.*|    <include filename='x86_site.xml'/>\n&|" "$map/index.xml"
	cpushim compile
	run ! grep "name='gate64'" "$map/x86_cpushim.xml"
	nothing_blocks
	sed -i '/x86_site/d' "$map/index.xml"
	run -1 --separate-stderr cpushim why vm
	[[ $output == *"blocked: libvirt's CPU map has no model 'gate64'; \`cpushim compile\`, then \`systemctl restart libvirtd\`"* ]]
	says 0 'has no model gate64, so libvirt' guests
	cpushim compile
	nothing_blocks
}

@test "a model with a feature that libvirt's map lacks" {
	cat >"$root/etc/cpushim/models.d/site.xml" <<-'END2'
		<cpus><model name='site-new'><model name='gate64'/><feature name='serialize'/></model></cpus>
	END2
	sed -i "/<feature name='serialize'/,/<.feature>/d" "$map/x86_features.xml"
	cpushim compile || :
	domain /usr/bin/qemu-system-x86_64
	sed -i 's/gate64/site-new/' "$root/etc/libvirt/qemu/vm.xml"
	run -1 --separate-stderr cpushim why vm
	[[ $output == *"libvirt doesn't know model 'site-new', as its CPU map lacks serialize"* ]]
	is_quiet guests
}
