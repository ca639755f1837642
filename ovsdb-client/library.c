/* SPDX-License-Identifier: Apache-2.0 */
/* What all sessions of a process share. */
#include <config.h>
#include "ovsdb-client/private.h"

#include "ovsdb-data.h"
#include "util.h"

/* ovsdb_datum_default() fills a table when it is asked first, without a
 * lock. */
void
ovc_library_init(void)
{
    const struct ovsdb_idl_class *class = &vteprec_idl_class;

    for (size_t i = 0; i < class->n_tables; i++) {
        const struct ovsdb_idl_table_class *table = &class->tables[i];

        for (size_t j = 0; j < table->n_columns; j++) {
            ovsdb_datum_default(&table->columns[j].type);
        }
    }
}
