# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += tsnctl/libtsnctl.a
tsnctl_libtsnctl_a_SOURCES = \
	tsnctl/client.c \
	tsnctl/client.h \
	tsnctl/explain.c \
	tsnctl/explain.h \
	tsnctl/pcap-read.c \
	tsnctl/pcap-read.h \
	tsnctl/pcapng.c \
	tsnctl/pcapng.h \
	tsnctl/print.c \
	tsnctl/print.h \
	tsnctl/private-file.c \
	tsnctl/private-file.h \
	tsnctl/render.c \
	tsnctl/render.h

bin_PROGRAMS += tsnctl/tsnctl
tsnctl_tsnctl_SOURCES = tsnctl/capture.c tsnctl/capture.h tsnctl/main.c
tsnctl_tsnctl_LDADD = tsnctl/libtsnctl.a $(BASE_LIBS) $(PCAP_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_tsnctl_render
tests_unit_test_tsnctl_render_SOURCES = tests/unit/test_tsnctl_render.c
tests_unit_test_tsnctl_render_LDADD = \
	tsnctl/libtsnctl.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsnctl_pcapng
tests_unit_test_tsnctl_pcapng_SOURCES = tests/unit/test_tsnctl_pcapng.c
tests_unit_test_tsnctl_pcapng_LDADD = \
	tsnctl/libtsnctl.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsnctl_private_file
tests_unit_test_tsnctl_private_file_SOURCES = \
	tests/unit/test_tsnctl_private_file.c
tests_unit_test_tsnctl_private_file_LDADD = \
	tsnctl/libtsnctl.a $(BASE_LIBS) $(TEST_LIBS)

check_PROGRAMS += tests/unit/test_tsnctl_main
tests_unit_test_tsnctl_main_SOURCES = tests/unit/test_tsnctl_main.c
tests_unit_test_tsnctl_main_LDADD = $(BASE_LIBS) $(TEST_LIBS)
endif
