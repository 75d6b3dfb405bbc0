/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"

#include <string.h>

#define LIBVIRT     "libvirt"
#define GUARD       "guard"
#define QEMU        "QEMU"
#define FILES       "files"
#define GUESTS      "guests"
#define DEFINITIONS "definitions"
#define KVM         "KVM"

/* clang-format off */
const struct condition conditions[] = {
	{LIBVIRT, "libvirt", "libvirt is installed, and has a CPU map", look_libvirt, {0}},
	{LIBVIRT, "index", "libvirt's map names cpushim's include exactly once", look_told,
	 {"libvirt", "removal"}},
	{LIBVIRT, "include", "the include has the models of the table", look_include,
	 {"libvirt", "table"}},
	{LIBVIRT, "map", "libvirt loads its CPU map as it is on disk", look_map,
	 {"libvirt", "index"}},
	{LIBVIRT, "answers", "the running libvirt answers", look_answers, {"libvirt"}},
	{LIBVIRT, "daemon", "the running libvirt was started after the map was changed last",
	 look_daemon, {"answers"}},
	{LIBVIRT, "models", "the running libvirt has the models", look_models,
	 {"table", "answers", "index"}},
	{LIBVIRT, "dropin", "systemd has cpushim look at the map before it starts libvirt",
	 look_dropin, {"libvirt", "removal"}},
	{LIBVIRT, "daemons", "one daemon of libvirt runs guests", look_daemons, {"answers"}},

	{GUARD, "hook", "libvirt has a hook for QEMU", look_told, {"libvirt"}},
	{GUARD, "hook-overwritten", "no other tool has written over cpushim's hook",
	 look_hook_overwritten, {"hook"}},
	{GUARD, "hook-ours", "the hook is cpushim's, or runs it", look_told,
	 {"hook", "hook-overwritten"}},
	{GUARD, "hook-executable", "the hook can be run", look_told, {"hook-ours"}},
	{GUARD, "hook-release", "the hook is of this release", look_hook_release, {"hook-ours"}},
	{GUARD, "hook-twice", "libvirt runs the hook once", look_told, {"hook"}},
	{GUARD, "hook-known", "the running libvirt knows that there is a hook", look_hook_known,
	 {"hook-executable", "answers"}},

	{QEMU, "wrapper", "cpushim's wrapper stands where the table's emulators are", look_wrapper,
	 {"libvirt", "table"}},
	{QEMU, "wrapper-release", "the wrapper is of this release", look_wrapper_release,
	 {"wrapper"}},
	{QEMU, "wrapper-lost", "no emulator has lost its wrapper", look_wrapper_lost, {"table"}},
	{QEMU, "real", "the real QEMU is behind each wrapper", look_told, {"table"}},
	{QEMU, "real-executable", "the real QEMU can be run by the user that libvirt runs it as",
	 look_real_executable, {"real"}},
	{QEMU, "real-answers", "the real QEMU answers in time", look_real_answers,
	 {"real-executable"}},
	{QEMU, "diversion", "dpkg puts QEMU's files behind the wrapper", look_diversion,
	 {"wrapper"}},
	{QEMU, "qemu-table", "the table was made from the QEMU that is there", look_told,
	 {"table", "real-answers"}},
	{QEMU, "probe", "libvirt has probed QEMU since, and found the models", look_probe,
	 {"table", "wrapper"}},
	{QEMU, "default-emulator", "the QEMU that libvirt takes by itself has the wrapper",
	 look_default_emulator, {"wrapper"}},
	{QEMU, "domain-emulators", "the emulator of each domain with a site model has the wrapper",
	 look_domain_emulators, {"table"}},

	{FILES, "table", "the table of models can be read, and is whole", look_table, {0}},
	{FILES, "command", "the command that the hook runs is there", look_told, {"libvirt"}},
	{FILES, "proxy", "the program that answers libvirt's probe is there", look_told,
	 {"libvirt"}},
	{FILES, "table-readable", "QEMU's user may read the table", look_readable, {"table"}},
	{FILES, "proxy-readable", "QEMU's user may run qmp-proxy", look_readable, {"proxy"}},
	{FILES, "command-readable", "QEMU's user may run the command", look_readable, {"command"}},
	{FILES, "owners", "cpushim's files belong to root", look_owners, {0}},
	{FILES, "modes", "nobody else may write cpushim's files", look_modes, {0}},
	{FILES, "release", "the table was written by this release", look_release, {"table"}},
	{FILES, "receipt", "what was done to this node is written down", look_receipt, {0}},
	{FILES, "files", "what was put on this node is as it was put", look_files,
	 {"receipt", "removal"}},
	{FILES, "usr", "the table can be written", look_usr, {0}},
	{FILES, "leftovers", "nothing is left of work that was interrupted", look_leftovers, {0}},
	{FILES, "removal", "cpushim isn't being removed", look_removal, {0}},
	{FILES, "apparmor", "AppArmor lets guests run the real QEMU", look_apparmor, {"table"}},
	{FILES, "selinux", "SELinux takes wrapper and QEMU for QEMU", look_selinux, {"table"}},
	{FILES, "denials", "neither has denied anything to cpushim since yesterday", look_denials,
	 {0}},

	{GUESTS, "guests-restart", "libvirt can be restarted without harm to a guest",
	 look_guests_restart, {"libvirt", "table"}},
	{GUESTS, "guests-meaning", "guests with a site model run what its name means",
	 look_guests_meaning, {"table"}},
	{GUESTS, "guests-before", "no guest runs that was started before cpushim came",
	 look_guests_before, {"table"}},
	{GUESTS, "defined-gone", "each defined guest's model is there", look_defined_gone,
	 {"table"}},
	{GUESTS, "saved-gone", "each saved guest's model is there", look_saved_gone, {"table"}},
	{GUESTS, "saved-before", "no guest was saved before cpushim came", look_saved_before,
	 {"table"}},

	{DEFINITIONS, "published", "what the names mean to guests is written down",
	 look_published, {0}},
	{DEFINITIONS, "def-unreadable", "each definition can be read", look_definitions,
	 {"published", "real-answers"}},
	{DEFINITIONS, "def-doubled", "each name is defined once", look_definitions,
	 {"published", "real-answers"}},
	{DEFINITIONS, "def-shipped", "libvirt and QEMU have no model of a site's name",
	 look_shipped, {"published", "real-answers"}},
	{DEFINITIONS, "def-refused", "no definition is refused for another reason",
	 look_definitions, {"published", "real-answers"}},
	{DEFINITIONS, "compiled", "the table has what the definitions say", look_compiled,
	 {"table", "published", "real-answers"}},

	{KVM, "kvm", "there is a KVM", look_kvm, {0}},
	{KVM, "kvm-open", "QEMU's user may use KVM", look_kvm_open, {"kvm"}},
	{KVM, "kvm-faithful", "KVM hides the host's CPU from guests", look_kvm_faithful,
	 {"kvm-open", "table", "real-answers"}},

	{NOVA_GROUP, "nova-conf", "nova's configuration names models of this node", look_nova_conf,
	 {"table"}},
	{NOVA_GROUP, "nova-names", "libvirt lists them", look_nova_names, {"answers", "table"}},
	{NOVA_GROUP, "nova-compare", "libvirt says that this host has them", look_nova_compare,
	 {"nova-names"}},
	{NOVA_GROUP, "nova-baseline", "libvirt tells their features", look_nova_baseline,
	 {"nova-names"}},
};
/* clang-format on */
const size_t n_conditions = ARRAY_SIZE(conditions);

enum weight finding_weight(const struct finding *f)
{
	enum weight worst = WEIGHT_HOLDS;

	for (size_t i = 0; i < f->faults.n; i++)
		if (f->faults.item[i].weight > worst)
			worst = f->faults.item[i].weight;
	return f->faults.lost && worst < WEIGHT_UNKNOWN ? WEIGHT_UNKNOWN : worst;
}

void look_told(struct checkup *c, const struct condition *it, struct faults *f)
{
	for (size_t i = 0; i < c->told.n; i++) {
		const struct fault *fault = &c->told.item[i];

		if (strcmp(fault->id, it->id) != 0)
			continue;
		fault_add(f, it->id, fault->weight, "%s", fault->what);
		if (fault->cure)
			fault_cure(f, "%s", fault->cure);
	}
}

static struct finding *find(struct finding *findings, const char *id)
{
	size_t i = 0;

	while (strcmp(conditions[i].id, id) != 0)
		i++;
	return &findings[i];
}

/* Looks at a condition, unless one that it needs doesn't hold. */
static void look_at(struct checkup *c, struct finding *findings, struct finding *it)
{
	const struct condition *condition = it->condition;

	if (it->looked)
		return;
	it->looked = true;
	for (size_t i = 0; i < NEEDS_MAX && condition->needs[i]; i++) {
		struct finding *need = find(findings, condition->needs[i]);

		look_at(c, findings, need);
		if (finding_weight(need) == WEIGHT_HOLDS)
			continue;
		fault_add(&it->faults, condition->id, WEIGHT_SKIPPED, "not looked at, as %s %s",
			  condition->needs[i],
			  finding_weight(need) == WEIGHT_SKIPPED ? "wasn't" : "isn't right");
		return;
	}
	condition->look(c, condition, &it->faults);
}

void conditions_look(struct checkup *c, bool nova, struct finding *findings)
{
	for (size_t i = 0; i < n_conditions; i++)
		findings[i] = (struct finding){.condition = &conditions[i]};
	for (size_t i = 0; i < n_conditions; i++)
		if ((strcmp(conditions[i].group, NOVA_GROUP) == 0) == nova)
			look_at(c, findings, &findings[i]);
}

void findings_free(struct finding *findings)
{
	for (size_t i = 0; i < n_conditions; i++)
		faults_free(&findings[i].faults);
}
