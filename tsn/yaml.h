/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a YAML file into typed structs with libcyaml, the only user of that
 * library, and finds the line of a value for the checks that a schema cannot
 * express.  Main thread. */
#ifndef TSN_YAML_H
#define TSN_YAML_H 1

#include <cyaml/cyaml.h>

struct tsn_err;
struct tsn_yaml;

/* Loads 'path' by 'schema' into '*datap', which tsn_yaml_free() frees.
 * Returns 0; or -errno (-EINVAL for what the schema refuses) with '*err'
 * naming file, line, column and what is wrong. */
int tsn_yaml_load(const char *path, const cyaml_schema_value_t *schema,
                  void **datap, struct tsn_err *err);
void tsn_yaml_free(const cyaml_schema_value_t *schema, void *data);

/* The path of a file that the file 'file' names as 'path', relative to its
 * directory.  To be freed. */
char *tsn_yaml_path(const char *file, const char *path);

/* Fills 'err' for a value that is well-formed but wrong: 'value' names it,
 * "tors[2].ovsdb", and the file is read again to find its line.  Returns
 * -EINVAL. */
int tsn_yaml_refuse(struct tsn_err *err, const char *file, const char *value,
                    const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif /* tsn/yaml.h */
