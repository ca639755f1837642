# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += tsn/libtsn.a
tsn_libtsn_a_SOURCES = \
	tsn/config.h \
	tsn/ctl.h \
	tsn/daemon.h \
	tsn/error.c \
	tsn/error.h \
	tsn/json.h \
	tsn/loop.c \
	tsn/loop.h \
	tsn/model.c \
	tsn/model.h \
	tsn/yaml.h
