# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += controller/libcontroller.a
controller_libcontroller_a_SOURCES = \
	controller/config-check.c \
	controller/config-extras.c \
	controller/config-extras.h \
	controller/config.c \
	controller/config.h \
	controller/core.c \
	controller/core.h \
	controller/labels.c \
	controller/labels.h \
	controller/model.c \
	controller/model.h \
	controller/push.c \
	controller/push.h \
	controller/restart.c \
	controller/restart.h \
	controller/rib-config.c \
	controller/rib-flush.c \
	controller/rib-log.c \
	controller/rib-private.h \
	controller/rib-restart.c \
	controller/rib-select.c \
	controller/rib-show.c \
	controller/rib-tree.c \
	controller/rib-withdraw.c \
	controller/rib.c \
	controller/rib.h \
	controller/show.c \
	controller/show.h \
	controller/tree.c \
	controller/tree.h

sbin_PROGRAMS += controller/tsn-controller
controller_tsn_controller_SOURCES = controller/controller.c
controller_tsn_controller_LDADD = \
	controller/libcontroller.a xmpp/libxmpp.a $(BASE_LIBS)

if HAVE_CMOCKA
CTRL_TEST_LIBS = controller/libcontroller.a xmpp/libxmpp.a $(BASE_LIBS) \
	$(TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_config
tests_unit_test_ctrl_config_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_config.c
tests_unit_test_ctrl_config_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_core
tests_unit_test_ctrl_core_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_core.c
tests_unit_test_ctrl_core_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_errors
tests_unit_test_ctrl_errors_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_errors.c
tests_unit_test_ctrl_errors_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_labels
tests_unit_test_ctrl_labels_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_labels.c
tests_unit_test_ctrl_labels_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_model
tests_unit_test_ctrl_model_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_model.c
tests_unit_test_ctrl_model_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_push
tests_unit_test_ctrl_push_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_push.c
tests_unit_test_ctrl_push_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_restart
tests_unit_test_ctrl_restart_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_restart.c
tests_unit_test_ctrl_restart_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_rib
tests_unit_test_ctrl_rib_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_rib.c
tests_unit_test_ctrl_rib_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_slow
tests_unit_test_ctrl_slow_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_slow.c
tests_unit_test_ctrl_slow_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_tree
tests_unit_test_ctrl_tree_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_tree.c
tests_unit_test_ctrl_tree_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_types
tests_unit_test_ctrl_types_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_types.c
tests_unit_test_ctrl_types_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_withdraw
tests_unit_test_ctrl_withdraw_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_withdraw.c
tests_unit_test_ctrl_withdraw_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/wire/test_server_replay
tests_wire_test_server_replay_SOURCES = \
	tests/unit/ctrl_fixture.h \
	tests/wire/heard.c \
	tests/wire/heard.h \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_server_replay.c
tests_wire_test_server_replay_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/wire/test_wire_helper
tests_wire_test_wire_helper_SOURCES = \
	tests/unit/ctrl_fixture.h \
	tests/wire/heard.c \
	tests/wire/heard.h \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_wire_helper.c
tests_wire_test_wire_helper_LDADD = $(CTRL_TEST_LIBS)

check_PROGRAMS += tests/wire/test_ctrl_replay
tests_wire_test_ctrl_replay_SOURCES = tests/wire/test_ctrl_replay.c
tests_wire_test_ctrl_replay_LDADD = xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/wire/test_ctrl_trees
tests_wire_test_ctrl_trees_SOURCES = tests/wire/test_ctrl_trees.c
tests_wire_test_ctrl_trees_LDADD = xmpp/libxmpp.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/wire/test_tree_replay
tests_wire_test_tree_replay_SOURCES = \
	tests/unit/ctrl_fixture.h \
	tests/unit/tree_rig.h \
	tests/wire/recording.c \
	tests/wire/recording.h \
	tests/wire/test_tree_replay.c
tests_wire_test_tree_replay_LDADD = $(CTRL_TEST_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_controller_config
tests_fuzz_fuzz_controller_config_SOURCES = \
	tests/fuzz/fuzz_controller_config.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_controller_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_controller_config_LDADD = \
	controller/libcontroller.a xmpp/libxmpp.a $(BASE_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_controller_stanza
tests_fuzz_fuzz_controller_stanza_SOURCES = \
	tests/fuzz/fuzz_controller_stanza.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_controller_stanza_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_controller_stanza_LDADD = \
	controller/libcontroller.a xmpp/libxmpp.a $(BASE_LIBS)
EXTRA_DIST += tests/wire/recordings
