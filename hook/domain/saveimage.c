/* SPDX-License-Identifier: Apache-2.0 */
#include "saveimage.h"

#include <errno.h>
#include <fcntl.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"

/* struct _virQEMUSaveHeader (src/qemu/qemu_saveimage.h, 9.0; of this length since 0.9). The XML
 * follows, with a NUL at its end, and where cookie_at isn't 0 so does the cookie, that far behind the header. */
struct save_header {
	char magic[16];
	uint32_t version;
	uint32_t data_len;
	uint32_t was_running, compressed;
	uint32_t cookie_at;
	uint32_t unused[14];
};

/* What is behind the header, and a NUL; allocated. */
static char *read_data(const char *path, struct save_header *header)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *data;

	if (fd < 0 || read(fd, header, sizeof(*header)) != sizeof(*header) ||
	    strncmp(header->magic, "LibvirtQemud", strlen("LibvirtQemud")) != 0 ||
	    header->data_len == 0 || header->data_len > LIBVIRT_XML_LIMIT)
		return NULL;
	data = calloc(1, (size_t)header->data_len + 1);
	if (data && read(fd, data, header->data_len) == (ssize_t)header->data_len)
		return data;
	free(data);
	return NULL;
}

int saveimage_read(struct domain *d, char **text, const char *path)
{
	struct save_header h;
	bool has_cookie;

	*d = (struct domain){0};
	*text = read_data(path, &h);
	if (!*text)
		return -ENOENT;
	has_cookie = h.cookie_at > 0 && h.cookie_at < h.data_len;
	return domain_read_saved(d, *text, has_cookie ? *text + h.cookie_at : NULL, path, NULL);
}
