/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/process_frame.h"

#include <errno.h>
#include <sys/socket.h>

static bool send_all(int socket, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		at += sent;
		size -= (size_t)sent;
	}
	return true;
}

bool frame_send(int socket, enum frame_kind kind, uint32_t detail, struct str text)
{
	struct frame_head head = { .kind = kind, .detail = detail, .length = text.length };

	return send_all(socket, &head, sizeof head) && send_all(socket, text.data, text.length);
}

bool frame_next(struct str bytes, size_t max_bytes, size_t *used, struct frame_head *head, struct str *text,
                bool *wrong)
{
	const char *at = bytes.data + *used;
	size_t left = bytes.length - *used;

	if (left < sizeof *head)
		return false;
	memcpy(head, at, sizeof *head);
	*wrong = head->kind < FRAME_LOG || head->kind > FRAME_OUT_OF_MEMORY || head->length > max_bytes;
	if (*wrong || left - sizeof *head < head->length)
		return false;
	*text = (struct str){ at + sizeof *head, head->length };
	*used += sizeof *head + head->length;
	return true;
}
