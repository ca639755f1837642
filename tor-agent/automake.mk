# SPDX-License-Identifier: Apache-2.0
sbin_PROGRAMS += tor-agent/tsn-tor-agent

# What becomes of MACs; with it, ToRs in their threads.
bridge_sources = \
	tor-agent/bridge-config.c \
	tor-agent/bridge-down.c \
	tor-agent/bridge-flood.c \
	tor-agent/bridge-mac.c \
	tor-agent/bridge-up.c \
	tor-agent/bridge.c \
	tor-agent/moves.c \
	tor-agent/tor-private.h
fleet_sources = \
	$(bridge_sources) \
	tor-agent/bridge-show.c \
	tor-agent/fleet-ask.c \
	tor-agent/fleet-private.h \
	tor-agent/fleet.c \
	tor-agent/fleet.h \
	tor-agent/tor-status.c \
	tor-agent/tor.c \
	tor-agent/tor.h

tor_agent_tsn_tor_agent_SOURCES = \
	$(fleet_sources) \
	tor-agent/commands.c \
	tor-agent/commands.h \
	tor-agent/listen-private.h \
	tor-agent/listen-show.c \
	tor-agent/listen.c \
	tor-agent/listen.h \
	tor-agent/reload.c \
	tor-agent/reload.h \
	tor-agent/remotes.c \
	tor-agent/remotes.h \
	tor-agent/tor-agent.c
tor_agent_tsn_tor_agent_LDADD = ovsdb-client/libovc.a xmpp/libxmpp.a \
	$(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_tor_reload
tests_unit_test_tor_reload_SOURCES = tests/unit/test_tor_reload.c \
	tor-agent/reload.c
tests_unit_test_tor_reload_LDADD = $(BASE_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/unit/test_tor_remotes
tests_unit_test_tor_remotes_SOURCES = tests/unit/test_tor_remotes.c \
	tor-agent/remotes.c
tests_unit_test_tor_remotes_LDADD = $(BASE_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/unit/test_tor_fleet
tests_unit_test_tor_fleet_SOURCES = tests/unit/test_tor_fleet.c \
	$(fleet_sources)
tests_unit_test_tor_fleet_LDADD = ovsdb-client/libovc.a xmpp/libxmpp.a \
	$(BASE_LIBS) $(TEST_LIBS)
check_PROGRAMS += tests/unit/test_tor_status
tests_unit_test_tor_status_SOURCES = tests/unit/test_tor_status.c \
	tor-agent/tor-status.c $(ovc_rig_sources)
tests_unit_test_tor_status_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_tor_status_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
$(tests_unit_test_tor_status_OBJECTS): tests/unit/vtep-idl.h
check_PROGRAMS += tests/unit/test_tor_bridge tests/unit/test_tor_moves \
	tests/unit/test_tor_standby
tor_rig_sources = \
	$(bridge_sources) \
	tests/unit/tor_rig.c \
	tests/unit/tor_rig.h
tests_unit_test_tor_bridge_SOURCES = tests/unit/test_tor_bridge.c \
	$(tor_rig_sources)
tests_unit_test_tor_bridge_LDADD = xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_tor_moves_SOURCES = tests/unit/test_tor_moves.c \
	$(tor_rig_sources)
tests_unit_test_tor_moves_LDADD = xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_tor_standby_SOURCES = tests/unit/test_tor_standby.c \
	$(tor_rig_sources)
tests_unit_test_tor_standby_LDADD = xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)
endif
