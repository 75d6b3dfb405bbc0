#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What cpumap/fleet/read.h makes of the dumps of real CPUs that libcpuid's tests have, in the directory that
# CPUSHIM_DUMPS names; without those they skip. Each file ends in what libcpuid says of the CPU. And of endless
# and broken streams.

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets them; each test runs by itself
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	hosts=$CHECKOUT/build/hosts
	dumps=${CPUSHIM_DUMPS-}
}

# limited COMMAND...: with so much memory (KB), half of which its libraries take
limited() (
	ulimit -v 120000
	"$@"
)

need_dumps() {
	[ -d "$dumps" ] || skip "dumps: needs those of libcpuid's tests (CPUSHIM_DUMPS)"
}

# Reads all dumps into the file `told`.
read_dumps() {
	need_dumps
	"$hosts" --skip-bad "$dumps"/*.test >told 2>bad
}

# What libcpuid expects, a line for each kind of CPU in a file: NAME KIND STEPPING FAMILY MODEL FEATURE...
# (family and model with their extended parts).
expected() {
	awk '
		FNR == 1 { kind = line = 0; name = FILENAME; gsub(/^.*\/|\.test$/, "", name) }
		{ sub(/\r$/, "") }
		/^-+$/ { kind++; line = 0; next }
		kind { field[++line] = $0 }
		kind && /^fpu / { print name, kind, field[6], field[7], field[8], $0 }' "$dumps"/*.test
}

@test "each of the 106 dumps of x86 CPUs is read, and that of an ARM CPU refused" {
	read_dumps
	[ "$(tail -n 1 told)" = "106 hosts" ]
	[ "$(grep -c '^format AIDA64$' told)" = 84 ]
	[ "$(grep -c '^format libcpuid raw$' told)" = 22 ]
	grep -q '/arm_armv8a_cortex-a57.test:19: libcpuid.s raw data without a leaf of an x86 CPU$' bad
	[ "$(wc -l <bad)" = 1 ]
}

@test "each dump's family, model and stepping are those that libcpuid says" {
	read_dumps
	awk '$2 == 1 { print $1, $4, $5, $3 }' <(expected) | sort >theirs
	awk '/^host / { name = $2 } /^id / { print name, $(NF - 2), $(NF - 1), $NF }' told | sort >ours
	[ "$(wc -l <ours)" = 106 ]
	diff theirs ours
}

@test "each dump's brand is the one that its file is called by" {
	read_dumps
	# by what people call those CPUs: they have no brand, or another one
	cat >known <<-'END'
		amd_k5_amd-k5-pr100
		amd_k5_amd-k5-pr75
		amd_k6_amd-k6-iii-sharptooth AMD-K6(tm) 3D+ Processor
		amd_k7_amd-duron-processor-applebred AMD Duron(tm) processor
		amd_zen5_amd-ryzen-ai-9-hx-370-with-radeon-890m AMD Ryzen AI 9 HX 370 w/ Radeon 890M
		intel_ia-32_p6_intel-celeron-coppermine
		intel_x86-64_netburst_intel-celeron-326 Intel(R) Celeron(R) CPU 2.53GHz
		intel_x86-64_netburst_intel-pentium-d-820 Intel(R) Pentium(R) D CPU 2.80GHz
		intel_x86-64_netburst_intel-xeon-7140m-dual Intel(R) Xeon(TM) CPU 3.40GHz
		intel_x86-64_netburst_intel-xeon-cpu-3.40ghz-cranford-dual Intel(R) Xeon(TM) CPU 3.40GHz
	END
	awk '
		function slug(s) {
			s = tolower(s)
			gsub(/\(r\)|\(tm\)|genuine /, "", s)
			gsub(/[ ,\/-]+/, "-", s)
			return s
		}
		/^host / { file = name = $2; sub(/^.*_/, "", name); sub(/-(dual|quad)$/, "", name); brand = "" }
		/^brand / { brand = substr($0, 7) }
		/^cpus / {
			if (index(slug(brand), name) == 1)
				n++
			else
				print file (brand == "" ? "" : " ") brand
		}
		END { print n, "match" }' told >result
	[ "$(tail -n 1 result)" = "96 match" ]
	diff known <(sed '$d' result)
}

@test "each dump's features are those that libcpuid says" {
	read_dumps
	awk '
		BEGIN {
			n = split("pclmul pclmuldq fma3 fma sse4-1 sse4.1 sse4-2 sse4.2 xd nx dts64 dtes64 dts ds", a, " ")
			for (i = 1; i < n; i += 2)
				alias[a[i]] = a[i + 1]
		}
		function plain(f) {
			gsub(/_/, "-", f)
			return f in alias ? alias[f] : f
		}
		FILENAME == "told" {
			if ($1 == "host")
				name = $2
			else if ($1 == "id")
				vendor[name] = $2
			else if ($1 == "cpu")
				for (i = 3; i <= NF; i++)
					is[name, plain($i)] = $2
			next
		}
		{
			kinds[$1] = $2
			for (i = 6; i <= NF; i++) {
				kinds_with[$1, plain($i)]++
				named[plain($i)] = 1
			}
		}
		# what libcpuid looks for on CPUs of some vendors alone (recog_amd.c, recog_intel.c and
		# recog_centaur.c, 0.8), and syscall, which a program of 32 bits does not see on Intel
		function explained(name, f) {
			if (f == "3dnowprefetch")
				return vendor[name] != "AuthenticAMD"
			if (f == "syscall")
				return vendor[name] == "GenuineIntel"
			return vendor[name] ~ /CentaurHauls|Shanghai/
		}
		END {
			for (name in kinds)
				for (f in named) {
					theirs = kinds_with[name, f] == kinds[name]
					ours = is[name, f]
					if (ours == "")
						continue # libcpuid has names for what is no feature of ours
					if (theirs == (ours == "has"))
						alike++
					else if (ours == "has" && explained(name, f))
						few++
					else
						print name, f, ours
				}
			printf "%d alike, %d explained\n", alike, few
		}' told <(expected) >result
	cat result
	[ "$(wc -l <result)" = 1 ]
	read -r alike _ <result
	[ "$alike" -gt 9000 ]
}

@test "hybrid CPUs are uneven, and no others are" {
	read_dumps
	awk '/^host / { name = $2 } /uneven yes/ { sub(/^.*-cove_/, "", name); print name }' told | sort >uneven
	diff - uneven <<-'END'
		12th-gen-intel-core-i7-12700h
		12th-gen-intel-core-i9-12900k
		13th-gen-intel-core-i5-13600k
		13th-gen-intel-core-i9-13900kf
		intel-core-i9-14900k
		intel-core-ultra-7-265u
	END
}

@test "a directory, an archive and a stream of the dumps tell the same" {
	read_dumps
	tar -C "$dumps" --exclude='arm*' --exclude='LICENSE*' --sort=name -cf all.tar .
	find "$dumps" -name '*.test' ! -name 'arm*' -print0 | LC_ALL=C sort -z | xargs -0 cat >all.txt
	grep -v -e '^host ' -e '^origin ' told >directory
	"$hosts" all.tar | grep -v -e '^host ' -e '^origin ' | diff directory -
	"$hosts" - <all.txt | grep -v -e '^host ' -e '^origin ' | diff directory -
	"$hosts" - <all.tar | grep -v -e '^host ' -e '^origin ' | diff directory -
}

@test "a dump that is cut off is an error with file and line, or has no feature less" {
	read_dumps
	file=$dumps/amd_zen4_amd-ryzen-7-7800x3d-8-core-processor.test
	awk '/^host amd_zen4_amd-ryzen-7-7800x3d/ { on = 1 } on && /^cpu has/ { print; exit }' told >whole
	for bytes in 100 1111 2222 3333 4444 5000 44444 55555; do
		head -c "$bytes" "$file" >part.txt
		run --separate-stderr "$hosts" part.txt
		[ "$status" = 2 ]
		[[ $stderr == "cpushim: part.txt:"*": "* ]]
	done
	# between two CPUs nobody can tell
	sed '/Logical CPU #3/,$d' "$file" >part.txt
	"$hosts" part.txt | grep '^cpu has' | diff whole -
}

@test "two reports in one stream are two hosts, and a host's CPUs have one vendor" {
	local reports=$CHECKOUT/tests/fuzz/corpus/read
	# of one CPU each, the second one called #1
	sed '/Logical CPU #1/,$d' "$reports/aida-registers.txt" >one.txt
	sed '/(CPU #2)/,$d' "$reports/aida-cpu.txt" >two.txt
	[ "$(cat one.txt two.txt | "$hosts" - | tail -n 1)" = "2 hosts" ]
	# in one form, as if they were one report
	{
		cat one.txt
		sed '1s/.*/------[ CPUID Registers \/ Logical CPU #1 ]------/; s/68747541-444D4163-69746E65/756E6547-6C65746E-49656E69/' one.txt
	} >both.txt
	run -2 --separate-stderr "$hosts" both.txt
	[[ $stderr == 'cpushim: both.txt:'*'CPU 1 is of another vendor than the first one'* ]]
	awk '/^vendor_id/ && seen++ { $NF = "CentaurHauls" } { print }' "$reports/cpuinfo.txt" >cpuinfo.txt
	run -2 --separate-stderr "$hosts" cpuinfo.txt
	[[ $stderr == 'cpushim: cpuinfo.txt:'*'a CPU of another vendor'* ]]
}

@test "memory is bounded, however many hosts a stream has" {
	need_dumps
	find "$dumps" -name '*.test' ! -name 'arm*' -exec cat {} + >all.txt
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		cat all.txt
	done | limited "$hosts" --quiet - >out
	[ "$(cat out)" = "2120 hosts" ]
}

# refused WHAT: standard input is refused for that reason, in bounded time and memory
refused() {
	run --separate-stderr limited timeout 20 "$hosts" -
	[ "$status" = 2 ]
	# shellcheck disable=SC2053 # a pattern
	[[ $stderr == "cpushim: standard input:"$1 ]]
}

@test "endless input is refused within bounds" {
	yes 'no CPU in this line' 2>/dev/null | refused "*: no CPU in the 64 MB in front of this line"
	tr '\0' x </dev/zero 2>/dev/null | refused "1: a line of more than 65536 bytes: *"
	refused "1: a NUL byte: this isn't text" </dev/zero
	yes "<cpu a='" 2>/dev/null | refused "1: an XML element of more than 4 MB begins here"
	{ echo 'CPU:' && yes '   0x00000004 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000'; } \
		2>/dev/null | refused "*: more leaves than any CPU has"
}

@test "ten million subleaves are refused" {
	{
		printf 'cpushim-host 1\ncpus 0\n'
		awk 'BEGIN { for (i = 0; i < 10000000; i++) printf "leaf 0000000d %08x 00000000 00000000 00000000 00000000\n", i }'
	} 2>/dev/null | refused "4099: more leaves than any CPU has"
}

@test "what a name or a dump has is escaped in an error" {
	printf 'CPU 0:\n   0x00000000 \033]0;x\007\n' >$'a\033[31m.txt'
	run --separate-stderr "$hosts" $'a\033[31m.txt'
	[ "$status" = 2 ]
	[ "$stderr" = "cpushim: a\\x1b[31m.txt:2: not as cpuid -r writes a leaf: '0x00000000 \\x1b]0;x\\x07'" ]
}
