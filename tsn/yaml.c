/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tsn/error.h"
#include "tsn/yaml-check.h"
#include "util.h"

/* Reads all of 'fd', which is a file of 'size' bytes, or of more by now. */
static int
read_all(int fd, size_t size, struct tsn_yaml_text *text)
{
    uint8_t *data = xmalloc(size + 1);
    size_t n = 0;

    while (n < size) {
        ssize_t retval = read(fd, data + n, size - n);

        if (retval < 0) {
            int error = errno;
            if (error == EINTR) {
                continue;
            }
            free(data);
            return -error;
        }
        if (!retval) {
            break;
        }
        n += retval;
    }
    text->data = data;
    text->size = n;
    return 0;
}

/* Returns 0 with 'text' to be freed by free(text->data), or -errno. */
static int
read_file(const char *path, struct tsn_yaml_text *text, struct tsn_err *err)
{
    struct stat st;
    int error = 0;

    /* Not to hang on a FIFO. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        error = -errno;
        tsn_err_set(err, path, "cannot be opened: %s", strerror(-error));
    } else if (!S_ISREG(st.st_mode)) {
        error = -EINVAL;
        tsn_err_set(err, path, "is not a file");
    } else if (st.st_size > TSN_YAML_MAX_SIZE) {
        error = -EFBIG;
        tsn_err_set(err, path, "is larger than %d MiB",
                    TSN_YAML_MAX_SIZE >> 20);
    } else {
        text->file = path;
        error = read_all(fd, st.st_size, text);
        if (error) {
            tsn_err_set(err, path, "cannot be read: %s", strerror(-error));
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static void *
cyaml_alloc(void *ctx OVS_UNUSED, void *ptr, size_t size)
{
    if (!size) {
        free(ptr);
        return NULL;
    }
    return xrealloc(ptr, size);
}

/* Keeps the first error, which tells the cause; the backtrace follows. */
static void
cyaml_log_cb(cyaml_log_t level, void *err_, const char *fmt, va_list args)
{
    struct tsn_err *err = err_;

    if (level < CYAML_LOG_ERROR || err->text[0]) {
        return;
    }
    vsnprintf(err->text, sizeof err->text, fmt, args);
    err->text[strcspn(err->text, "\n")] = '\0';
}

static cyaml_config_t
cyaml_config(struct tsn_err *log)
{
    return (cyaml_config_t) {
        .log_fn = log ? cyaml_log_cb : NULL,
        .log_ctx = log,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_alloc,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

static int
check_text(const struct tsn_yaml_text *text,
           const cyaml_schema_value_t *schema, struct tsn_err *err)
{
    yaml_document_t doc;

    int error = tsn_yaml_parse(text, &doc, err);
    if (!error) {
        error = tsn_yaml_check(text->file, &doc, schema, err);
        yaml_document_delete(&doc);
    }
    return error;
}

int
tsn_yaml_load(const char *path, const cyaml_schema_value_t *schema,
              void **datap, struct tsn_err *err)
{
    struct tsn_yaml_text text;

    int error = read_file(path, &text, err);
    if (error) {
        return error;
    }
    error = check_text(&text, schema, err);
    if (!error) {
        struct tsn_err log = { .text = "" };
        cyaml_config_t config = cyaml_config(&log);
        void *data = NULL;

        cyaml_err_t e = cyaml_load_data(text.data, text.size, &config,
                                        schema, &data, NULL);
        if (e != CYAML_OK) {
            error = -EINVAL;
            tsn_err_set(err, path, "%s",
                        log.text[0] ? log.text : cyaml_strerror(e));
        } else {
            *datap = data;
        }
    }
    free(text.data);
    return error;
}

void
tsn_yaml_free(const cyaml_schema_value_t *schema, void *data)
{
    cyaml_config_t config = cyaml_config(NULL);

    cyaml_free(&config, schema, data, 0);
}

char *
tsn_yaml_path(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');

    return *path == '/' || !slash
           ? xstrdup(path)
           : xasprintf("%.*s/%s", (int) (slash - file), file, path);
}

int
tsn_yaml_refuse(struct tsn_err *err, const char *file, const char *value,
                const char *fmt, ...)
{
    yaml_mark_t mark = { .line = 0 };
    struct tsn_yaml_text text;
    yaml_document_t doc;

    if (!read_file(file, &text, NULL)) {
        if (!tsn_yaml_parse(&text, &doc, NULL)) {
            mark = tsn_yaml_find(&doc, value);
            yaml_document_delete(&doc);
        }
        free(text.data);
    }

    va_list args;
    va_start(args, fmt);
    int retval = tsn_yaml_refuse_at(err, file, &mark, value, fmt, args);
    va_end(args);
    return retval;
}
