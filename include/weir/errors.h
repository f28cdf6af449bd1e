/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/errors.h - every error code of Weir, in one list.
 *
 * A function that can fail returns an int: 0, or one of these negative codes. The list gives a code its number (part of
 * the ABI: never reused), its text, the HTTP status with which the server answers it, and the exit status with which a
 * program ends on it (numbers as in sysexits.h where one fits). Nothing else is in this header, so any layer may include it.
 */
#ifndef WEIR_ERRORS_H
#define WEIR_ERRORS_H

#define WEIR_ERROR_LIST(X)                                                                                             \
	/* name, number, text, HTTP status, exit status */                                                             \
	X(WEIR_EINVAL, -1, "invalid argument", 422, 2)                                                                 \
	X(WEIR_ENOTFOUND, -2, "not found", 404, 1)                                                                     \
	X(WEIR_EEXISTS, -3, "already exists", 409, 1)                                                                  \
	X(WEIR_ECONFLICT, -4, "conflicts with the present state", 409, 1)                                              \
	X(WEIR_EFAILED, -5, "the run failed", 500, 1)                                                                  \
	X(WEIR_ECANCELED, -6, "canceled", 409, 130)                                                                    \
	X(WEIR_ETIMEDOUT, -7, "timed out", 408, 124)                                                                   \
	X(WEIR_EAGAIN, -8, "not yet", 503, 75)                                                                         \
	X(WEIR_EBUSY, -9, "busy", 503, 75)                                                                             \
	X(WEIR_ELIMIT, -10, "over a limit", 413, 1)                                                                    \
	X(WEIR_ENOMEM, -11, "out of memory", 500, 71)                                                                  \
	X(WEIR_ENOSPC, -12, "no space left on the device", 507, 74)                                                    \
	X(WEIR_EIO, -13, "input or output error", 500, 74)                                                             \
	X(WEIR_ECORRUPT, -14, "the database file is corrupt", 500, 74)                                                 \
	X(WEIR_EVERSION, -15, "made by a newer version of Weir", 500, 78)                                              \
	X(WEIR_EPERM, -16, "permission denied", 403, 77)                                                               \
	X(WEIR_ESYNTAX, -17, "not well-formed", 422, 65)                                                               \
	X(WEIR_EABANDONED, -18, "this attempt was given up by its run", 409, 1)                                        \
	X(WEIR_EINTERNAL, -19, "internal error", 500, 70)

/* The codes of the list; 0 is success. */
enum weir_error_code {
	WEIR_OK = 0,
#define WEIR_ERROR_ENUM(name, number, text, http, exit) name = number,
	WEIR_ERROR_LIST(WEIR_ERROR_ENUM)
#undef WEIR_ERROR_ENUM
};

#endif
