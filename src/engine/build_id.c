/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/build_id.h"

#include <elf.h>
#include <link.h>
#include <sys/stat.h>

struct search {
	uintptr_t address;
	struct strbuf *out;
};

static bool contains(const struct dl_phdr_info *object, uintptr_t address)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && address >= start && address - start < segment->p_memsz)
			return true;
	}
	return false;
}

static size_t padded(size_t size, size_t alignment)
{
	return (size + alignment - 1) / alignment * alignment;
}

/* Look for the note with the build id in a segment of notes. */
static bool write_note(const char *notes, size_t size, size_t alignment, struct strbuf *out)
{
	alignment = alignment == 8 ? 8 : 4;
	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)notes;
		size_t name_size = padded(sizeof *note + note->n_namesz, alignment);
		size_t note_size = padded(name_size + note->n_descsz, alignment);

		if (name_size + note->n_descsz > size)
			return false;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(note + 1, "GNU", 4) == 0) {
			for (size_t i = 0; i < note->n_descsz; i++)
				strbuf_printf(out, "%02x", (unsigned char)notes[name_size + i]);
			return true;
		}
		note_size = note_size < size ? note_size : size;
		notes += note_size;
		size -= note_size;
	}
	return false;
}

static bool write_build_id(const struct dl_phdr_info *object, struct strbuf *out)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		if (segment->p_type == PT_NOTE && write_note((const char *)(object->dlpi_addr + segment->p_vaddr),
		                                             segment->p_memsz, segment->p_align, out))
			return true;
	}
	return false;
}

static void write_file(const char *path, struct strbuf *out)
{
	struct stat status = { 0 };

	(void)stat(path, &status); /* a file that is gone is told by its name alone */
	strbuf_printf(out, "%s:%lld:%lld.%09ld", path, (long long)status.st_size, (long long)status.st_mtim.tv_sec,
	              status.st_mtim.tv_nsec);
}

static int look_at(struct dl_phdr_info *object, size_t size, void *data)
{
	struct search *search = data;

	(void)size;
	if (!contains(object, search->address))
		return 0;
	if (!write_build_id(object, search->out))
		write_file(object->dlpi_name[0] ? object->dlpi_name : "/proc/self/exe", search->out);
	return 1;
}

void build_id_of(const void *address, struct strbuf *out)
{
	struct search search = { (uintptr_t)address, out };

	if (dl_iterate_phdr(look_at, &search) == 0)
		write_file("/proc/self/exe", out);
}
