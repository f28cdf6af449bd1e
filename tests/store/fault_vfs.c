/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_vfs.h"

#include "base/base.h"

#include <pthread.h>
#include <sqlite3.h>

struct fault_file {
	sqlite3_file base;
	sqlite3_file *real; /* in the same memory, behind this */
};

static struct {
	pthread_mutex_t mutex;
	unsigned kinds;
	int code;
	int before; /* calls that still succeed */
	int times;  /* calls that then fail */
	int fired;
} fault = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void fault_arm(unsigned kinds, int code, int first, int times)
{
	pthread_mutex_lock(&fault.mutex);
	fault.kinds = kinds;
	fault.code = code;
	fault.before = first - 1;
	fault.times = times;
	fault.fired = 0;
	pthread_mutex_unlock(&fault.mutex);
}

int fault_disarm(void)
{
	int fired;

	pthread_mutex_lock(&fault.mutex);
	fault.times = 0;
	fired = fault.fired;
	pthread_mutex_unlock(&fault.mutex);
	return fired;
}

/* SQLITE_OK, or the error that the call is to give. */
static int next_call(unsigned kind)
{
	int code = SQLITE_OK;

	pthread_mutex_lock(&fault.mutex);
	if (fault.times > 0 && (fault.kinds & kind) && fault.before-- <= 0) {
		fault.before = 0;
		fault.times -= fault.times != FAULT_FOR_EVER;
		fault.fired++;
		code = fault.code;
	}
	pthread_mutex_unlock(&fault.mutex);
	return code;
}

/* --- The calls of a file --- */

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct fault_file *)(void *)file)->real;
}

static int write_file(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	sqlite3_file *real = real_of(file);
	int code = next_call(FAULT_WRITE);

	if (code == SQLITE_OK)
		return real->pMethods->xWrite(real, data, size, offset);
	(void)real->pMethods->xWrite(real, data, size / 2, offset);
	return code;
}

static int sync_file(sqlite3_file *file, int flags)
{
	int code = next_call(FAULT_SYNC);

	return code == SQLITE_OK ? real_of(file)->pMethods->xSync(real_of(file), flags) : code;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size)
{
	int code = next_call(FAULT_TRUNCATE);

	return code == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : code;
}

static int close_file(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int read_file(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
	return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int check_reserved_lock(sqlite3_file *file, int *result)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int device_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int map_shared(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, out);
}

static int lock_shared(sqlite3_file *file, int offset, int count, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int unmap_shared(sqlite3_file *file, int erase)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), erase);
}

/* Version 2: without memory-mapped reading. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = close_file,
	.xRead = read_file,
	.xWrite = write_file,
	.xTruncate = truncate_file,
	.xSync = sync_file,
	.xFileSize = file_size,
	.xLock = lock,
	.xUnlock = unlock,
	.xCheckReservedLock = check_reserved_lock,
	.xFileControl = file_control,
	.xSectorSize = sector_size,
	.xDeviceCharacteristics = device_characteristics,
	.xShmMap = map_shared,
	.xShmLock = lock_shared,
	.xShmBarrier = barrier,
	.xShmUnmap = unmap_shared,
};

/* --- The layer --- */

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
	struct fault_file *file = (struct fault_file *)(void *)base;
	sqlite3_vfs *real = vfs->pAppData;
	int code;

	file->real = (sqlite3_file *)(void *)(file + 1);
	code = real->xOpen(real, name, file->real, flags, out_flags);
	/* A file that failed to open is closed only when it has methods. */
	file->base.pMethods = file->real->pMethods ? &methods : NULL;
	return code;
}

void fault_vfs_register(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	if (vfs.zName)
		return;
	vfs = *real; /* all but opening works as it does there */
	vfs.pNext = NULL;
	vfs.zName = FAULT_VFS;
	vfs.pAppData = real;
	vfs.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
	vfs.xOpen = open_file;
	sqlite3_vfs_register(&vfs, 0);
}
