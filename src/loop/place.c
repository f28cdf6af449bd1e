/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/place.h"

#include <link.h>
#include <stdio.h>

/* Does the object have this offset in memory? */
static bool has_offset(const struct dl_phdr_info *object, uint64_t offset)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && offset >= segment->p_vaddr &&
		    offset - segment->p_vaddr < segment->p_memsz)
			return true;
	}
	return false;
}

static void write_hex(const unsigned char *bytes, size_t size, char *out, size_t room)
{
	for (size_t i = 0; i < size && 2 * i + 2 < room; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* Look for the build's id among the notes of a segment. */
static void read_notes(const char *notes, size_t size, char *out, size_t room)
{
	while (size >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) head;
		size_t name_size, whole;

		memcpy(&head, notes, sizeof head);
		name_size = (head.n_namesz + 3U) & ~3U;
		whole = sizeof head + name_size + ((head.n_descsz + 3U) & ~3U);
		if (whole > size)
			return;
		if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof "GNU" &&
		    memcmp(notes + sizeof head, "GNU", sizeof "GNU") == 0) {
			write_hex((const unsigned char *)notes + sizeof head + name_size, head.n_descsz, out, room);
			return;
		}
		notes += whole;
		size -= whole;
	}
}

static void read_build_id(const struct dl_phdr_info *object, char *out, size_t room)
{
	out[0] = '\0';
	for (size_t i = 0; i < object->dlpi_phnum && !out[0]; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		if (segment->p_type == PT_NOTE)
			read_notes((const char *)(object->dlpi_addr + segment->p_vaddr), segment->p_memsz, out, room);
	}
}

struct search {
	uintptr_t address;
	struct place *found;
};

static int look_for_address(struct dl_phdr_info *object, size_t size, void *data)
{
	struct search *search = data;
	uint64_t offset = search->address - object->dlpi_addr;

	(void)size;
	if (!has_offset(object, offset))
		return 0;
	search->found->offset = offset;
	snprintf(search->found->object, sizeof search->found->object, "%s", object->dlpi_name);
	read_build_id(object, search->found->build_id, sizeof search->found->build_id);
	return 1;
}

bool place_find(const void *address, struct place *out)
{
	struct search search = { .address = (uintptr_t)address, .found = out };

	*out = (struct place){ 0 };
	return dl_iterate_phdr(look_for_address, &search) != 0;
}

struct lookup {
	const struct place *place;
	const void *address;
};

static int look_for_object(struct dl_phdr_info *object, size_t size, void *data)
{
	struct lookup *lookup = data;
	char build_id[sizeof lookup->place->build_id];

	(void)size;
	read_build_id(object, build_id, sizeof build_id);
	if (strcmp(build_id, lookup->place->build_id) != 0 ||
	    (!build_id[0] && strcmp(object->dlpi_name, lookup->place->object) != 0) ||
	    !has_offset(object, lookup->place->offset))
		return 0;
	lookup->address = (const void *)(uintptr_t)(object->dlpi_addr + lookup->place->offset);
	return 1;
}

const void *place_address(const struct place *place)
{
	struct lookup lookup = { .place = place };

	dl_iterate_phdr(look_for_object, &lookup);
	return lookup.address;
}
