# SPDX-License-Identifier: Apache-2.0
sbin_PROGRAMS += tor-agent/tsn-tor-agent
tor_agent_tsn_tor_agent_SOURCES = \
	tor-agent/bridge-config.c \
	tor-agent/bridge-down.c \
	tor-agent/bridge-up.c \
	tor-agent/listen.c \
	tor-agent/listen.h \
	tor-agent/tor-agent.c \
	tor-agent/tor-private.h \
	tor-agent/tor.c \
	tor-agent/tor.h
tor_agent_tsn_tor_agent_LDADD = ovsdb-client/libovc.a xmpp/libxmpp.a \
	$(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_tor_bridge_down
tests_unit_test_tor_bridge_down_SOURCES = \
	tests/unit/test_tor_bridge_down.c \
	tor-agent/bridge-down.c
tests_unit_test_tor_bridge_down_LDADD = xmpp/libxmpp.a $(BASE_LIBS) \
	$(TEST_LIBS)
endif
