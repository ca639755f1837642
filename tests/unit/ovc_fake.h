/* SPDX-License-Identifier: Apache-2.0 */
/* What a fake server (ovc_rig.h) answers until a session with it is up. */
#ifndef TESTS_UNIT_OVC_FAKE_H
#define TESTS_UNIT_OVC_FAKE_H 1

#define NO_SERVER_DB \
    { "get_schema _Server", "{\"id\":@ID@,\"result\":null,\"error\":\"no\"}" }
#define VTEP_DB \
    { "get_schema hardware_vtep", "{\"id\":@ID@,\"result\":@SCHEMA@," \
                                  "\"error\":null}" }
#define MONITOR(RESULT) \
    { "monitor hardware_vtep", "{\"id\":@ID@,\"result\":" RESULT "," \
                                    "\"error\":null}" }
#define A_UUID "\"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa\""
#define B_UUID "\"bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb\""
#define SWITCH "\"Physical_Switch\":{" A_UUID ":{\"new\":" \
    "{\"name\":\"tor1\",\"tunnel_ips\":\"10.0.0.1\"}}}"

#endif /* tests/unit/ovc_fake.h */
