# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += controller/libcontroller.a
controller_libcontroller_a_SOURCES = \
	controller/config-check.c \
	controller/config.c \
	controller/config.h \
	controller/model.c \
	controller/model.h \
	controller/push.c \
	controller/push.h

if HAVE_CMOCKA
CTRL_TEST_LIBS = controller/libcontroller.a xmpp/libxmpp.a $(BASE_LIBS) \
	$(TEST_LIBS)

check_PROGRAMS += tests/unit/test_ctrl_config
tests_unit_test_ctrl_config_SOURCES = \
	tests/unit/ctrl_fixture.h tests/unit/test_ctrl_config.c
tests_unit_test_ctrl_config_LDADD = $(CTRL_TEST_LIBS)
endif
