# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += ovsdb-client/libvtepidl.a ovsdb-client/libovc.a

# The guard looks at what a switch sends before libopenvswitch does.  No effect
# on a program that does not link libovc.a.
AM_LDFLAGS += -Wl,--wrap=jsonrpc_session_recv

# Generated from the schema that comes with Open vSwitch.
OVSDB_IDLC = $(AM_V_GEN)PYTHONPATH=$(OVS_SOURCE)/python \
	PYTHONDONTWRITEBYTECODE=yes $(PYTHON3) \
	$(OVS_SOURCE)/ovsdb/ovsdb-idlc.in
vtep_idl = ovsdb-client/vtep-idl.c ovsdb-client/vtep-idl.h
BUILT_SOURCES += $(vtep_idl)
CLEANFILES += $(vtep_idl) ovsdb-client/vtep-idl.ovsidl
EXTRA_DIST += ovsdb-client/vtep-idl.ann

ovsdb-client/vtep-idl.ovsidl: $(OVS_SOURCE)/vtep/vtep.ovsschema \
		ovsdb-client/vtep-idl.ann
	@$(MKDIR_P) ovsdb-client
	$(OVSDB_IDLC) annotate $(OVS_SOURCE)/vtep/vtep.ovsschema \
		$(srcdir)/ovsdb-client/vtep-idl.ann > $@.tmp && mv $@.tmp $@
ovsdb-client/vtep-idl.c: ovsdb-client/vtep-idl.ovsidl
	$(OVSDB_IDLC) c-idl-source ovsdb-client/vtep-idl.ovsidl > $@.tmp \
		&& mv $@.tmp $@
ovsdb-client/vtep-idl.h: ovsdb-client/vtep-idl.ovsidl
	$(OVSDB_IDLC) c-idl-header ovsdb-client/vtep-idl.ovsidl > $@.tmp \
		&& mv $@.tmp $@

# Apart from the rest, as our warnings are not for generated code.
nodist_ovsdb_client_libvtepidl_a_SOURCES = $(vtep_idl)
ovsdb_client_libvtepidl_a_CFLAGS = $(AM_CFLAGS) -w

ovsdb_client_libovc_a_SOURCES = \
	ovsdb-client/acceptor-admit.c \
	ovsdb-client/acceptor-conn.c \
	ovsdb-client/acceptor-dial.c \
	ovsdb-client/acceptor-private.h \
	ovsdb-client/acceptor-show.c \
	ovsdb-client/acceptor-splice.c \
	ovsdb-client/acceptor.c \
	ovsdb-client/acceptor.h \
	ovsdb-client/alarm.c \
	ovsdb-client/bfd.c \
	ovsdb-client/binding.c \
	ovsdb-client/diff.c \
	ovsdb-client/flood.c \
	ovsdb-client/guard.c \
	ovsdb-client/guard.h \
	ovsdb-client/history.c \
	ovsdb-client/identify.c \
	ovsdb-client/identify.h \
	ovsdb-client/json-frame.c \
	ovsdb-client/json-frame.h \
	ovsdb-client/learnt.c \
	ovsdb-client/library.c \
	ovsdb-client/ls.c \
	ovsdb-client/mac.c \
	ovsdb-client/object.c \
	ovsdb-client/operate.c \
	ovsdb-client/operator.h \
	ovsdb-client/plan.c \
	ovsdb-client/private.h \
	ovsdb-client/proxy-protocol.c \
	ovsdb-client/proxy-protocol.h \
	ovsdb-client/profile-check.c \
	ovsdb-client/profile-private.h \
	ovsdb-client/profile.c \
	ovsdb-client/profile.h \
	ovsdb-client/reconcile.c \
	ovsdb-client/result.c \
	ovsdb-client/rows.c \
	ovsdb-client/session.c \
	ovsdb-client/session.h \
	ovsdb-client/status.c \
	ovsdb-client/switch.c \
	ovsdb-client/text.c \
	ovsdb-client/text.h \
	ovsdb-client/tunnel.c \
	ovsdb-client/tunnel.h \
	ovsdb-client/vni.c \
	ovsdb-client/wanted.c
ovsdb_client_libovc_a_LIBADD = $(ovsdb_client_libvtepidl_a_OBJECTS)
ovsdb_client_libovc_a_DEPENDENCIES = $(ovsdb_client_libvtepidl_a_OBJECTS)
$(ovsdb_client_libovc_a_OBJECTS): ovsdb-client/vtep-idl.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_ovc_faults \
	tests/unit/test_ovc_operator tests/unit/test_ovc_ownership \
	tests/unit/test_ovc_pace \
	tests/unit/test_ovc_profile \
	tests/unit/test_ovc_random tests/unit/test_ovc_switches \
	tests/unit/test_ovc_tunnel \
	tests/unit/test_ovc_session tests/unit/test_ovc_text
check_PROGRAMS += tests/unit/test_ovc_acceptor
tests_unit_test_ovc_acceptor_SOURCES = tests/unit/test_ovc_acceptor.c \
	tests/unit/acceptor_rig.h $(PKI_SOURCES)
tests_unit_test_ovc_acceptor_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
check_PROGRAMS += tests/unit/test_ovc_acceptor_tls
tests_unit_test_ovc_acceptor_tls_SOURCES = \
	tests/unit/test_ovc_acceptor_tls.c tests/unit/acceptor_rig.h \
	$(PKI_SOURCES)
tests_unit_test_ovc_acceptor_tls_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
check_PROGRAMS += tests/unit/test_ovc_learnt
ovc_rig_sources = tests/unit/ovc_fake.h tests/unit/ovc_proxy.c \
	tests/unit/ovc_proxy.h tests/unit/ovc_rig.c tests/unit/ovc_rig.h
ovc_rig_cppflags = $(AM_CPPFLAGS) \
	-DVTEP_SCHEMA='"$(OVS_SOURCE)/vtep/vtep.ovsschema"' \
	-DOTHER_SCHEMA='"$(OVS_SOURCE)/vswitchd/vswitch.ovsschema"'
tests_unit_test_ovc_faults_SOURCES = tests/unit/test_ovc_faults.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_faults_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_faults_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_learnt_SOURCES = tests/unit/test_ovc_learnt.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_learnt_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_learnt_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_operator_SOURCES = tests/unit/test_ovc_operator.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_operator_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_operator_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_ownership_SOURCES = tests/unit/test_ovc_ownership.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_ownership_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_ownership_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_pace_SOURCES = tests/unit/test_ovc_pace.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_pace_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_pace_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_switches_SOURCES = tests/unit/test_ovc_switches.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_switches_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_switches_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_profile_SOURCES = tests/unit/test_ovc_profile.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_profile_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_profile_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_random_SOURCES = tests/unit/test_ovc_random.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_random_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_random_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_session_SOURCES = tests/unit/test_ovc_session.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_session_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_session_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_tunnel_SOURCES = tests/unit/test_ovc_tunnel.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_tunnel_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_tunnel_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_text_SOURCES = tests/unit/test_ovc_text.c
tests_unit_test_ovc_text_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
$(tests_unit_test_ovc_faults_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_learnt_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_operator_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_ownership_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_pace_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_profile_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_tunnel_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_random_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_switches_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_text_OBJECTS): ovsdb-client/vtep-idl.h
$(tests_unit_test_ovc_session_OBJECTS): ovsdb-client/vtep-idl.h
endif

check_PROGRAMS += tests/fuzz/fuzz_ovc_session tests/fuzz/fuzz_ovc_text
tests_fuzz_fuzz_ovc_session_SOURCES = tests/fuzz/fuzz_ovc_session.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_ovc_session_CPPFLAGS = $(AM_CPPFLAGS) \
	-DVTEP_SCHEMA='"$(OVS_SOURCE)/vtep/vtep.ovsschema"'
tests_fuzz_fuzz_ovc_session_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ovc_session_LDADD = ovsdb-client/libovc.a $(BASE_LIBS)
$(tests_fuzz_fuzz_ovc_session_OBJECTS): ovsdb-client/vtep-idl.h
tests_fuzz_fuzz_ovc_text_SOURCES = tests/fuzz/fuzz_ovc_text.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_ovc_text_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ovc_text_LDADD = ovsdb-client/libovc.a $(BASE_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_ovc_accept
tests_fuzz_fuzz_ovc_accept_SOURCES = tests/fuzz/fuzz_ovc_accept.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_ovc_accept_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ovc_accept_LDADD = ovsdb-client/libovc.a $(BASE_LIBS)
