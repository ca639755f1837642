# SPDX-License-Identifier: Apache-2.0
# What belongs into a release besides the sources of the unit tests, the fuzz
# targets and the benchmarks.  Not "tests" as a whole: of a directory that also
# exists in the build tree, "make dist" takes the objects along.
EXTRA_DIST += tests/bench/bench tests/system tests/fuzz/corpus \
	tests/wire/data tests/tally.py

# What system tests flood with.
noinst_PROGRAMS += tests/unit/flood-load
noinst_DATA += $(XDP_LOAD_OBJECT) $(XDP_TURNS_OBJECT)
tests_unit_flood_load_SOURCES = \
	tests/unit/flood-load.c \
	tests/unit/fwd_fixture.h \
	tests/unit/xdp_load.c \
	tests/unit/xdp_load.h
tests_unit_flood_load_LDADD = \
	replication/libreplication.a $(BASE_LIBS)

# Every test that the documents name is there.
TESTS += tests/citations.py
EXTRA_DIST += tests/citations.py

# What scripts/bench measures with, built by "make bench-programs".
EXTRA_PROGRAMS = \
	tests/bench/flood-bench \
	tests/bench/xmpp-bench \
	tests/bench/xmpp-bench-config
CLEANFILES += $(EXTRA_PROGRAMS)

bench-programs: $(EXTRA_PROGRAMS)
.PHONY: bench-programs

# That they compile is for every change to see to.
check-local: bench-programs

tests_bench_flood_bench_SOURCES = \
	tests/bench/flood-bench-ask.c \
	tests/bench/flood-bench-cost.c \
	tests/bench/flood-bench-xdp.c \
	tests/bench/flood-bench.c \
	tests/bench/flood-bench.h
tests_bench_flood_bench_LDADD = replication/libreplication.a $(BASE_LIBS)

tests_bench_xmpp_bench_SOURCES = \
	tests/bench/xmpp-bench-idle.c \
	tests/bench/xmpp-bench-learn.c \
	tests/bench/xmpp-bench-tell.c \
	tests/bench/xmpp-bench.c \
	tests/bench/xmpp-bench.h
tests_bench_xmpp_bench_LDADD = xmpp/libxmpp.a $(BASE_LIBS)

tests_bench_xmpp_bench_config_SOURCES = tests/bench/xmpp-bench-config.c
tests_bench_xmpp_bench_config_LDADD = xmpp/libxmpp.a $(BASE_LIBS)
