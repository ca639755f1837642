# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += xmpp/libxmpp.a
xmpp_libxmpp_a_SOURCES = \
	xmpp/conn.c \
	xmpp/conn.h \
	xmpp/graph.h \
	xmpp/route.h \
	xmpp/server.c \
	xmpp/server.h \
	xmpp/speaker-private.h \
	xmpp/speaker-rib.c \
	xmpp/speaker-want.c \
	xmpp/speaker.c \
	xmpp/speaker.h \
	xmpp/stanza.c \
	xmpp/stanza.h \
	xmpp/stream.c \
	xmpp/stream.h \
	xmpp/transport.c \
	xmpp/transport.h \
	xmpp/view.h \
	xmpp/xml.h
