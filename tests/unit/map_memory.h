/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MAP_MEMORY_H
#define TESTS_MAP_MEMORY_H 1

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The memory that the kernel keeps for the BPF maps of this process; 0 if that
 * cannot be found out. */
static inline uint64_t
map_memory(void)
{
    DIR *dir = opendir("/proc/self/fdinfo");
    struct dirent *entry;
    uint64_t sum = 0;

    while (dir && (entry = readdir(dir))) {
        char path[300], line[128];
        unsigned long long memlock;
        bool is_map = false;

        snprintf(path, sizeof path, "/proc/self/fdinfo/%s", entry->d_name);
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file)) {
            is_map = is_map || !strncmp(line, "map_type:", 9);
            if (is_map && sscanf(line, "memlock: %llu", &memlock) == 1) {
                sum += memlock;
            }
        }
        if (file) {
            fclose(file);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return sum;
}

#endif /* tests/unit/map_memory.h */
