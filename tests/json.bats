#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cpushim-json(5) has the fields that each command prints as JSON, with their types, and no others. In a copy
# of the staged root (make stage), with guests and hosts that are made up.

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output; each test has its own subshell
bats_require_minimum_version 1.5.0

# objects whose fields are data: names of features and models
data='tcg_why kvm_why models[].tcg_why models[].kvm_why unknown other_models'

setup_file() {
	export CHECKOUT=${CHECKOUT:-$(cd "$BATS_TEST_DIRNAME/.." && pwd)}
	cp -a "$CHECKOUT/build/root" "$BATS_FILE_TMPDIR/root" || {
		printf 'make stage comes first\n' >&2
		return 1
	}
	# one without a Linux under TCG, and one that is refused
	cat >"$BATS_FILE_TMPDIR/root/etc/cpushim/models.d/site.xml" <<-END
		<cpus>
		<model name='site-xsave'><model name='gate64'/><feature name='xsave'/></model>
		<model name='site-bad'><model name='gate64'/><feature name='nonesuch'/></model>
		</cpus>
	END
	CPUSHIM_ROOT=$BATS_FILE_TMPDIR/root "$CHECKOUT/build/cpushim" compile --force || [ $? = 1 ]
}

setup() {
	work=$BATS_TEST_TMPDIR
	page=$CHECKOUT/docs/man/cpushim-json.5.scd
	root=$work/root
	cp -a "$BATS_FILE_TMPDIR/root" "$root"
	cd "$work" || return
}

cpushim() {
	CPUSHIM_ROOT=$root "$CHECKOUT/build/cpushim" "$@"
}

# prints COMMAND...: it prints a document, whatever its exit status says of the answer
prints() {
	cpushim "$@" >document || [ $? -le 2 ]
	[ -s document ]
	cat document >>documents
}

# ---- what is printed, and what is written ----

# printed: PATH TYPE of each value in the documents on stdin, as the command indents them: a field a line.
# "." is a document, or each object of one that is an array; an object of $data has fields named *.
printed() {
	awk -v data=" $data " '
		{
			match($0, /^ */)
			depth = RLENGTH / 2
			$0 = substr($0, RLENGTH + 1)
		}
		/^[]}]/ { next }
		{
			parent = depth ? path[depth - 1] : ""
			if (!depth)
				path[0] = ""
			else if (type[depth - 1] == "array")
				path[depth] = depth == 1 ? "" : parent "[]"
			else {
				match($0, /^"([^"\\]|\\.)*": /)
				name = index(data, " " parent " ") ? "*" : substr($0, 2, RLENGTH - 4)
				$0 = substr($0, RLENGTH + 1)
				path[depth] = parent (parent == "" ? "" : ".") name
			}
			type[depth] = /^\{/ ? "object" : /^\[/ ? "array" : /^"/ ? "string" : /^[tf]/ ? "boolean" : \
				/^n/ ? "null" : "integer"
			if (depth || type[0] == "object")
				print path[depth] == "" ? "." : path[depth], type[depth]
		}'
}

# section COMMAND: what the page says of it
section() {
	awk -v heading="## cpushim $1" '/^#/ { inside = $0 == heading } inside' "$page"
}

# written COMMAND: PATH TYPE optional|always of each field that the page has of it, a line for each type
written() {
	section "$1" | awk '
		function add(path, types, optional,    head, tail, part, kind, n, i) {
			if (match(path, /\{[^}]*\}/)) {
				head = substr(path, 1, RSTART - 1)
				tail = substr(path, RSTART + RLENGTH)
				n = split(substr(path, RSTART + 1, RLENGTH - 2), part, ",")
				for (i = 1; i <= n; i++)
					add(head part[i] tail, types, optional)
				return
			}
			n = split(types, part, " or ")
			for (i = 1; i <= n; i++) {
				split(part[i], kind, " of ")
				print path, kind[1], optional
				sub(/s$/, "", kind[2])
				if (kind[2] != "")
					print path (kind[1] == "array" ? "[]" : ".*"), kind[2], "optional"
			}
		}
		/^- \*[^*]*\* \([a-z ,]*\): ./ {
			split($0, word, "*")
			match($0, /\([^)]*\)/)
			types = substr($0, RSTART + 1, RLENGTH - 2)
			optional = sub(/, optional$/, "", types) ? "optional" : "always"
			add(word[2], types, optional)
			next
		}
		/^- / { print $0, "is no field that can be read" }'
}

# keys SOURCE: the names of fields that it has jansson print: strings behind a comma
keys() {
	tr -s '\n\t' ' ' <"$1" | tr ';' '\n' | grep -E 'json_pack|json_object_set|add_(accel|flag)' |
		grep -oE ', *"[A-Za-z][A-Za-z_-]*"' | tr -d ', "'
}

# differences PRINTED WRITTEN SOURCE...: between what was printed and what is written, a line each. What this
# machine never prints is looked up: a field in all sources, and the fields of the first source on the page.
differences() {
	cat "${@:3}" | grep -oE '"[A-Za-z_-]+"' | tr -d '"' >in_sources
	keys "$3" >in_source
	awk -v printed="$1" -v written="$2" '
		function parent(path) {
			return sub(/(\[\]|\.?[^].[]+)$/, "", path) && path != "" ? path : "."
		}
		function last(path) {
			sub(/(\[\]|\.\*)+$/, "", path)
			sub(/.*\./, "", path)
			return path
		}
		/^- / {
			print
			next
		}
		FILENAME == written {
			type[$1, $2] = 1
			optional[$1] = $3
			named[last($1)] = 1
			next
		}
		FILENAME == printed {
			if ($1 != "." && !(($1, $2) in type) && !told[$1, $2]++)
				print $1 " (" $2 "): is printed, and the page hasn\47t it"
			seen[$1]++
			objects[$1] += $2 == "object"
			next
		}
		FILENAME == "in_source" {
			if (!($1 in named))
				print $1 ": is in the source, and the page hasn\47t it"
			next
		}
		{ literal[$1] = 1 }
		END {
			for (path in optional) {
				if (optional[path] == "always" && seen[path] != objects[parent(path)])
					print path ": is sometimes left out, and the page doesn\47t say so"
				if (!seen[path] && !(last(path) in literal))
					print path ": is on the page, and nothing prints it"
			}
		}' "$2" "$1" in_source in_sources | LC_ALL=C sort
}

# described COMMAND SOURCE...: the page has what its documents have, and no more
described() {
	local command=$1
	shift
	printed <documents >in_documents
	written "$command" >on_page
	# fields of another command that the page points to
	case $command in
	host) written list | sed 's/^/models[]./' >>on_page ;;
	'baseline --against') written check | grep '^answers\[\]\.' >>on_page ;;
	esac
	[ "$(wc -l <on_page)" -ge 4 ]
	run -0 differences in_documents on_page "${@/#/$CHECKOUT/cpumap/}"
	printf '%s\n' "$output"
	[ -z "$output" ]
}

# ---- the test itself ----

@test "a field that only one of page and command has is seen, and so are another type and one that is left out" {
	page=$work/page
	printf '%s\n' '## cpushim a' '- *x* (string or null): X.' '- *o* (object): O.' '- *o.{b,c}* (integer): B, C.' \
		'- *l* (array of objects): L.' '- *l[].n* (boolean): N.' '- *tcg_why* (object of strings, optional): W.' \
		'' '## cpushim b' '- *y* (string): Y.' >page
	written a >on_page
	: >source
	printf '%s\n' '{' '  "l": [' '    {' '      "n": true' '    },' '    {' '      "n": false' '    }' '  ],' \
		'  "o": {' '    "b": 1,' '    "c": -1' '  },' '  "tcg_why": {' '    "x.y": "a\": {"' '  },' \
		'  "x": null' '}' >right
	says() { # DIFFERENCES SED-SCRIPT: with the document changed
		sed "$2" right | printed >in_documents
		run -0 differences in_documents on_page source
		printf '%s\n' "$output"
		[ "$output" = "$1" ]
	}
	says '' ''
	says 'o.d (integer): is printed, and the page hasn'\''t it' 's/"c": -1/&,\n    "d": 1/'
	says 'x (integer): is printed, and the page hasn'\''t it' 's/null/1/'
	says 'l[] (string): is printed, and the page hasn'\''t it' 's/^  "l": \[/&\n    "n",/'
	says 'l[].n: is sometimes left out, and the page doesn'\''t say so' '0,/"n": true/{/"n": true/d}'
	says $'o.c: is on the page, and nothing prints it\no.c: is sometimes left out, and the page doesn\'t say so' '/"c"/d'
	# what is optional may be printed elsewhere alone
	says $'tcg_why.*: is on the page, and nothing prints it\ntcg_why: is on the page, and nothing prints it' '/"tcg_why"/,/}/d'
	printf 'f("tcg_why", 1)' >source
	says '' '/"tcg_why"/,/}/d'
	printf 'json_pack("{s:s,\n s:i}",\n "l", x ? "y" : "z",\n "w", 1);\nf(1, "v");' >source
	says 'w: is in the source, and the page hasn'\''t it' ''
	printf '%s\n' '- x (string): X.' >>page
	run -0 written b
	[ "${lines[1]}" = '- x (string): X. is no field that can be read' ]
}

@test "the page has a section for each command that has --json" {
	"$CHECKOUT/build/cpushim" --help | sed -n 's/^  \([a-z]*\)  *.*/\1/p' | while read -r command; do
		! "$CHECKOUT/build/cpushim" "$command" --help | grep -q -- --json || printf '%s\n' "$command"
	done | sort >commands
	[ "$(wc -l <commands)" -ge 13 ]
	sed -n 's/^## cpushim \([a-z]*\)$/\1/p' "$page" | sort | diff commands -
}

# ---- models ----

@test "list prints the fields of its section" {
	prints list --json
	prints list --json gate64
	described list cmd/list_json.c
}

@test "show prints the fields of its section" {
	[ -e "$root/usr/share/libvirt/cpu_map/index.xml" ] || skip "needs libvirt's cpu_map"
	prints show --json gate64
	prints show --json Nehalem
	described show cmd/cmd_show.c
}

@test "expand prints the fields of its section" {
	prints expand --json gate64,+aes
	prints expand --json --short gate64
	described expand cmd/cmd_expand.c
}

@test "probe prints the fields of its section" {
	prints probe --json
	described probe cmd/cmd_probe.c
}

@test "verify prints the fields of its section" {
	prints verify --json gate64
	prints verify --json --cpus 1 --machine q35 gate64 x86-64-v4 site-xsave site-bad
	timeout 20 "$root/usr/bin/qemu-system-x86_64.distrib" -nodefaults -display none -no-reboot -m 64 -serial file:dump \
		-kernel "$CHECKOUT/build/guest" -device isa-debug-exit,iobase=0xf4 -cpu kvm64 || [ $? != 124 ]
	prints verify --json --read dump gate64
	described verify cmd/cmd_verify.c
}

# ---- hosts ----

@test "host prints the fields of its section" {
	prints host --json
	root=$work/nothing prints host --json
	described host cmd/host_print.c cmd/cmd_host.c cmd/list_json.c
}

@test "try prints the fields of its section" {
	# libvirt is asked of no other root
	cpushim() {
		env -u CPUSHIM_ROOT "$CHECKOUT/build/cpushim" "$@"
	}
	prints try --json "$CHECKOUT/cpumap/models/gate64.xml"
	prints try --json "$CHECKOUT/cpumap/models/x86-64-v4.xml"
	described try cmd/trial_print.c cmd/accels.c
}

# host NAME HAS LACKS: a dump that tells what KVM gives, besides all that gate64 needs
host() {
	cat >"$1.dump" <<-END
		cpushim-host 1
		name $1
		cpus 0
		leaf 00000000 00000000 00000001 756e6547 6c65746e 49656e69
		leaf 00000001 00000000 000906ea 00000000 00000000 00000000
		leaf 80000000 00000000 80000008 00000000 00000000 00000000
		leaf 80000008 00000000 00003030 00000000 00000000 00000000
		kvm has apic clflush cmov cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni pse sep sse sse2 syscall tsc $2
		kvm lacks vme pse36 svm $3
		end
	END
}

hosts() {
	host n1 'aes avx cx16 popcnt' 'avx2 sse4.1'
	host n2 'aes cx16 popcnt' 'avx avx2 sse4.1'
	host n3 'cx16' 'aes avx avx2'
}

@test "check prints the fields of its section" {
	hosts
	prints check --json x86-64-v2 ./*.dump
	cat >domain.xml <<-END
		<domain type='kvm'><name>g</name>
		<cpu><model>gate64</model><vendor>AMD</vendor><maxphysaddr mode='emulate' bits='64'/>
		<feature policy='forbid' name='aes'/></cpu>
		<clock><timer name='tsc' frequency='2000100000'/></clock></domain>
	END
	prints check --json --domain domain.xml ./*.dump
	described check cmd/check_print.c
}

@test "baseline prints the fields of its section" {
	hosts
	prints baseline --json ./*.dump
	described baseline cmd/baseline_json.c fleet/catalogue.c
}

@test "baseline --against prints the fields of its section" {
	hosts
	prints baseline --json --against gate64 ./*.dump
	described 'baseline --against' cmd/cmd_baseline.c cmd/check_print.c
}

# ---- guests ----

# process PID ARGUMENT...: a QEMU
process() {
	mkdir -p "$root/proc/$1"
	ln -sfn /usr/bin/qemu-system-x86_64.distrib "$root/proc/$1/exe"
	printf '%s\0' /usr/bin/qemu-system-x86_64 "${@:2}" >"$root/proc/$1/cmdline"
}

# guest DOMAIN PID MODEL CPU [ARGUMENT...]: libvirt runs one; its status says MODEL
guest() {
	local uuid run=$root/run/libvirt/qemu
	uuid=$(printf '6b2f0d3e-52cf-4b1f-9a57-%012d' "$2")
	mkdir -p "$run"
	printf '%s\n' "$2" >"$run/$1.pid"
	cat >"$run/$1.xml" <<-END
		<domstatus state='running' pid='$2'><domain type='qemu' id='$2'><name>$1</name><uuid>$uuid</uuid>
		<cpu mode='custom' match='exact'><model>$3</model><feature policy='optional' name='aes'/></cpu>
		<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain></domstatus>
	END
	process "$2" -name "guest=$1" -accel tcg -cpu "$4" -uuid "$uuid" "${@:5}"
}

# one has its own feature, one another model, and one came from elsewhere, where nobody knows what it asked for
guests() {
	guest a 7 gate64 "$(cpushim expand gate64,aes=on)"
	guest b 8 x86-64-v2 "$(cpushim expand x86-64-v2)"
	guest c 9 Opteron_G1 Opteron_G1,pse36=off -incoming defer
}

@test "guests prints the fields of its section" {
	guests
	process 10
	printf 'Uid:\t1000\t1000\t1000\t1000\n' >"$root/proc/10/status"
	prints guests --json
	described guests cmd/cmd_guests.c
}

@test "why prints the fields of its section" {
	guests
	prints why --json a
	prints why --json c
	prints why --json "$CHECKOUT/tests/data/gate64.xml"
	described why cmd/cmd_why.c
}

@test "rollover prints the fields of its section" {
	guests
	cpushim guests --json >n1.json || [ $? = 2 ]
	printf 'n1\nn2\n' >nodes
	prints rollover --json --nodes nodes gate64 n1.json
	described rollover cmd/cmd_rollover.c
}

@test "doctor prints the fields of its section" {
	rm "$root/etc/libvirt/hooks/qemu"
	prints doctor --json
	described doctor cmd/doctor_print.c
}

@test "what isn't UTF-8 is escaped, and doesn't keep a document from being printed" {
	local odd=$'s\xff' real
	real=$(readlink "$root/usr/bin/qemu-system-x86_64.distrib")
	mv "$root/etc/cpushim/models.d/site.xml" "$root/etc/cpushim/models.d/$odd.xml"
	cpushim compile --force || [ $? = 1 ]
	ln -s "$real" "$odd"
	prints list --json
	grep -qF '"origin": "/etc/cpushim/models.d/s\\xff.xml:2"' document
	prints show --json site-xsave
	prints expand --json "gate64,+$odd"
	grep -qF 's\\xff' document
	prints probe --json "./$odd"
	grep -qF '"path": "./s\\xff"' document
	prints verify --json --cpus 1 --machine "$odd" gate64
}
