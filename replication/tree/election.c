/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/tree/election.h"

#include "openvswitch/vlog.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/inet.h"
#include "xmpp/speaker.h"

VLOG_DEFINE_THIS_MODULE(repl_election);

/* Of our subscription there: it goes into the route distinguisher of our own
 * address, which nobody else announces. */
#define INSTANCE_ID 1

void
repl_election_init(struct repl_election *e, struct xmpp_speaker *speaker,
                   const struct in6_addr *self, const struct in6_addr *tsns,
                   size_t n_tsns, uint32_t label)
{
    *e = (struct repl_election) {
        .speaker = speaker, .self = self, .tsns = tsns, .n_tsns = n_tsns,
    };
    xmpp_speaker_subscribe(speaker, XMPP_FABRIC_POLICY_INSTANCE, INSTANCE_ID);
    int error = xmpp_speaker_announce_host(speaker,
                                           XMPP_FABRIC_POLICY_INSTANCE, self,
                                           label);
    if (error) {
        VLOG_ERR("could not announce our address: %s", ovs_strerror(-error));
    }
}

static const struct in6_addr *
elect(const struct repl_election *e)
{
    if (!xmpp_speaker_is_synced(e->speaker)) {
        return NULL;
    }
    for (size_t i = 0; i < e->n_tsns; i++) {
        if (tsn_ip_equals(&e->tsns[i], e->self)
            || xmpp_speaker_has_host(e->speaker, &e->tsns[i])) {
            return &e->tsns[i];
        }
    }
    return NULL;
}

bool
repl_election_run(struct repl_election *e)
{
    const struct in6_addr *elected = elect(e);
    char ip[TSN_IP_STRLEN];

    if (elected != e->elected) {
        e->elected = elected;
        VLOG_INFO("service node elected address=%s",
                  elected ? tsn_ip_format(elected, ip) : "none");
    }
    return elected && tsn_ip_equals(elected, e->self);
}
