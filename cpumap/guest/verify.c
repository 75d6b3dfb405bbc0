/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "cpumap/qemu/kvm.h"

/* Every KVM can give it, and every QEMU has it. */
#define PLAIN_MODEL "kvm64"

/* Fills diff and digest, and judges by them. */
static int judge(struct verify_answer *answer, const struct cpuid_dump *d)
{
	cpuid_diff_free(&answer->diff);
	answer->digest[0] = '\0';
	answer->vcpus = d->n;
	if (cpuid_compare(d, &answer->model, &answer->diff) < 0)
		return error_set(&answer->error, -ENOMEM, answer->model.name, 0, "out of memory");
	/* vCPUs that don't agree have no digest; the differences tell that */
	if (cpuid_digest(d, answer->digest, NULL) < 0)
		answer->digest[0] = '\0';
	answer->verdict = cpuid_diff_none(&answer->diff) ? VERDICT_EXACT : VERDICT_DIFFERS;
	return 0;
}

static struct guest_run run_of(const struct verify_request *request, const char *cpu,
			       unsigned int cpus)
{
	return (struct guest_run){
		.emulator = request->emulator,
		.guest = request->guest,
		.cpu = cpu,
		.accel = request->accel,
		.machine = request->machine,
		.cpus = cpus,
		.timeout_ms = request->timeout_ms,
	};
}

/* Here the definition is what QEMU says that it gives for plain kvm64, and a guest's reading must
 * meet it. */
int verify_plain(const struct guest_run *how, struct cpuid_diff *shown, struct error *err)
{
	_cleanup_cpuid_dump_ struct cpuid_dump read = {0}, words = {0};
	struct guest_run run = *how;
	struct guest_refusal refusal;
	struct model said = {.id = IDENTITY_NONE};
	int r;

	run.cpu = PLAIN_MODEL;
	run.cpus = 1;
	r = guest_words(&run, &words, err);
	if (r == 0)
		r = guest_read(&run, &read, &refusal, err);
	if (r < 0)
		return r;
	cpuid_identity(&words.cpu[0], &said.id);
	cpuid_features(&words.cpu[0], &said.features);
	if (cpuid_compare(&read, &said, shown) < 0)
		return error_set(err, -ENOMEM, PLAIN_MODEL, 0, "out of memory");
	return 0;
}

static int check_plain(const struct verify_request *request, struct verify_answer *answer)
{
	struct guest_run run = run_of(request, PLAIN_MODEL, 1);
	int r = kvm_usable(&answer->error);

	if (r == 0)
		r = verify_plain(&run, &answer->shown, &answer->error);
	if (r == 0)
		answer->shows_through = !cpuid_diff_none(&answer->shown);
	return r;
}

static int refused(struct verify_answer *answer, int r)
{
	if (r == -ENOTSUP)
		answer->verdict = VERDICT_REFUSED;
	return r;
}

/* Reads with each number of vCPUs. Stops at the first reading that isn't exact. */
static int read_all(const struct verify_request *request, struct verify_answer *answer)
{
	for (size_t i = 0; i < request->n_cpus; i++) {
		_cleanup_cpuid_dump_ struct cpuid_dump d = {0};
		struct guest_run run = run_of(request, request->row->cpu, request->cpus[i]);
		int r = guest_read(&run, &d, &answer->refusal, &answer->error);

		if (r < 0)
			return refused(answer, r);
		if (answer->shows_through)
			continue;
		r = judge(answer, &d);
		if (r < 0 || answer->verdict != VERDICT_EXACT)
			return r;
	}
	return 0;
}

static void judge_words(const struct verify_request *request, struct verify_answer *answer)
{
	_cleanup_cpuid_dump_ struct cpuid_dump words = {0};
	struct guest_run run = run_of(request, request->row->cpu, 1);
	int r = guest_words(&run, &words, &answer->error);

	if (r == 0)
		r = judge(answer, &words);
	answer->verdict = VERDICT_UNKNOWN;
	if (r == 0)
		error_set(&answer->error, -ENOTRECOVERABLE, answer->model.name, 0,
			  "this KVM lets the host's CPU show through (a guest of plain " PLAIN_MODEL
			  " doesn't read what QEMU gave it), so no guest can have exactly a "
			  "definition's CPU here, and what one reads proves nothing");
}

/* Takes the model from the row. A refused definition isn't tried. */
static int begin(const struct table_row *row, struct verify_answer *answer)
{
	*answer = (struct verify_answer){.verdict = VERDICT_UNKNOWN};
	if (!*row->refused)
		return model_of_row(&answer->model, row, &answer->error);
	answer->verdict = VERDICT_REFUSED;
	return error_set(&answer->error, -EINVAL, row->origin, 0, "%s", row->refused);
}

void verify_model(const struct verify_request *request, struct verify_answer *answer)
{
	int r = begin(request->row, answer);

	if (r == 0 && strcmp(request->accel, "kvm") == 0)
		r = check_plain(request, answer);
	if (r == 0)
		r = read_all(request, answer);
	if (r == 0 && answer->shows_through)
		judge_words(request, answer);
	else if (r < 0 && answer->verdict != VERDICT_REFUSED)
		answer->verdict = VERDICT_UNKNOWN;
}

/* microvm (QEMU 4.2 and later) has no BIOS to wait for. */
int verify_kvm(const char *real, struct cpuid_diff *shown, struct error *err)
{
	_cleanup_free_ char *guest = root_path(GUEST_PATH);
	struct guest_run run = {.emulator = real,
				.guest = guest,
				.accel = "kvm",
				.machine = "microvm",
				.timeout_ms = GUEST_TIMEOUT_MS};

	if (!guest)
		return error_set(err, -ENOMEM, GUEST_PATH, 0, "out of memory");
	if (verify_plain(&run, shown, err) == 0)
		return 0;
	run.machine = NULL;
	return verify_plain(&run, shown, err);
}

void verify_dump(const struct table_row *row, const struct cpuid_dump *d,
		 struct verify_answer *answer)
{
	if (begin(row, answer) == 0)
		(void)judge(answer, d);
}

void verify_free(struct verify_answer *answer)
{
	model_free(&answer->model);
	cpuid_diff_free(&answer->diff);
	cpuid_diff_free(&answer->shown);
}
