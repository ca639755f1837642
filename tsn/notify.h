/* SPDX-License-Identifier: Apache-2.0 */
/* Tells systemd about the state of the service, sd_notify(3). */
#ifndef TSN_NOTIFY_H
#define TSN_NOTIFY_H 1

/* Sends 'state' ("READY=1") to $NOTIFY_SOCKET, if there is one. */
void tsn_notify(const char *state);

#endif /* tsn/notify.h */
