# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += ovsdb-client/libovc.a
check_LIBRARIES += tests/unit/libvtepidl.a

# The guard looks at what a switch sends before libopenvswitch does.  No effect
# on a program that does not link libovc.a.
AM_LDFLAGS += -Wl,--wrap=jsonrpc_session_recv

# How the tests see a switch's database: by the IDL, generated from the schema
# that comes with Open vSwitch.
OVSDB_IDLC = $(AM_V_GEN)PYTHONPATH=$(OVS_SOURCE)/python \
	PYTHONDONTWRITEBYTECODE=yes $(PYTHON3) \
	$(OVS_SOURCE)/ovsdb/ovsdb-idlc.in
vtep_idl = tests/unit/vtep-idl.c tests/unit/vtep-idl.h
BUILT_SOURCES += $(vtep_idl)
CLEANFILES += $(vtep_idl) tests/unit/vtep-idl.ovsidl
EXTRA_DIST += tests/unit/vtep-idl.ann

tests/unit/vtep-idl.ovsidl: $(OVS_SOURCE)/vtep/vtep.ovsschema \
		tests/unit/vtep-idl.ann
	@$(MKDIR_P) tests/unit
	$(OVSDB_IDLC) annotate $(OVS_SOURCE)/vtep/vtep.ovsschema \
		$(srcdir)/tests/unit/vtep-idl.ann > $@.tmp && mv $@.tmp $@
tests/unit/vtep-idl.c: tests/unit/vtep-idl.ovsidl
	$(OVSDB_IDLC) c-idl-source tests/unit/vtep-idl.ovsidl > $@.tmp \
		&& mv $@.tmp $@
tests/unit/vtep-idl.h: tests/unit/vtep-idl.ovsidl
	$(OVSDB_IDLC) c-idl-header tests/unit/vtep-idl.ovsidl > $@.tmp \
		&& mv $@.tmp $@

# Apart from the rest, as our warnings are not for generated code.
nodist_tests_unit_libvtepidl_a_SOURCES = $(vtep_idl)
tests_unit_libvtepidl_a_CFLAGS = $(AM_CFLAGS) -w

ovsdb_client_libovc_a_SOURCES = \
	ovsdb-client/acceptor-admit.c \
	ovsdb-client/acceptor-conn.c \
	ovsdb-client/acceptor-dial.c \
	ovsdb-client/acceptor-pending.c \
	ovsdb-client/acceptor-private.h \
	ovsdb-client/acceptor-read.c \
	ovsdb-client/acceptor-show.c \
	ovsdb-client/acceptor-splice.c \
	ovsdb-client/acceptor.c \
	ovsdb-client/acceptor.h \
	ovsdb-client/alarm.c \
	ovsdb-client/bfd.c \
	ovsdb-client/binding.c \
	ovsdb-client/db-private.h \
	ovsdb-client/db-schema.c \
	ovsdb-client/db-value.c \
	ovsdb-client/db-value.h \
	ovsdb-client/db.c \
	ovsdb-client/db.h \
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
	ovsdb-client/ls.c \
	ovsdb-client/mac.c \
	ovsdb-client/object.c \
	ovsdb-client/object.h \
	ovsdb-client/operate.c \
	ovsdb-client/operator.h \
	ovsdb-client/plan.c \
	ovsdb-client/plan.h \
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
	ovsdb-client/rows.h \
	ovsdb-client/session.c \
	ovsdb-client/session.h \
	ovsdb-client/status.c \
	ovsdb-client/switch.c \
	ovsdb-client/text.c \
	ovsdb-client/text.h \
	ovsdb-client/tunnel.c \
	ovsdb-client/tunnel.h \
	ovsdb-client/txn.c \
	ovsdb-client/txn.h \
	ovsdb-client/vni.c \
	ovsdb-client/wanted.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_ovc_db tests/unit/test_ovc_faults \
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
check_PROGRAMS += tests/unit/test_ovc_acceptor_deaf
tests_unit_test_ovc_acceptor_deaf_SOURCES = \
	tests/unit/test_ovc_acceptor_deaf.c tests/unit/acceptor_rig.h \
	$(PKI_SOURCES)
tests_unit_test_ovc_acceptor_deaf_LDADD = \
	$(tests_unit_test_ovc_acceptor_LDADD)
check_PROGRAMS += tests/unit/test_ovc_acceptor_haproxy
tests_unit_test_ovc_acceptor_haproxy_SOURCES = \
	tests/unit/test_ovc_acceptor_haproxy.c tests/unit/acceptor_rig.h \
	$(PKI_SOURCES)
tests_unit_test_ovc_acceptor_haproxy_LDADD = $(tests_unit_test_ovc_acceptor_LDADD)
check_PROGRAMS += tests/unit/test_ovc_acceptor_limits
tests_unit_test_ovc_acceptor_limits_SOURCES = \
	tests/unit/test_ovc_acceptor_limits.c tests/unit/acceptor_rig.h \
	$(PKI_SOURCES)
tests_unit_test_ovc_acceptor_limits_LDADD = \
	$(tests_unit_test_ovc_acceptor_LDADD)
check_PROGRAMS += tests/unit/test_ovc_acceptor_tls
tests_unit_test_ovc_acceptor_tls_SOURCES = \
	tests/unit/test_ovc_acceptor_tls.c tests/unit/acceptor_rig.h \
	$(PKI_SOURCES)
tests_unit_test_ovc_acceptor_tls_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
check_PROGRAMS += tests/unit/test_ovc_learnt
ovc_rig_sources = tests/unit/ovc_fake.h tests/unit/ovc_proxy.c \
	tests/unit/ovc_proxy.h tests/unit/ovc_rig.c tests/unit/ovc_rig.h
ovc_rig_libs = ovsdb-client/libovc.a tests/unit/libvtepidl.a
ovc_rig_cppflags = $(AM_CPPFLAGS) \
	-DVTEP_SCHEMA='"$(OVS_SOURCE)/vtep/vtep.ovsschema"' \
	-DOTHER_SCHEMA='"$(OVS_SOURCE)/vswitchd/vswitch.ovsschema"'
tests_unit_test_ovc_db_SOURCES = tests/unit/test_ovc_db.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_db_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_db_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_faults_SOURCES = tests/unit/test_ovc_faults.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_faults_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_faults_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_learnt_SOURCES = tests/unit/test_ovc_learnt.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_learnt_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_learnt_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_operator_SOURCES = tests/unit/test_ovc_operator.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_operator_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_operator_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_ownership_SOURCES = tests/unit/test_ovc_ownership.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_ownership_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_ownership_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_pace_SOURCES = tests/unit/test_ovc_pace.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_pace_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_pace_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_switches_SOURCES = tests/unit/test_ovc_switches.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_switches_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_switches_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_profile_SOURCES = tests/unit/test_ovc_profile.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_profile_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_profile_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_random_SOURCES = tests/unit/test_ovc_random.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_random_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_random_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_session_SOURCES = tests/unit/test_ovc_session.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_session_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_session_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_tunnel_SOURCES = tests/unit/test_ovc_tunnel.c \
	$(ovc_rig_sources)
tests_unit_test_ovc_tunnel_CPPFLAGS = $(ovc_rig_cppflags)
tests_unit_test_ovc_tunnel_LDADD = $(ovc_rig_libs) $(BASE_LIBS) \
	$(TEST_LIBS)
tests_unit_test_ovc_text_SOURCES = tests/unit/test_ovc_text.c
tests_unit_test_ovc_text_LDADD = ovsdb-client/libovc.a $(BASE_LIBS) \
	$(TEST_LIBS)
$(tests_unit_test_ovc_db_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_faults_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_learnt_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_operator_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_ownership_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_pace_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_profile_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_tunnel_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_random_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_switches_OBJECTS): tests/unit/vtep-idl.h
$(tests_unit_test_ovc_session_OBJECTS): tests/unit/vtep-idl.h
endif

check_PROGRAMS += tests/fuzz/fuzz_ovc_session tests/fuzz/fuzz_ovc_text
tests_fuzz_fuzz_ovc_session_SOURCES = tests/fuzz/fuzz_ovc_session.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_ovc_session_CPPFLAGS = $(AM_CPPFLAGS) \
	-DVTEP_SCHEMA='"$(OVS_SOURCE)/vtep/vtep.ovsschema"'
tests_fuzz_fuzz_ovc_session_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ovc_session_LDADD = ovsdb-client/libovc.a $(BASE_LIBS)
tests_fuzz_fuzz_ovc_text_SOURCES = tests/fuzz/fuzz_ovc_text.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_ovc_text_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ovc_text_LDADD = ovsdb-client/libovc.a $(BASE_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_ovc_accept
tests_fuzz_fuzz_ovc_accept_SOURCES = tests/fuzz/fuzz_ovc_accept.c \
	$(FUZZ_DRIVER)
tests_fuzz_fuzz_ovc_accept_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ovc_accept_LDADD = ovsdb-client/libovc.a $(BASE_LIBS)
