/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt passes to QEMU, by its XML and by the process's arguments. */
#include "hook/domain/machine.h"
#include "hook/worker/native.h"
#include "check.h"

static void test_argument(void)
{
	static const struct {
		const char *cpu, *argument; /* NULL: it can't be said */
	} cases[] = {
		{"<cpu mode='custom'><model fallback='forbid'>Opteron_G1</model>"
		 "<feature policy='disable' name='pse36'/></cpu>",
		 "Opteron_G1,pse36=off"},
		{"<cpu><model>kvm64</model><feature name='pclmuldq'/></cpu>", "kvm64,pclmulqdq=on"},
		{"<cpu><model>kvm64</model><feature policy='force' name='lahf_lm'/>"
		 "<feature policy='forbid' name='pni'/></cpu>",
		 "kvm64,lahf-lm=on,pni=off"},
		/* no part of a definition, or nothing that libvirt passes */
		{"<cpu><model>kvm64</model><feature policy='require' name='hypervisor'/>"
		 "<feature policy='require' name='ht'/><feature policy='disable' name='osxsave'/>"
		 "<feature policy='optional' name='aes'/></cpu>",
		 "kvm64"},
		{"<cpu><model>kvm64</model><feature policy='require' name='tomorrow'/></cpu>",
		 NULL},
		{"<cpu><model>kvm64,pni=off</model></cpu>", NULL},
		{"<cpu mode='host-passthrough'/>", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_domain_ struct domain d = {0};
		_cleanup_text_ struct text xml = {0}, out = {0};
		struct error err = {0};

		text_addf(&xml, "<domain type='kvm'><name>a</name>%s</domain>", cases[i].cpu);
		if (!CHECK(domain_read(&d, xml.data, xml.len, "a", NULL) == 0))
			continue;
		if (cases[i].argument) {
			CHECK(native_argument(&out, &d, &err) == 0);
			CHECK_STR(out.data, cases[i].argument);
		} else {
			CHECK(native_argument(&out, &d, &err) < 0 && *err.what);
		}
	}
}

static void test_machine_type(void)
{
	static char xml[] =
		"<domain><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>"
		"<devices><type machine='no'/></devices></domain>";
	_cleanup_domain_ struct domain d = {0};

	CHECK(domain_read(&d, xml, strlen(xml), "a", NULL) == 0);
	CHECK_STR(d.machine, "pc-i440fx-7.2");
}

/* A command line with spaces for its NULs; what is found points into @qemu. */
static int machine_of(struct machine *m, struct process *qemu, const char *args, struct error *err)
{
	_cleanup_text_ struct text line = {0};
	size_t len;

	text_addf(&line, "/usr/bin/qemu-system-x86_64 %s", args);
	len = line.len + 1;
	for (char *c = line.data; *c; c++)
		if (*c == ' ')
			*c = '\0';
	CHECK(process_take(qemu, steal_pointer(&line.data), len) == 0);
	return machine_read(m, qemu, err);
}

static void test_machine(void)
{
	static const struct {
		const char *args, *type, *accel, *cpu; /* type NULL: refused */
	} cases[] = {
		/* libvirt 9.0 */
		{"-name guest=a -machine pc-i440fx-7.2,usb=off,dump-guest-core=off -accel kvm -cpu "
		 "a,b=on",
		 "pc-i440fx-7.2", "kvm", "a,b=on"},
		/* libvirt 1.2 to 4 */
		{"-S -machine pc-i440fx-2.0,accel=tcg,usb=off -cpu Opteron_G1,-pse36",
		 "pc-i440fx-2.0", "tcg", "Opteron_G1,-pse36"},
		{"-machine pc-1.0,accel=kvm,usb=off -cpu a", "pc-1.0", "kvm", "a"},
		{"-M q35 -enable-kvm -cpu a", "q35", "kvm", "a"},
		{"--machine type=q35,accel=kvm --accel kvm --cpu a", "q35", "kvm", "a"},
		{"-machine q35 -accel tcg,thread=multi -cpu a -cpu b", "q35", "tcg", "b"},
		{"-machine q35,kernel_irqchip=split -accel kvm -cpu a -global "
		 "kvm-pit.lost_tick_policy=delay",
		 "q35", "kvm", "a"},
		{"-M usb=off,type=q35 -accel accel=tcg -cpu a", "q35", "tcg", "a"},
		{"-machine q35,firmware=/x,,accel=kvm,accel=tcg -cpu a", "q35", "tcg", "a"},
		{"-machine q35 -accel tcg -cpu a -set device.x.y=1 -device e1000,id=x", "q35",
		 "tcg", "a"},
		{"-machine q35 -machine accel=tcg -cpu a", "q35", "tcg", "a"},
		/* other options' values, and no option's */
		{"-name -cpu -machine q35 -accel tcg -cpu a -append -cpu", "q35", "tcg", "a"},
		{"-append -enable-kvm -M q35 -accel tcg -cpu a -name -readconfig disk -S", "q35",
		 "tcg", "a"},
		{"cpu -M q35 -accel tcg -cpu a -snapshot -cpu b disk", "q35", "tcg", "b"},
		{"-M q35 -accel tcg -cpu a -cpu", "q35", "tcg", "a"},
		{"-M q35 -accel tcg -cpu -global -global x.y=z", "q35", "tcg", "-global"},
		/* nothing to go by */
		{"-machine q35 -cpu a", NULL, NULL, NULL},
		{"-accel tcg -cpu a", NULL, NULL, NULL},
		{"-machine q35 -accel tcg", NULL, NULL, NULL},
		{"", NULL, NULL, NULL},
		{"-cpu", NULL, NULL, NULL},
		/* contradictions */
		{"-machine q35,accel=kvm:tcg -cpu a", NULL, NULL, NULL},
		{"-machine q35 -accel kvm -accel tcg -cpu a", NULL, NULL, NULL},
		{"-machine q35 -M pc -accel tcg -cpu a", NULL, NULL, NULL},
		{"-machine q35 -accel whpx -cpu a", NULL, NULL, NULL},
		/* what else changes a CPU */
		{"-machine q35,kernel_irqchip=off -accel kvm -cpu a", NULL, NULL, NULL},
		{"-machine q35 -accel kvm,kernel-irqchip=off -cpu a", NULL, NULL, NULL},
		{"-machine q35 -accel tcg -cpu a -global kvm64-x86_64-cpu.pni=off", NULL, NULL,
		 NULL},
		{"-machine q35 -accel tcg -cpu a -global cpu.pni=off", NULL, NULL, NULL},
		{"-machine q35 -accel tcg -cpu a -global driver=cpu,property=pni,value=off", NULL,
		 NULL, NULL},
		{"-machine q35 -accel tcg -cpu a -readconfig /x", NULL, NULL, NULL},
		{"-machine q35 -accel tcg -cpu a --set x.y.z=1", NULL, NULL, NULL},
		{"-machine q35 -accel tcg -cpu a -device kvm64-x86_64-cpu,pni=off", NULL, NULL,
		 NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_process_ struct process qemu = {0};
		struct machine m;
		struct error err = {0};
		int r = machine_of(&m, &qemu, cases[i].args, &err);

		if (!CHECK((r == 0) == (cases[i].type != NULL)))
			printf("  %s\n", cases[i].args);
		if (r < 0) {
			CHECK(*err.what);
		} else {
			CHECK_STR(m.type, cases[i].type);
			CHECK_STR(m.accel, cases[i].accel);
			CHECK_STR(m.cpu, cases[i].cpu);
		}
	}
}

int main(void)
{
	test_argument();
	test_machine_type();
	test_machine();
	return check_done();
}
