/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to a libuv stream.  In the thread of the stream's loop. */
#ifndef TSN_SEND_H
#define TSN_SEND_H 1

#include <stddef.h>
#include <uv.h>

/* Bytes that had to be queued have left ('status' 0), or will not (a libuv
 * error, UV_ECANCELED for a stream that was closed). */
typedef void tsn_sent_fn(void *aux, int status);

/* Sends 'size' bytes; 'data' is the caller's again on return.  What the socket
 * does not take at once is copied and queued, and 'sent' called when that has
 * left; behind what is queued already all of it is.  Returns 0, or a libuv
 * error, after which 'sent' is not called; queued bytes show in the stream's
 * write_queue_size. */
int tsn_send(uv_stream_t *, const void *data, size_t size, tsn_sent_fn *sent,
             void *aux);

#endif /* tsn/send.h */
