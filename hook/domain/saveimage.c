/* SPDX-License-Identifier: Apache-2.0 */
#include "saveimage.h"

#include <fcntl.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"

/* struct _virQEMUSaveHeader (src/qemu/qemu_saveimage.h, 9.0; of this length since 0.9). The XML
 * follows, with a NUL at its end. */
struct save_header {
	char magic[16];
	uint32_t version;
	uint32_t data_len;
	uint32_t other[17];
};

char *saveimage_xml(const char *path, size_t *len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct save_header h;
	char *xml;

	if (fd < 0 || read(fd, &h, sizeof(h)) != sizeof(h) ||
	    strncmp(h.magic, "LibvirtQemud", strlen("LibvirtQemud")) != 0 || h.data_len == 0 ||
	    h.data_len > LIBVIRT_XML_LIMIT)
		return NULL;
	xml = calloc(1, (size_t)h.data_len + 1);
	if (xml && read(fd, xml, h.data_len) == (ssize_t)h.data_len) {
		*len = strlen(xml);
		return xml;
	}
	free(xml);
	return NULL;
}
