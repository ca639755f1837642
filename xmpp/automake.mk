# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += xmpp/libxmpp.a
xmpp_libxmpp_a_SOURCES = \
	xmpp/conn.h \
	xmpp/graph.h \
	xmpp/route.h \
	xmpp/server.h \
	xmpp/speaker.h \
	xmpp/stanza.h \
	xmpp/stream.h \
	xmpp/view.h \
	xmpp/xml.h
