# SPDX-License-Identifier: Apache-2.0
# What belongs into a release besides the sources of the unit tests and the
# fuzz targets.  Not "tests" as a whole: of a directory that also exists in the
# build tree, "make dist" takes the objects along.
EXTRA_DIST += tests/bench tests/system tests/fuzz/corpus \
	tests/wire/data tests/tally.py
