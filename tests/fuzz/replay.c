/* SPDX-License-Identifier: Apache-2.0 */
/* All of the corpus, and random pieces from a fixed seed; with a file: that file. */
#include <dirent.h>

#include "cpumap/core/util.h"
#include "tests/unit/check.h"
#include "domain.h"

#define CORPUS "tests/fuzz/corpus/domain"
#define ROUNDS 20000
#define PIECES 24

static void replay(const char *path)
{
	_cleanup_free_ char *data = NULL;
	const char *what;
	size_t len;

	if (!CHECK(file_read(path, TRUST_ANY, 16 << 20, &data, &len, NULL) == 0))
		return;
	what = domain_difference((const uint8_t *)data, len);
	if (!CHECK(!what))
		printf("  %s: %s\n", path, what);
}

static void replay_corpus(void)
{
	DIR *dir = opendir(CORPUS);
	struct dirent *entry;

	if (!CHECK(dir != NULL))
		return;
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (entry->d_name[0] != '.' && asprintf(&path, CORPUS "/%s", entry->d_name) > 0)
			replay(path);
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

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1) {
		replay_corpus();
		replay_random();
	}
	return check_done();
}
