# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += xmpp/libxmpp.a
xmpp_libxmpp_a_SOURCES = \
	xmpp/backoff.c \
	xmpp/backoff.h \
	xmpp/conn.c \
	xmpp/conn.h \
	xmpp/graph-private.h \
	xmpp/graph-props.c \
	xmpp/graph-props.h \
	xmpp/graph.c \
	xmpp/graph.h \
	xmpp/inet.c \
	xmpp/inet.h \
	xmpp/merit.c \
	xmpp/merit.h \
	xmpp/names.c \
	xmpp/names.h \
	xmpp/rib-path.c \
	xmpp/rib-path.h \
	xmpp/route-id.c \
	xmpp/route-more.c \
	xmpp/repair.c \
	xmpp/repair.h \
	xmpp/route-private.h \
	xmpp/route-put.c \
	xmpp/route.c \
	xmpp/route.h \
	xmpp/server.c \
	xmpp/server.h \
	xmpp/speaker-host.c \
	xmpp/speaker-inet.c \
	xmpp/speaker-private.h \
	xmpp/speaker-restart.c \
	xmpp/speaker-rib-held.c \
	xmpp/speaker-rib.c \
	xmpp/speaker-tree-join.c \
	xmpp/speaker-tree-label.c \
	xmpp/speaker-tree-private.h \
	xmpp/speaker-tree.c \
	xmpp/speaker-want.c \
	xmpp/speaker.c \
	xmpp/speaker.h \
	xmpp/stanza.c \
	xmpp/stanza.h \
	xmpp/stream.c \
	xmpp/stream.h \
	xmpp/transport.c \
	xmpp/transport.h \
	xmpp/value.c \
	xmpp/value.h \
	xmpp/view-array.c \
	xmpp/view-dirty.c \
	xmpp/view-global.c \
	xmpp/view-ipam.c \
	xmpp/view-network.c \
	xmpp/view-port.c \
	xmpp/view-private.h \
	xmpp/view-value.c \
	xmpp/view.c \
	xmpp/view.h \
	xmpp/xml-plain.c \
	xmpp/xml-private.h \
	xmpp/xml-put.h \
	xmpp/xml.c \
	xmpp/xml.h

XMPP_TEST_LIBS = xmpp/libxmpp.a $(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_xmpp_backoff \
	tests/unit/test_xmpp_conn \
	tests/unit/test_xmpp_conn_tls \
	tests/unit/test_xmpp_graph \
	tests/unit/test_xmpp_inet \
	tests/unit/test_xmpp_names \
	tests/unit/test_xmpp_peers \
	tests/unit/test_xmpp_repair \
	tests/unit/test_xmpp_rib \
	tests/unit/test_xmpp_merit \
	tests/unit/test_xmpp_route \
	tests/unit/test_xmpp_route_memory \
	tests/unit/test_xmpp_session \
	tests/unit/test_xmpp_speaker \
	tests/unit/test_xmpp_speaker_host \
	tests/unit/test_xmpp_speaker_restart \
	tests/unit/test_xmpp_speaker_tree \
	tests/unit/test_xmpp_stream \
	tests/unit/test_xmpp_transport \
	tests/unit/test_xmpp_view \
	tests/unit/test_xmpp_view_random \
	tests/unit/test_xmpp_view_types \
	tests/unit/test_xmpp_xml \
	tests/unit/test_xmpp_xml_plain \
	tests/unit/test_xmpp_xml_put \
	tests/wire/test_client_replay \
	tests/wire/test_wire_client \
	tests/wire/test_wire_restart \
	tests/wire/test_wire_speaker

ROUTE_VECTORS = \
	tests/unit/route-vectors-table.c \
	tests/unit/route-vectors.c \
	tests/unit/route-vectors.h

tests_unit_test_xmpp_backoff_SOURCES = tests/unit/test_xmpp_backoff.c
tests_unit_test_xmpp_backoff_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_conn_SOURCES = tests/unit/test_xmpp_conn.c
tests_unit_test_xmpp_conn_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_conn_tls_SOURCES = \
	$(PKI_SOURCES) \
	tests/unit/test_xmpp_conn_tls.c \
	tests/wire/recording.c \
	tests/wire/recording.h
tests_unit_test_xmpp_conn_tls_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_graph_SOURCES = \
	tests/unit/test_xmpp_graph.c \
	tests/unit/xmpp-config.h
tests_unit_test_xmpp_graph_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_inet_SOURCES = \
	$(ROUTE_VECTORS) \
	tests/unit/test_xmpp_inet.c
tests_unit_test_xmpp_inet_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_names_SOURCES = tests/unit/test_xmpp_names.c
tests_unit_test_xmpp_names_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_peers_SOURCES = tests/unit/test_xmpp_peers.c
tests_unit_test_xmpp_peers_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_repair_SOURCES = tests/unit/test_xmpp_repair.c
tests_unit_test_xmpp_repair_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_rib_SOURCES = tests/unit/test_xmpp_rib.c
tests_unit_test_xmpp_rib_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_merit_SOURCES = tests/unit/test_xmpp_merit.c
tests_unit_test_xmpp_merit_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)
tests_unit_test_xmpp_route_SOURCES = \
	$(ROUTE_VECTORS) \
	tests/unit/test_xmpp_route.c
tests_unit_test_xmpp_route_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

# What it links asks for memory, and gives up, through the test.
tests_unit_test_xmpp_route_memory_SOURCES = \
	$(ROUTE_VECTORS) \
	tests/unit/test_xmpp_route_memory.c
tests_unit_test_xmpp_route_memory_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=abort
tests_unit_test_xmpp_route_memory_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_session_SOURCES = \
	tests/unit/test_xmpp_session.c \
	tests/wire/fake_node.c \
	tests/wire/fake_node.h
tests_unit_test_xmpp_session_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_speaker_SOURCES = tests/unit/test_xmpp_speaker.c
tests_unit_test_xmpp_speaker_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_speaker_host_SOURCES = \
	tests/unit/speaker_rig.h \
	tests/unit/test_xmpp_speaker_host.c
tests_unit_test_xmpp_speaker_host_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_speaker_restart_SOURCES = \
	tests/unit/speaker_rig.h \
	tests/unit/test_xmpp_speaker_restart.c \
	tests/unit/xmpp-config.h
tests_unit_test_xmpp_speaker_restart_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_speaker_tree_SOURCES = \
	tests/unit/test_xmpp_speaker_tree.c \
	tests/unit/tree_rig.h
tests_unit_test_xmpp_speaker_tree_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_stream_SOURCES = tests/unit/test_xmpp_stream.c
tests_unit_test_xmpp_stream_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_transport_SOURCES = \
	$(PKI_SOURCES) \
	tests/unit/test_xmpp_transport.c
tests_unit_test_xmpp_transport_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_view_SOURCES = \
	tests/unit/test_xmpp_view.c \
	tests/unit/xmpp-config.h
tests_unit_test_xmpp_view_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_view_random_SOURCES = \
	tests/unit/test_xmpp_view_random.c \
	tests/unit/xmpp-config.h \
	tests/unit/xmpp-view-dump.h
tests_unit_test_xmpp_view_random_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_view_types_SOURCES = \
	tests/unit/test_xmpp_view_types.c \
	tests/unit/xmpp-config.h \
	tests/unit/xmpp-view-dump.h
tests_unit_test_xmpp_view_types_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_xml_SOURCES = tests/unit/test_xmpp_xml.c
tests_unit_test_xmpp_xml_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_xml_plain_SOURCES = tests/unit/test_xmpp_xml_plain.c
tests_unit_test_xmpp_xml_plain_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_unit_test_xmpp_xml_put_SOURCES = tests/unit/test_xmpp_xml_put.c
tests_unit_test_xmpp_xml_put_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_wire_test_client_replay_SOURCES = \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_client_replay.c
tests_wire_test_client_replay_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_wire_test_wire_client_SOURCES = \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_wire_client.c
tests_wire_test_wire_client_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_wire_test_wire_restart_SOURCES = \
	tests/unit/speaker_rig.h \
	tests/wire/heard.c \
	tests/wire/heard.h \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_wire_restart.c
tests_wire_test_wire_restart_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)

tests_wire_test_wire_speaker_SOURCES = \
	tests/wire/fake_node.c \
	tests/wire/fake_node.h \
	tests/wire/heard.c \
	tests/wire/heard.h \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_wire_speaker.c
tests_wire_test_wire_speaker_LDADD = $(XMPP_TEST_LIBS) $(TEST_LIBS)
endif

check_PROGRAMS += \
	tests/fuzz/fuzz_xmpp_conn \
	tests/fuzz/fuzz_xmpp_conn_tls \
	tests/fuzz/fuzz_xmpp_evpn \
	tests/fuzz/fuzz_xmpp_graph \
	tests/fuzz/fuzz_xmpp_inet \
	tests/fuzz/fuzz_xmpp_mcast \
	tests/fuzz/fuzz_xmpp_route_id \
	tests/fuzz/fuzz_xmpp_stanza \
	tests/fuzz/fuzz_xmpp_stream \
	tests/fuzz/fuzz_xmpp_xml

tests_fuzz_fuzz_xmpp_conn_SOURCES = tests/fuzz/fuzz_xmpp_conn.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_conn_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_conn_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_conn_tls_SOURCES = \
	$(PKI_SOURCES) tests/fuzz/fuzz_xmpp_conn_tls.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_conn_tls_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_conn_tls_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_evpn_SOURCES = tests/fuzz/fuzz_xmpp_evpn.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_evpn_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_evpn_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_graph_SOURCES = tests/fuzz/fuzz_xmpp_graph.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_graph_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_graph_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_inet_SOURCES = tests/fuzz/fuzz_xmpp_inet.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_inet_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_inet_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_mcast_SOURCES = tests/fuzz/fuzz_xmpp_mcast.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_mcast_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_mcast_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_route_id_SOURCES = \
	tests/fuzz/fuzz_xmpp_route_id.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_route_id_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_route_id_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_stanza_SOURCES = \
	tests/fuzz/fuzz_xmpp_stanza.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_stanza_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_stanza_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_stream_SOURCES = \
	tests/fuzz/fuzz_xmpp_stream.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_stream_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_stream_LDADD = $(XMPP_TEST_LIBS)

tests_fuzz_fuzz_xmpp_xml_SOURCES = tests/fuzz/fuzz_xmpp_xml.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_xmpp_xml_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_xmpp_xml_LDADD = $(XMPP_TEST_LIBS)
