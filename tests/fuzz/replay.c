/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of the corpora, and random input from a fixed seed. test_replay FILE...: those files of a corpus, each
 * by the target whose folder it is in.
 */
#include <dirent.h>

#include "cpumap/core/util.h"
#include "tests/unit/check.h"
#include "domain.h"
#include "hosts.h"

#define CORPUS "tests/fuzz/corpus/"
#define ROUNDS 20000
#define PIECES 24

#define BROKEN_ROUNDS 60 /* of each sample */

struct target {
	const char *folder;
	const char *(*difference)(const uint8_t *data, size_t size);
};

static const struct target targets[] = {
	{CORPUS "domain", domain_difference},
	{CORPUS "read", hosts_difference},
};

static void replay_bytes(const struct target *t, const char *path, const char *data, size_t len)
{
	const char *what = t->difference((const uint8_t *)data, len);

	if (!CHECK(!what))
		printf("  %s: %s\n", path, what);
}

static void replay(const struct target *t, const char *path)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	if (CHECK(file_read(path, TRUST_ANY, 16 << 20, &data, &len, NULL) == 0))
		replay_bytes(t, path, data, len);
}

/* Takes a line out, writes another one twice, or changes a byte. */
static void damage(struct text *out, const char *data, size_t len, unsigned int *seed)
{
	size_t at = (size_t)rand_r(seed) % len;
	const char *end = memchr(data + at, '\n', len - at);
	size_t line = end ? (size_t)(end - data) + 1 : len;
	char byte = (char)(rand_r(seed) % 96 + 32);

	text_add(out, data, at);
	switch (rand_r(seed) % 3) {
	case 0:
		text_add(out, data + line, len - line);
		break;
	case 1:
		text_add(out, data + at, line - at);
		text_add(out, data + at, len - at);
		break;
	default:
		text_add(out, &byte, 1);
		text_add(out, data + at + 1, len - at - 1);
	}
}

static void replay_damaged(const struct target *t, const char *path)
{
	_cleanup_free_ char *data = NULL;
	unsigned int seed = 64;
	size_t len;

	if (!CHECK(file_read(path, TRUST_ANY, 16 << 20, &data, &len, NULL) == 0 && len > 0))
		return;
	for (size_t round = 0; round < BROKEN_ROUNDS; round++) {
		_cleanup_text_ struct text once = {0}, twice = {0};

		damage(&once, data, len, &seed);
		if (!once.failed && once.len > 0)
			damage(&twice, once.data, once.len, &seed);
		replay_bytes(t, path, twice.data, twice.len);
	}
}

static void replay_corpus(const struct target *t,
			  void (*play)(const struct target *t, const char *path))
{
	DIR *dir = opendir(t->folder);
	struct dirent *entry;

	if (!CHECK(dir != NULL))
		return;
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (entry->d_name[0] != '.' &&
		    asprintf(&path, "%s/%s", t->folder, entry->d_name) > 0)
			play(t, path);
	}
	(void)closedir(dir);
}

static void replay_random(void)
{
	uint8_t data[1 + PIECES] = {DOMAIN_BY_PIECES};
	unsigned int seed = 64, bad = 0;

	for (size_t round = 0; round < ROUNDS; round++) {
		size_t n = 1 + (size_t)rand_r(&seed) % PIECES;

		for (size_t i = 1; i <= n; i++)
			data[i] = (uint8_t)rand_r(&seed);
		/* mostly in a domain's <cpu> */
		data[1] = round % 3 ? 60 : data[1];
		data[2] = round % 2 ? 2 : data[2];
		bad += domain_difference(data, 1 + n) != NULL;
	}
	CHECK(bad == 0);
}

static const struct target *target_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (strstr(path, strrchr(targets[i].folder, '/')))
			return &targets[i];
	return &targets[0];
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(target_of(argv[i]), argv[i]);
	if (argc > 1)
		return check_done();
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		replay_corpus(&targets[i], replay);
	replay_corpus(&targets[1], replay_damaged);
	replay_random();
	return check_done();
}
