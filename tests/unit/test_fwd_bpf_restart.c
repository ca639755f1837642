/* SPDX-License-Identifier: Apache-2.0 */
/* What floods when the process is gone: it is killed, frames go on, another
 * one takes over.  No copy is lost or made twice meanwhile. */
#include <config.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "bpf_rig.h"
#include "xdp_turns_abi.h"

#define VNI 1000
#define N_MEMBERS 4
#define MEMBER(I) (0x0a070001 + (I))
#define N_FRAMES 60000
#define KILL_AT (N_FRAMES / 3)
#define TAKE_OVER_AT (2 * N_FRAMES / 3)
/* A veth drops what is more than 256. */
#define MAX_FLIGHT 100

static char bpffs[] = "/tmp/tsn-bpffs-XXXXXX";
static char pin_dir[64];
/* Whether the victim has no dispatcher, like those before there were any. */
static bool victim_link;

/* With a network of 'n' members. */
static struct fwd_table *
make_table(size_t n)
{
    struct fwd_member members[N_MEMBERS];

    for (size_t i = 0; i < n; i++) {
        members[i] = (struct fwd_member) {
            fwd_ip_from_v4(htonl(MEMBER(i))), VNI, FWD_TOR, FWD_VXLAN,
        };
    }
    return rig_make_table(VNI, members, n);
}

/* The process that will be killed. */
static void
run_victim(int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rig_link = victim_link;
    struct bpf_rig *rig = rig_create(false, pin_dir);

    if (!rig) {
        _exit(1);
    }
    rig_publish(rig, make_table(N_MEMBERS));
    rig_wait_ready(rig);
    if (write(ready, "", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        rig_turn(rig);
    }
}

static pid_t
start_victim(void)
{
    int ready[2];
    char c;

    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        run_victim(ready[1]);
    }
    close(ready[1]);
    ssize_t n = read(ready[0], &c, 1);
    close(ready[0]);
    if (n != 1) {
        waitpid(pid, NULL, 0);
        return 0;
    }
    return pid;
}

static void
kill_victim(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Frames from the first member, as fast as copies come back. */
static struct stream {
    pthread_t thread;
    int fd;
    uint32_t sent, received;    /* Copies. */
    bool stop;
} stream;

static void *
send_frames(void *stream_)
{
    static const uint8_t everybody[6] = EVERYBODY, b1[6] = B1;
    struct stream *s = stream_;
    struct frame f = { .size = 0 };
    struct wire w;

    put_mac_header(&f, everybody, b1, -1, 0x88b5);
    for (uint32_t i = 0; i < N_FRAMES; i++) {
        uint32_t be = htonl(i);

        memcpy(f.data + FWD_ETHER_LEN, &be, sizeof be);
        f.size = 60;
        wire_from(&w, "10.7.0.1", FWD_VXLAN, VNI, 0, f.data, f.size);
        while (s->sent - __atomic_load_n(&s->received, __ATOMIC_RELAXED)
               > MAX_FLIGHT) {
            if (__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
                return NULL;
            }
            sched_yield();
        }
        s->sent += N_MEMBERS - 1;
        if (send(s->fd, w.data, w.size, 0) < 0) {
            return NULL;
        }
    }
    return NULL;
}

static void
stop_stream(void)
{
    __atomic_store_n(&stream.stop, true, __ATOMIC_RELAXED);
    pthread_join(stream.thread, NULL);
    close(stream.fd);
}

/* Receives copies up to those of frame 'end'.  Returns false if one does not
 * come, or one comes twice. */
static bool
receive_until(int fd, uint32_t end, uint8_t (*seen)[N_MEMBERS])
{
    struct bpf_rig watcher = { .fds = { fd }, .n_fds = 1 };
    struct wire w;

    while (stream.received < end * (N_MEMBERS - 1)) {
        if (!rig_receive(&watcher, 0, &w, WAIT_MS)) {
            print_message("%u copies came, and no more\n", stream.received);
            return false;
        }
        uint32_t member = fwd_get32(w.data + ETH_HLEN + 16) - MEMBER(0);
        uint32_t number = fwd_get32(w.data + ETH_HLEN + FWD_IPV4_LEN
                                    + FWD_UDP_LEN + FWD_VXLAN_LEN
                                    + FWD_ETHER_LEN);
        if (member >= N_MEMBERS || number >= N_FRAMES
            || seen[number][member]++) {
            print_message("a copy of %u came twice, or for nobody\n", number);
            return false;
        }
        __atomic_store_n(&stream.received, stream.received + 1,
                         __ATOMIC_RELAXED);
    }
    return true;
}

static void
check_no_copy_lost(void **state)
{
    static uint8_t seen[N_FRAMES][N_MEMBERS];
    struct fwd_bpf_status status;

    memset(seen, 0, sizeof seen);
    memset(&stream, 0, sizeof stream);

    if (!*state) {
        skip();
    }
    pid_t victim = start_victim();
    if (!victim) {
        skip();
    }
    int fd = peer_packet_socket("p0");
    stream.fd = peer_packet_socket("p0");
    uint64_t start = tsn_now_ms();
    assert_int_equal(pthread_create(&stream.thread, NULL, send_frames,
                                    &stream), 0);

    bool ok = receive_until(fd, KILL_AT, seen);
    kill_victim(victim);
    ok = ok && receive_until(fd, TAKE_OVER_AT, seen);
    uint64_t ms = tsn_now_ms() - start;

    /* Half of the truth, then all of it, while frames go on. */
    struct bpf_rig *rig = rig_create(false, pin_dir);
    rig_publish(rig, make_table(2));
    rig_wait_ready(rig);
    fwd_bpf_get_status(rig->bpf, &status);
    bool waited = status.waiting;
    ok = ok && receive_until(fd, TAKE_OVER_AT + N_FRAMES / 10, seen);
    uint64_t early = fwd_bpf_totals(rig->bpf)->frames;
    rig_publish(rig, make_table(N_MEMBERS));
    rig_wait_ready(rig);
    fwd_bpf_set_complete(rig->bpf);
    ok = ok && receive_until(fd, N_FRAMES, seen);
    uint64_t late = fwd_bpf_totals(rig->bpf)->frames;
    stop_stream();
    close(fd);
    rig_destroy(rig);

    assert_true(ok);
    assert_true(waited);
    assert_int_equal(early, 0);
    assert_true(late > 0);
    print_message("%llu frames/s\n", (unsigned long long)
                  TAKE_OVER_AT * 1000 / MAX(ms, 1));
}

static void
fwd_bpf__killed_and_replaced__no_copy_lost(void **state)
{
    victim_link = false;
    check_no_copy_lost(state);
}

static void
fwd_bpf__link_killed_and_replaced__no_copy_lost(void **state)
{
    victim_link = true;
    check_no_copy_lost(state);
}

/* The program that interface "u0" runs now. */
static int
open_ingress(void)
{
    uint32_t id;

    assert_int_equal(bpf_xdp_query_id(if_nametoindex("u0"), 0, &id), 0);
    int fd = bpf_prog_get_fd_by_id(id);
    assert_true(fd >= 0);
    return fd;
}

/* What a program that still runs holds on to of its maps; -1 for nothing. */
static int
open_heir(void)
{
    DIR *dir = opendir(pin_dir);
    struct dirent *entry;
    int fd = -1;

    assert_non_null(dir);
    while (fd < 0 && (entry = readdir(dir))) {
        if (!strncmp(entry->d_name, "heir-", 5)) {
            char *path = xasprintf("%s/%s", pin_dir, entry->d_name);

            fd = bpf_obj_get(path);
            free(path);
        }
    }
    closedir(dir);
    return fd;
}

#define N_TURNS 10              /* Frames of each program. */

static struct bpf_object *
load_turns(const int programs[2])
{
    static const uint8_t everybody[6] = EVERYBODY, b1[6] = B1;
    const char *builddir = getenv("builddir");
    struct turns_config config = { .n_first = N_TURNS };
    struct frame f = { .size = 0 };
    struct bpf_map *map;
    struct wire w;

    char *path = xasprintf("%s/tests/unit/xdp-turns.bpf.o",
                           builddir ? builddir : ".");
    struct bpf_object *object = bpf_object__open_file(path, NULL);
    free(path);
    assert_non_null(object);
    put_mac_header(&f, everybody, b1, -1, 0x88b5);
    memset(f.data + f.size, 0, TURNS_FRAME_SIZE);
    wire_from(&w, "10.7.0.1", FWD_VXLAN, VNI, 0, f.data,
              TURNS_FRAME_SIZE - TURNS_NUMBER_AT + FWD_ETHER_LEN);
    assert_int_equal(w.size, sizeof config.frame);
    memcpy(config.frame, w.data, w.size);
    bpf_object__for_each_map (map, object) {
        if (!strcmp(bpf_map__name(map), ".rodata.config")) {
            assert_int_equal(bpf_map__set_initial_value(map, &config,
                                                        sizeof config), 0);
        }
    }
    assert_int_equal(bpf_object__load(object), 0);
    int fd = bpf_object__find_map_fd_by_name(object, "programs");
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(bpf_map_update_elem(fd, &i, &programs[i], BPF_ANY),
                         0);
    }
    return object;
}

/* One poll, which starts with the first and ends with the second program. */
static void
run_turns(const int programs[2])
{
    uint8_t frame[TURNS_FRAME_SIZE];
    struct bpf_object *object = load_turns(programs);
    LIBBPF_OPTS(bpf_test_run_opts, opts,
                .data_in = frame, .data_size_in = sizeof frame,
                .repeat = 2 * N_TURNS, .batch_size = 2 * N_TURNS,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

    memset(frame, 0, sizeof frame);
    int program = bpf_program__fd(
        bpf_object__find_program_by_name(object, "turns"));
    assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
    bpf_object__close(object);
}

/* Whether all copies of a poll come once. */
static bool
try_turns(const int programs[2])
{
    static uint8_t seen[N_FRAMES][N_MEMBERS];
    int fd = peer_packet_socket("p0");

    memset(seen, 0, sizeof seen);
    memset(&stream, 0, sizeof stream);
    run_turns(programs);
    bool ok = receive_until(fd, 2 * N_TURNS, seen);
    close(fd);
    return ok;
}

/* The kernel gives the copies of a whole poll to the egress program of the
 * first, also those of frames that were another ingress program's. */
static void
fwd_bpf__replaced_within_a_poll__no_copy_lost(void **state)
{
    struct bpf_rig *rig;
    int programs[2];

    victim_link = true;
    pid_t victim = *state ? start_victim() : 0;
    if (!victim) {
        skip();
    }
    programs[0] = programs[1] = open_ingress();
    kill_victim(victim);
    /* Kernels before 6.3 spoil copies of frames that are made like this. */
    if (!try_turns(programs)) {
        close(programs[0]);
        print_message("SKIP: this kernel does not copy live frames\n");
        skip();
    }
    int heir = open_heir();

    rig = rig_create(false, pin_dir);
    /* Of other numbers in the maps. */
    rig_publish(rig, make_table(2));
    rig_publish(rig, make_table(N_MEMBERS));
    rig_wait_ready(rig);
    fwd_bpf_set_complete(rig->bpf);
    programs[1] = open_ingress();
    bool ok = try_turns(programs);
    uint64_t late = fwd_bpf_totals(rig->bpf)->frames;

    close(heir);
    close(programs[0]);
    close(programs[1]);
    rig_destroy(rig);
    assert_true(ok);
    assert_int_equal(late, N_TURNS);
}

static int
setup(void **state)
{
    const char *reason = rig_enter();

    *state = NULL;
    if (reason) {
        print_message("SKIP: %s\n", reason);
        return 0;
    }
    /* Vanishes with this process's mount namespace. */
    assert_true(!mkdir(bpffs, 0700) || errno == EEXIST);
    if (mount("bpf", bpffs, "bpf", 0, NULL)) {
        print_message("SKIP: no BPF file system can be mounted\n");
        return 0;
    }
    snprintf(pin_dir, sizeof pin_dir, "%s/tsn/node", bpffs);
    /* libxdp looks for its directory once. */
    char *dir = xasprintf("%s/xdp", bpffs);
    assert_int_equal(mkdir(dir, 0700), 0);
    free(dir);
    setenv("LIBXDP_BPFFS", bpffs, 1);
    rig_connect(true);
    *state = pin_dir;
    return 0;
}

static int
teardown(void **state OVS_UNUSED)
{
    umount2(bpffs, MNT_DETACH);
    rmdir(bpffs);
    netns_leave();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            fwd_bpf__killed_and_replaced__no_copy_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(
            fwd_bpf__link_killed_and_replaced__no_copy_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(
            fwd_bpf__replaced_within_a_poll__no_copy_lost, setup, teardown),
    };

    if (!mkdtemp(bpffs)) {
        return 1;
    }
    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
