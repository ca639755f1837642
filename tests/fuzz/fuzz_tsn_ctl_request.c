/* SPDX-License-Identifier: Apache-2.0 */
/* The request line of the control socket. */
#include <config.h>
#include "tsn/ctl-request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsn_ctl_request request;
    size_t len = MIN(size, TSN_CTL_LINE_MAX);
    char *line = xmalloc(len + 1);

    memcpy(line, data, len);
    if (!tsn_ctl_request_parse(&request, line, len)) {
        ovs_assert(request.n_words > 0);
        ovs_assert(!request.words[request.n_words]);
        for (int i = 0; i < request.n_words; i++) {
            const char *word = request.words[i];

            ovs_assert(word >= line && *word);
            ovs_assert(word + strlen(word) <= line + len);
            ovs_assert(!strpbrk(word, " \t\r\n"));
        }
        int n = tsn_ctl_request_match(&request, "show tors");
        ovs_assert(n == 0 || n == 2);
        ovs_assert(tsn_ctl_request_match(&request, request.words[0]) == 1);
    }
    free(line);
    return 0;
}
