# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += replication/libreplication.a
replication_libreplication_a_SOURCES = \
	replication/explain-request.c \
	replication/explain-request.h \
	replication/alarms.c \
	replication/alarms.h \
	replication/forwarder/bpf-attach.c \
	replication/forwarder/bpf-attach.h \
	replication/forwarder/bpf-capture.c \
	replication/forwarder/bpf-capture.h \
	replication/forwarder/bpf-dispatch.c \
	replication/forwarder/bpf-dispatch.h \
	replication/forwarder/bpf-endpoint.c \
	replication/forwarder/bpf-endpoint.h \
	replication/forwarder/bpf-entries.c \
	replication/forwarder/bpf-entries.h \
	replication/forwarder/bpf-flood.c \
	replication/forwarder/bpf-flood.h \
	replication/forwarder/bpf-grace.c \
	replication/forwarder/bpf-grace.h \
	replication/forwarder/bpf-maps.c \
	replication/forwarder/bpf-maps.h \
	replication/forwarder/bpf-pins.c \
	replication/forwarder/bpf-pins.h \
	replication/forwarder/bpf-pool.c \
	replication/forwarder/bpf-pool.h \
	replication/forwarder/bpf-set.c \
	replication/forwarder/bpf-set.h \
	replication/forwarder/bpf-tables.c \
	replication/forwarder/bpf-tables.h \
	replication/forwarder/bpf/abi.h \
	replication/forwarder/bucket.h \
	replication/forwarder/capture-record.h \
	replication/forwarder/capture-ring.c \
	replication/forwarder/capture-ring.h \
	replication/forwarder/capture.c \
	replication/forwarder/capture.h \
	replication/forwarder/classify.h \
	replication/forwarder/counters.c \
	replication/forwarder/counters.h \
	replication/forwarder/encap.h \
	replication/forwarder/engine-bpf.c \
	replication/forwarder/engine-bpf.h \
	replication/forwarder/engine-socket.c \
	replication/forwarder/explain-text.c \
	replication/forwarder/explain.c \
	replication/forwarder/explain.h \
	replication/forwarder/forwarder.h \
	replication/forwarder/ip-text.h \
	replication/forwarder/nexthop.c \
	replication/forwarder/nexthop.h \
	replication/forwarder/outer.h \
	replication/forwarder/pipeline.h \
	replication/forwarder/policer.h \
	replication/forwarder/punt.c \
	replication/forwarder/punt.h \
	replication/forwarder/rtnl-event.c \
	replication/forwarder/rtnl-private.h \
	replication/forwarder/rtnl-route.c \
	replication/forwarder/rtnl.c \
	replication/forwarder/rtnl.h \
	replication/forwarder/socket-capture.c \
	replication/forwarder/socket-capture.h \
	replication/forwarder/socket-lanes.c \
	replication/forwarder/socket-lanes.h \
	replication/forwarder/socket-open.c \
	replication/forwarder/socket-open.h \
	replication/forwarder/socket-thread.c \
	replication/forwarder/socket-thread.h \
	replication/forwarder/socket-tx.c \
	replication/forwarder/socket-tx.h \
	replication/forwarder/table.c \
	replication/forwarder/table.h \
	replication/forwarder/trace.h \
	replication/forwarder/types.h \
	replication/forwarder/wire.h \
	replication/forwarder/xdp-copies.c \
	replication/forwarder/xdp-copies.h \
	replication/forwarder/xdp-features.c \
	replication/forwarder/xdp-features.h \
	replication/services/arp.h \
	replication/services/dhcp4-options.c \
	replication/services/dhcp4-options.h \
	replication/services/dhcp4-server.c \
	replication/services/dhcp4-server.h \
	replication/services/dhcp4.c \
	replication/services/dhcp4.h \
	replication/services/lease.c \
	replication/services/lease.h \
	replication/show-capture.c \
	replication/show-capture.h \
	replication/show-explain.c \
	replication/show-explain.h \
	replication/show-flood.c \
	replication/show-flood.h \
	replication/show.c \
	replication/show.h \
	replication/storms.c \
	replication/storms.h \
	replication/tree/builder.c \
	replication/tree/builder.h \
	replication/tree/election.c \
	replication/tree/election.h \
	replication/tree/labels.c \
	replication/tree/labels.h \
	replication/tree/members.c \
	replication/tree/members.h \
	replication/tree/networks-build.c \
	replication/tree/networks-private.h \
	replication/tree/networks-publish.c \
	replication/tree/networks.c \
	replication/tree/networks.h \
	replication/tree/rules.c \
	replication/tree/rules.h

# The BPF programs, compiled for the kernel and embedded into the engine.
FWD_BPF_FILES = \
	replication/forwarder/bpf/abi.h \
	replication/forwarder/bpf/capture.h \
	replication/forwarder/bpf/context.h \
	replication/forwarder/bpf/egress.h \
	replication/forwarder/bpf/flood.bpf.c \
	replication/forwarder/bpf/maps.h
FWD_BPF_OBJECT = replication/forwarder/bpf/flood.bpf.o
EXTRA_DIST += $(FWD_BPF_FILES)
CLEANFILES += $(FWD_BPF_OBJECT)

# v2: of what is kept in halves of registers the verifier loses track.
# -g: the types of the maps are in the debugging information.
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v2 -ffreestanding -Wall -Wextra \
	-Wno-unused-parameter $(BPF_WERROR) -I$(top_srcdir) \
	-isystem /usr/include/$(BPF_MULTIARCH)
$(FWD_BPF_OBJECT): $(FWD_BPF_FILES) \
		replication/automake.mk \
		replication/forwarder/bucket.h \
		replication/forwarder/capture-record.h \
		replication/forwarder/classify.h \
		replication/forwarder/counters.h \
		replication/forwarder/encap.h \
		replication/forwarder/outer.h \
		replication/forwarder/pipeline.h \
		replication/forwarder/policer.h \
		replication/forwarder/trace.h \
		replication/forwarder/types.h \
		replication/forwarder/wire.h \
		replication/services/arp.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ \
		$(top_srcdir)/replication/forwarder/bpf/flood.bpf.c

replication/forwarder/bpf-maps.$(OBJEXT): $(FWD_BPF_OBJECT)

sbin_PROGRAMS += replication/tsn-replicator
replication_tsn_replicator_SOURCES = replication/replicator.c
replication_tsn_replicator_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS)

# That the pipeline is fit for BPF.
TESTS += tests/unit/fwd-pipeline-bpf.sh
EXTRA_DIST += \
	tests/unit/fwd-pipeline-bpf.sh \
	tests/unit/fwd-pipeline.bpf.c

# The table of forwarding cases, for all that forward.
FWD_CASES = \
	tests/unit/fwd_cases.c \
	tests/unit/fwd_cases.h \
	tests/unit/fwd_cases_expect.c \
	tests/unit/fwd_cases_net.c \
	tests/unit/fwd_cases_packet.c \
	tests/unit/fwd_fixture.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_pipeline
tests_unit_test_fwd_pipeline_SOURCES = \
	$(FWD_CASES) \
	tests/unit/test_fwd_pipeline.c
tests_unit_test_fwd_pipeline_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_explain
tests_unit_test_fwd_explain_SOURCES = \
	$(FWD_CASES) \
	tests/unit/test_fwd_explain.c
tests_unit_test_fwd_explain_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_repl_explain
tests_unit_test_repl_explain_SOURCES = tests/unit/test_repl_explain.c
tests_unit_test_repl_explain_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_policer tests/unit/test_fwd_limits
tests_unit_test_fwd_policer_SOURCES = tests/unit/test_fwd_policer.c
tests_unit_test_fwd_policer_LDADD = $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_limits_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_limits.c \
	tests/unit/udp_peers.h
tests_unit_test_fwd_limits_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_jumbo
tests_unit_test_fwd_jumbo_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_jumbo.c \
	tests/unit/udp_peers.h
tests_unit_test_fwd_jumbo_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_table
tests_unit_test_fwd_table_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/test_fwd_table.c
tests_unit_test_fwd_table_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_explain
tests_fuzz_fuzz_explain_SOURCES = \
	$(FWD_CASES) \
	tests/fuzz/fuzz_explain.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_explain_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_explain_LDADD = replication/libreplication.a $(BASE_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_pipeline
tests_fuzz_fuzz_pipeline_SOURCES = \
	$(FWD_CASES) \
	tests/fuzz/fuzz_pipeline.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_pipeline_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_pipeline_LDADD = replication/libreplication.a $(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_bpf_capture tests/unit/test_fwd_capture
tests_unit_test_fwd_bpf_capture_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf_capture.c
tests_unit_test_fwd_bpf_capture_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_capture_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/test_fwd_capture.c
tests_unit_test_fwd_capture_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_socket
tests_unit_test_fwd_socket_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/test_fwd_socket.c
tests_unit_test_fwd_socket_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_punt
tests_unit_test_fwd_punt_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/test_fwd_punt.c
tests_unit_test_fwd_punt_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_storm
tests_unit_test_fwd_storm_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/test_fwd_storm.c
tests_unit_test_fwd_storm_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_lanes
tests_unit_test_fwd_lanes_SOURCES = \
	$(FWD_CASES) \
	tests/unit/test_fwd_lanes.c
tests_unit_test_fwd_lanes_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_topology
tests_unit_test_fwd_topology_SOURCES = \
	tests/unit/fwd_fixture.h \
	tests/unit/test_fwd_topology.c
tests_unit_test_fwd_topology_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_engine
tests_unit_test_fwd_engine_SOURCES = \
	$(FWD_CASES) \
	tests/unit/fwd_tap.c \
	tests/unit/fwd_tap.h \
	tests/unit/generic_xdp.h \
	tests/unit/test_fwd_engine.c
tests_unit_test_fwd_engine_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_nexthop
tests_unit_test_fwd_nexthop_SOURCES = \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_nexthop.c
tests_unit_test_fwd_nexthop_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_bpf_run tests/unit/test_fwd_bpf_flush
tests_unit_test_fwd_bpf_run_SOURCES = \
	$(FWD_CASES) \
	tests/unit/bpf_run.c \
	tests/unit/bpf_run.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf_run.c
tests_unit_test_fwd_bpf_run_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_bpf_flush_SOURCES = \
	tests/unit/bpf_run.c \
	tests/unit/bpf_run.h \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf_flush.c
tests_unit_test_fwd_bpf_flush_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

# Frames to flood and a sink for their copies, in XDP.
XDP_LOAD_OBJECT = tests/unit/xdp-load.bpf.o
XDP_LOAD_FILES = tests/unit/xdp-load.bpf.c tests/unit/xdp_load_abi.h
EXTRA_DIST += $(XDP_LOAD_FILES)
CLEANFILES += $(XDP_LOAD_OBJECT)
$(XDP_LOAD_OBJECT): $(XDP_LOAD_FILES)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ \
		$(top_srcdir)/tests/unit/xdp-load.bpf.c

# Frames of one poll for two programs.
XDP_TURNS_OBJECT = tests/unit/xdp-turns.bpf.o
XDP_TURNS_FILES = tests/unit/xdp-turns.bpf.c tests/unit/xdp_turns_abi.h
EXTRA_DIST += $(XDP_TURNS_FILES)
CLEANFILES += $(XDP_TURNS_OBJECT)
$(XDP_TURNS_OBJECT): $(XDP_TURNS_FILES)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ \
		$(top_srcdir)/tests/unit/xdp-turns.bpf.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_soak
tests_unit_test_fwd_soak_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/generic_xdp.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_soak.c \
	tests/unit/xdp_load.c \
	tests/unit/xdp_load.h
tests_unit_test_fwd_soak_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fwd_bpf tests/unit/test_fwd_bpf_load \
	tests/unit/test_fwd_bpf_restart tests/unit/test_fwd_ipv6 \
	tests/unit/test_fwd_bpf_dispatch tests/unit/test_fwd_bpf_shared
tests_unit_test_fwd_bpf_shared_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf_shared.c
tests_unit_test_fwd_bpf_shared_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_ipv6_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/generic_xdp.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_ipv6.c
tests_unit_test_fwd_ipv6_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_bpf_dispatch_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf_dispatch.c
tests_unit_test_fwd_bpf_dispatch_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_bpf_restart_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf_restart.c
tests_unit_test_fwd_bpf_restart_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_bpf_load_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/map_memory.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf_load.c
tests_unit_test_fwd_bpf_load_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_fwd_bpf_SOURCES = \
	tests/unit/bpf_rig.h \
	tests/unit/fwd_fixture.h \
	tests/unit/netns_rig.h \
	tests/unit/test_fwd_bpf.c
tests_unit_test_fwd_bpf_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_dhcp4
tests_unit_test_dhcp4_SOURCES = \
	tests/unit/dhcp4_fixture.h \
	tests/unit/test_dhcp4.c
tests_unit_test_dhcp4_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_repl_lease
tests_unit_test_repl_lease_SOURCES = tests/unit/test_repl_lease.c
tests_unit_test_repl_lease_LDADD = \
	replication/libreplication.a $(BASE_LIBS) $(TEST_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_dhcp4
tests_fuzz_fuzz_dhcp4_SOURCES = \
	tests/unit/dhcp4_fixture.h \
	tests/fuzz/fuzz_dhcp4.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_dhcp4_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dhcp4_LDADD = replication/libreplication.a $(BASE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_repl_builder tests/unit/test_repl_networks
tests_unit_test_repl_builder_SOURCES = tests/unit/test_repl_builder.c
tests_unit_test_repl_builder_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_repl_networks_SOURCES = \
	tests/unit/fake_speaker.h \
	tests/unit/repl_rig.h \
	tests/unit/test_repl_networks.c
tests_unit_test_repl_networks_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += \
	tests/unit/test_repl_election \
	tests/unit/test_repl_alarms \
	tests/unit/test_repl_labels \
	tests/unit/test_repl_networks_tree \
	tests/unit/test_repl_random \
	tests/unit/test_repl_show_flood \
	tests/unit/test_repl_storms \
	tests/wire/test_repl_replay
tests_wire_test_repl_replay_SOURCES = \
	tests/wire/fake_node.c \
	tests/wire/fake_node.h \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_repl_replay.c
tests_wire_test_repl_replay_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

tests_unit_test_repl_random_SOURCES = \
	tests/unit/repl_cloud.h \
	tests/unit/test_repl_random.c \
	tests/unit/tree_rig.h
tests_unit_test_repl_random_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

tests_unit_test_repl_show_flood_SOURCES = \
	tests/unit/fake_speaker.h \
	tests/unit/repl_rig.h \
	tests/unit/test_repl_show_flood.c
tests_unit_test_repl_show_flood_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

tests_unit_test_repl_storms_SOURCES = \
	tests/unit/fake_speaker.h \
	tests/unit/repl_rig.h \
	tests/unit/test_repl_storms.c
tests_unit_test_repl_storms_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

tests_unit_test_repl_election_SOURCES = tests/unit/test_repl_election.c
tests_unit_test_repl_election_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

tests_unit_test_repl_alarms_SOURCES = \
	tests/unit/fake_speaker.h \
	tests/unit/netns_rig.h \
	tests/unit/repl_rig.h \
	tests/unit/test_repl_alarms.c
tests_unit_test_repl_alarms_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_repl_labels_SOURCES = tests/unit/test_repl_labels.c
tests_unit_test_repl_labels_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)
tests_unit_test_repl_networks_tree_SOURCES = \
	tests/unit/fake_speaker.h \
	tests/unit/repl_rig.h \
	tests/unit/test_repl_networks_tree.c
tests_unit_test_repl_networks_tree_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_repl_dhcp4_server
tests_unit_test_repl_dhcp4_server_SOURCES = \
	tests/unit/dhcp4_fixture.h \
	tests/unit/fake_speaker.h \
	tests/unit/test_repl_dhcp4_server.c
tests_unit_test_repl_dhcp4_server_LDADD = \
	replication/libreplication.a xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)
endif
