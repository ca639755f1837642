# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/unit/config_text.h tests/unit/ip.h
noinst_LIBRARIES += tsn/libtsn.a
tsn_libtsn_a_SOURCES = \
	tsn/alarm.c \
	tsn/alarm.h \
	tsn/config-listen.c \
	tsn/config-replicator.c \
	tsn/config-switches.c \
	tsn/config-private.h \
	tsn/config-tor-kind.c \
	tsn/config-tor.c \
	tsn/config.c \
	tsn/config.h \
	tsn/ctl-request.c \
	tsn/ctl-request.h \
	tsn/ctl.c \
	tsn/ctl.h \
	tsn/daemon.c \
	tsn/daemon.h \
	tsn/error.c \
	tsn/error.h \
	tsn/hex.c \
	tsn/hex.h \
	tsn/json.c \
	tsn/json.h \
	tsn/log.c \
	tsn/log.h \
	tsn/loop.c \
	tsn/loop.h \
	tsn/model.c \
	tsn/model.h \
	tsn/notify.c \
	tsn/notify.h \
	tsn/privileges.c \
	tsn/privileges.h \
	tsn/send.c \
	tsn/send.h \
	tsn/tls-load.c \
	tsn/tls-private.h \
	tsn/tls-show.c \
	tsn/tls-show.h \
	tsn/tls-store.c \
	tsn/tls-store.h \
	tsn/tls.c \
	tsn/tls.h \
	tsn/yaml-check.c \
	tsn/yaml-check.h \
	tsn/yaml-parse.c \
	tsn/yaml.c \
	tsn/yaml.h

# Certificates, made when a test runs.
PKI_SOURCES = tests/unit/pki.c tests/unit/pki.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_tsn_config
tests_unit_test_tsn_config_SOURCES = tests/unit/test_tsn_config.c
tests_unit_test_tsn_config_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_hex
tests_unit_test_tsn_hex_SOURCES = tests/unit/test_tsn_hex.c
tests_unit_test_tsn_hex_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_ctl
tests_unit_test_tsn_ctl_SOURCES = tests/unit/test_tsn_ctl.c
tests_unit_test_tsn_ctl_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_daemon
tests_unit_test_tsn_daemon_SOURCES = tests/unit/test_tsn_daemon.c
tests_unit_test_tsn_daemon_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_json
tests_unit_test_tsn_json_SOURCES = tests/unit/test_tsn_json.c
tests_unit_test_tsn_json_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_loop
tests_unit_test_tsn_loop_SOURCES = tests/unit/test_tsn_loop.c
tests_unit_test_tsn_loop_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_alarm
tests_unit_test_tsn_alarm_SOURCES = tests/unit/test_tsn_alarm.c
tests_unit_test_tsn_alarm_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_model
tests_unit_test_tsn_model_SOURCES = tests/unit/test_tsn_model.c
tests_unit_test_tsn_model_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_tls
tests_unit_test_tsn_tls_SOURCES = $(PKI_SOURCES) tests/unit/test_tsn_tls.c
tests_unit_test_tsn_tls_LDADD = $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsn_tls_store
tests_unit_test_tsn_tls_store_SOURCES = \
	$(PKI_SOURCES) tests/unit/test_tsn_tls_store.c
tests_unit_test_tsn_tls_store_LDADD = $(BASE_LIBS) $(TEST_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_tsn_config
tests_fuzz_fuzz_tsn_config_SOURCES = \
	tests/fuzz/fuzz_tsn_config.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_tsn_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_tsn_config_LDADD = $(BASE_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_tsn_ctl_request
tests_fuzz_fuzz_tsn_ctl_request_SOURCES = \
	tests/fuzz/fuzz_tsn_ctl_request.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_tsn_ctl_request_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_tsn_ctl_request_LDADD = $(BASE_LIBS)
