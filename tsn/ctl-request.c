/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/ctl-request.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "util.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

const char *
tsn_ctl_request_parse(struct tsn_ctl_request *request, char *line,
                      size_t len)
{
    bool in_word = false;

    request->n_words = 0;
    line[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (is_blank(line[i])) {
            line[i] = '\0';
            in_word = false;
            continue;
        }
        if ((uint8_t) line[i] < 0x20 || line[i] == 0x7f) {
            return "a control character in the request";
        }
        if (!in_word) {
            if (request->n_words == TSN_CTL_WORDS_MAX) {
                return "too many words in the request";
            }
            request->words[request->n_words++] = &line[i];
            in_word = true;
        }
    }
    request->words[request->n_words] = NULL;
    return request->n_words ? NULL : "an empty request";
}

int
tsn_ctl_request_match(const struct tsn_ctl_request *request,
                      const char *command)
{
    int n = 0;

    while (*command) {
        size_t len = strcspn(command, " ");

        if (n == request->n_words
            || strlen(request->words[n]) != len
            || memcmp(request->words[n], command, len)) {
            return 0;
        }
        n++;
        command += len;
        command += strspn(command, " ");
    }
    return n;
}
