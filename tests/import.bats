#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Definitions as people have them: what libvirt's own map and its <cpu>s say, copied into a file of
# models.d or through cpushim import. In a copy of the staged root (make stage).

# shellcheck disable=SC2154 # bats sets output and stderr
# shellcheck disable=SC2030,SC2031 # each test has its own subshell
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	map=$root/usr/share/libvirt/cpu_map
	site=$root/etc/cpushim/models.d
	cp -a "$CHECKOUT/build/root" "$root" || {
		printf 'make stage comes first\n' >&2
		return 1
	}
	rm -f "$site"/*
	[ -d "$map" ] || skip 'needs libvirt'
	# Each of libvirt's models in a file; where there is but one big file of them is no test for this.
	mkdir "$BATS_TEST_TMPDIR/models"
	grep -l "<model name='[^']*'>" "$map"/x86_*.xml | grep -v x86_cpushim |
		xargs cp -t "$BATS_TEST_TMPDIR/models"
}

cpushim() {
	CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" "$@"
}

# The models of libvirt's map
models() {
	sed -n "s/.*<model name='\([^']*\)'>.*/\1/p" "$BATS_TEST_TMPDIR"/models/*.xml | LC_ALL=C sort
}

file_of() { # MODEL
	grep -l "<model name='$1'>" "$BATS_TEST_TMPDIR"/models/*.xml
}

# The elements <model> of all of them, each called my-NAME
copies() {
	sed "/<cpus>/d; /<\/cpus>/d; s/<model name='\([^']*\)'>/<model name='my-\1'>/" "$BATS_TEST_TMPDIR"/models/*.xml
}

definitions() { # FILE's name; the models come on stdin
	{
		printf "<cpus xmlns:shim='urn:cpushim:1'>\n"
		cat
		printf '</cpus>\n'
	} >"$site/$1.xml"
}

# Whether my-NAME, for all of libvirt's models or every Nth, has the features that NAME has
same_as_libvirts() { # [N]
	local model
	for model in $(models | sed -n "1~${1:-1}p"); do
		[ "$(cpushim show "my-$model")" = "$(cpushim show "$model")" ] || {
			printf 'my-%s is another than %s\n' "$model" "$model"
			return 1
		}
	done
}

@test "a copy of each of libvirt's own models is refused with what to write, and that compiles" {
	local model base
	copies | definitions copies
	run -1 cpushim compile
	# nothing else is wrong with any of them, but that Linux doesn't boot with all on a TCG that has avx
	grep -v 'under TCG no Linux boots with it\|the first counts\|marked added= or removed=\|names no QEMU model to start from; \|in an MSR: \|live in MSRs: ' <<<"$output" |
		grep -v '^[0-9]* models for'"$" | grep -v 'refused; restart libvirt$' | diff /dev/null -
	# as it says: a model in place of the features where it names one, else a base
	for model in $(models); do
		base=$(sed -n "s|.*model 'my-$model': names no QEMU model to start from; \(write <model name='[^']*'/>\).*|\1|p" <<<"$output")
		if [ "$base" ]; then
			printf "<model name='my-%s'>%s</model>\n" "$model" "${base#write }"
		else
			sed -n "/<model name='$model'>/,/<\/model>/{s/<model name='[^']*'>/<model name='my-$model'><shim:qemu base='kvm64'\/>/;p}" \
				"$(file_of "$model")"
		fi
	done | definitions copies
	run -0 cpushim compile --force
	same_as_libvirts
}

@test "a copy of one with MSR features compiles without them, or started from the model that it was" {
	local model=Cooperlake base="<shim:qemu xmlns:shim='urn:cpushim:1' base='kvm64'/>"
	grep -q "name='$model'" "$map"/*.xml || skip "this libvirt has no $model"
	sed "s|<model name='$model'>|<model name='site'>$base|" "$(file_of $model)" >"$site/site.xml"
	run -1 cpushim compile
	[[ $output == *"features 'ibrs-all mds-no "*"' live in MSRs: no guest can prove them by CPUID, so a definition can't have them; leave them out, or write <model name='$model'/> in place of all the features, which are the same without them"* ]]
	# shellcheck disable=SC2013 # words
	for feature in $(sed -n "s/.*features '\([^']*\)' live in MSRs.*/\1/p" <<<"$output"); do
		sed -i "/<feature name='$feature'/d" "$site/site.xml"
	done
	run -0 cpushim compile
	[ "$(cpushim show site)" = "$(cpushim show $model)" ]
	printf "<model name='site'><model name='%s'/></model>\n" $model | definitions site
	run -0 cpushim compile --force
	[ "$(cpushim show site)" = "$(cpushim show $model)" ]
}

@test "what import prints of libvirt's models compiles, and has their features" {
	local model
	# each import asks QEMU: every fourth will do
	for model in $(models | sed -n '1~4p'); do
		cpushim import --name "my-$model" "$(file_of "$model")" >"$site/$model.xml" 2>"$BATS_TEST_TMPDIR/err" ||
			# those that this QEMU hasn't
			{
				grep -q 'starts from no model that this QEMU has; name one, as with --base kvm64' "$BATS_TEST_TMPDIR/err"
				cpushim import --name "my-$model" --base kvm64 "$(file_of "$model")" >"$site/$model.xml"
			}
	done
	run -0 cpushim compile
	same_as_libvirts 4
}

# Two hosts' CPUs
hosts() {
	printf '<cpu><arch>x86_64</arch><model>%s</model><vendor>Intel</vendor>%s</cpu>\n' Haswell-noTSX \
		"<feature name='pdpe1gb'/><feature name='ssse3'/>" Westmere "<feature name='pdpe1gb'/><feature name='ht'/>"
}

# The features that libvirt itself expands a <cpu> to, without those that no definition has
libvirts_features() { # FILE
	virsh -q -c test:///default cpu-baseline --features "$1" |
		sed -n "s/.*policy='require' name='\([^']*\)'.*/\1/p" | grep -vx 'ht\|hypervisor' | LC_ALL=C sort
}

@test "what virsh cpu-baseline prints is a definition, imported or in a file with a name, with the features that libvirt expands it to" {
	command -v virsh >/dev/null || skip 'needs virsh'
	hosts >"$BATS_TEST_TMPDIR/hosts.xml"
	virsh -q -c test:///default cpu-baseline "$BATS_TEST_TMPDIR/hosts.xml" >"$BATS_TEST_TMPDIR/cpu.xml"
	libvirts_features "$BATS_TEST_TMPDIR/hosts.xml" >"$BATS_TEST_TMPDIR/features"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/features")" -gt 30 ]
	cpushim import --name imported "$BATS_TEST_TMPDIR/cpu.xml" >"$site/imported.xml"
	{
		printf "<model name='in-a-file'>"
		cat "$BATS_TEST_TMPDIR/cpu.xml"
		printf '</model>'
	} | definitions in-a-file
	run -0 cpushim compile
	cpushim show imported | diff "$BATS_TEST_TMPDIR/features" -
	cpushim show in-a-file | diff "$BATS_TEST_TMPDIR/features" -
	[[ $(cpushim expand imported) == *,vendor=GenuineIntel,* ]]
	[ "$(cpushim expand imported)" = "$(cpushim expand in-a-file)" ]
	cpushim verify --cpus 1 imported
}

@test "a domain's, a host's and domcapabilities' CPU are imported" {
	local cpu="<model fallback='forbid'>Westmere</model><vendor>Intel</vendor>"
	cpu+="<feature policy='require' name='vme'/><feature policy='disable' name='aes'/>"
	wants() { diff <(cpushim import --name site - <<<"$1" | grep -o "feature name.*" | cut -d "'" -f 2) \
		<( (cpushim show Westmere && echo vme) | grep -vx aes | LC_ALL=C sort); }
	wants "<cpu mode='custom' match='exact' check='full'>$cpu</cpu>"
	wants "<domain type='kvm'><name>guest</name><cpu mode='custom'>$cpu<topology sockets='1' dies='1' cores='4' threads='1'/></cpu></domain>"
	wants "<capabilities><host><uuid>x</uuid><cpu><arch>x86_64</arch>$cpu<microcode version='1'/><counter name='tsc' frequency='1'/><topology sockets='1'/><maxphysaddr mode='emulate' bits='40'/><pages unit='KiB' size='4'/></cpu></host><guest><cpu/></guest></capabilities>"
	wants "<domainCapabilities><cpu><mode name='host-passthrough' supported='no'/><mode name='host-model' supported='yes'>$cpu</mode><mode name='custom' supported='yes'><model usable='yes'>486</model></mode></cpu></domainCapabilities>"
}

@test "one that starts from a site's model, and MSR features, which are left out and named" {
	run -0 --separate-stderr cpushim import -n site - <<-'END'
		<cpu>
		  <model>gate64</model>
		  <signature family='6' model='58' stepping='9'/>
		  <feature policy='require' name='aes'/>
		  <feature policy='require' name='rdctl-no'/>
		</cpu>
	END
	[ "$stderr" = "cpushim: standard input:5: model 'site': left out, for what lives in an MSR no guest can prove by CPUID: rdctl-no" ]
	printf '%s\n' "$output" >"$site/site.xml"
	run -0 cpushim compile
	[ "$(cpushim show site)" = "$( (cpushim show gate64 && echo aes) | LC_ALL=C sort)" ]
	[[ $(cpushim expand site) == kvm64,vendor=GenuineIntel,family=6,model=58,stepping=9,* ]]
}

@test "an own vendor's odd characters come through" {
	cpushim import -n site - >"$site/site.xml" <<<"<model name='x'><model name='gate64'/><vendor name=\"&lt;it's an &amp;&gt; \"/></model>"
	run -0 cpushim compile
	[[ $(cpushim expand site) == "kvm64,vendor=<it's an &> ,"* ]]
}

# import of stdin ends with STATUS and says WHAT
says() { # STATUS WHAT
	run -"$1" cpushim import --name site -
	[[ $output == "cpushim: standard input:"$2* ]]
}

@test "what can't be a definition is refused, and what isn't understood told with its line" {
	says 1 "1: model 'site': feature 'avx' has policy 'optional'; " <<<"<cpu><model>gate64</model><feature name='avx' policy='optional'/></cpu>"
	says 1 "1: model 'site': its <cpu> names no model (mode='host-passthrough'); " <<<"<domain><cpu mode='host-passthrough'/></domain>"
	says 1 "1: model 'site': starts from 'nobody', which neither " <<<'<cpu><model>nobody</model></cpu>'
	says 1 "1: model 'site': is of a machine 'aarch64', " <<<'<cpu><arch>aarch64</arch><model>gate64</model></cpu>'
	says 2 '1: <pool> has no CPU that is understood: ' <<<'<pool/>'
	says 2 '1: <domain> has no CPU that is understood: ' <<<'<domain><name>x</name></domain>'
	says 2 "2: isn't well-formed XML" <<<'<cpu'
	says 2 "2: here is a second one; " <<<$'<cpus><model name="a"/>\n<model name="b"/></cpus>'
	run -2 cpushim import --name site /nonexistent
	run -2 cpushim import -
	run -1 cpushim import --name help - <<<'<cpu><model>gate64</model></cpu>'
	[[ $output == *"model 'help': is a command to QEMU (-cpu help) and no name; choose another" ]]
}

@test "a file of models.d that isn't read is named; what an editor left isn't" {
	touch "$site/gate64.xml.bak" "$site/README" "$site/gate64.conf" "$site/gate64.xml~" "$site/.gate64.xml.swp" \
		"$site/gate64.xml.dpkg-old"
	run -0 cpushim compile
	[ "${lines[0]}" = "cpushim: $site/README: isn't read, as its name doesn't end in .xml" ]
	[ "${lines[1]}" = "cpushim: $site/gate64.conf: isn't read, as its name doesn't end in .xml" ]
	[ "${lines[2]}" = "cpushim: $site/gate64.xml.bak: isn't read, as its name doesn't end in .xml" ]
	[ "${#lines[@]}" = 4 ]
}
