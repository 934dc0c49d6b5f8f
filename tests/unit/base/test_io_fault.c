/* SPDX-License-Identifier: Apache-2.0 */
/* base/io_fault.h: the tool that the failure sweeps rest on does what it says. */
#include "support.h"

#include "base/io_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static int enter(void **state)
{
    *state = test_dir_new();
    return chdir(*state);
}

static int leave(void **state)
{
    if (chdir("/") != 0)
        return 1;
    test_dir_remove(*state);
    return 0;
}

static int create(void)
{
    return tl_io->open("f", O_RDWR | O_CREAT, 0666);
}

/* One of each counted call, in the order of the header; a bit for each that failed. */
static unsigned all_counted_calls(void)
{
    struct iovec part = { (char[]){ "x" }, 1 };
    int spare = tl_io_kernel.open("spare", O_RDWR | O_CREAT, 0666), bit = 0;
    unsigned failed = 0;
    int fd = create();
    failed |= (unsigned)(fd < 0) << bit++;
    fd = fd < 0 ? dup(spare) : fd;
    failed |= (unsigned)(tl_io->write(fd, "x", 1) < 0) << bit++;
    failed |= (unsigned)(tl_io->pwrite(fd, "x", 1, 0) < 0) << bit++;
    failed |= (unsigned)(tl_io->writev(fd, &part, 1) < 0) << bit++;
    failed |= (unsigned)(tl_io->fsync(fd) < 0) << bit++;
    failed |= (unsigned)(tl_io->fdatasync(fd) < 0) << bit++;
    failed |= (unsigned)(tl_io->ftruncate(fd, 0) < 0) << bit++;
    failed |= (unsigned)(tl_io->rename("spare", "other") < 0) << bit++;
    tl_io_kernel.rename("spare", "other");
    failed |= (unsigned)(tl_io->link("other", "second") < 0) << bit++;
    failed |= (unsigned)(tl_io->unlink("other") < 0) << bit++;
    failed |= (unsigned)(tl_io->mkdir("d", 0777) < 0) << bit++;
    tl_io_kernel.mkdir("d", 0777);
    failed |= (unsigned)(tl_io->rmdir("d") < 0) << bit++;
    tl_io->close(fd);
    tl_io_kernel.close(spare);
    tl_io_kernel.unlink("other");
    tl_io_kernel.unlink("second");
    tl_io_kernel.unlink("f");
    tl_io_kernel.rmdir("d");
    return failed;
}
#define COUNTED 12

static void every_counted_call_can_be_hit_once(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth <= COUNTED + 1; nth++) {
        tl_io_fault_at(nth, EIO, false);
        assert_int_equal(all_counted_calls(), nth <= COUNTED ? 1u << (nth - 1) : 0);
        assert_int_equal(tl_io_fault_calls(), COUNTED);
        assert_int_equal(tl_io_fault_clear(), nth <= COUNTED);
        assert_ptr_equal(tl_io, &tl_io_kernel);
    }
}

static void a_lasting_fault_stays(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth <= COUNTED; nth++) {
        tl_io_fault_at(nth, ENOSPC, true);
        assert_int_equal(all_counted_calls(), ((1u << COUNTED) - 1) & ~((1u << (nth - 1)) - 1));
        assert_true(tl_io_fault_clear());
    }
}

static void the_chosen_errno_is_seen_and_nothing_has_happened(void **state)
{
    (void)state;
    struct stat st;
    tl_io_fault_at(1, EDQUOT, false);
    errno = 0;
    assert_int_equal(create(), -1);
    assert_int_equal(errno, EDQUOT);
    assert_int_equal(tl_io_kernel.stat("f", &st), -1);
    tl_io_fault_clear();
}

static void reading_is_never_counted(void **state)
{
    (void)state;
    struct stat st;
    char c;
    int fd = create();
    tl_io_fault_at(1, EIO, true);
    int again = tl_io->open("f", O_RDONLY, 0);
    assert_true(again >= 0);
    assert_int_equal(tl_io->read(again, &c, 1), 0);
    assert_int_equal(tl_io->pread(again, &c, 1, 0), 0);
    assert_int_equal(tl_io->fstat(fd, &st), 0);
    assert_int_equal(tl_io->close(again), 0);
    assert_int_equal(tl_io_fault_calls(), 0);
    assert_false(tl_io_fault_clear());
    tl_io->close(fd);
    tl_io->unlink("f");
}

static void the_process_can_be_killed_in_place_of_a_call(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        tl_io_fault_kill_at(2);
        int fd = create();
        (void)!tl_io->write(fd, "x", 1); /* not reached */
        _exit(0);
    }
    int status;
    struct stat st;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(tl_io_kernel.stat("f", &st), 0);
    assert_int_equal(st.st_size, 0);
    tl_io_kernel.unlink("f");
}

static void the_clock_stands_until_moved_with_faults_or_without(void **state)
{
    (void)state;
    tl_io_clock_set(1000);
    assert_true(tl_io->wall_ns() == 1000 && tl_io->monotonic_ns() == 1000);
    tl_io->sleep_ns(50);
    tl_io->sleep_ns(-50);
    assert_true(tl_io->wall_ns() == 1050);
    tl_io_fault_at(1, EIO, false);
    assert_true(tl_io->wall_ns() == 1050);
    assert_int_equal(create(), -1);
    tl_io_fault_clear();
    assert_true(tl_io->monotonic_ns() == 1050);
    tl_io_clock_clear();
    assert_true(tl_io->wall_ns() > 1000000);
    assert_ptr_equal(tl_io, &tl_io_kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counted_call_can_be_hit_once),
        cmocka_unit_test(a_lasting_fault_stays),
        cmocka_unit_test(the_chosen_errno_is_seen_and_nothing_has_happened),
        cmocka_unit_test(reading_is_never_counted),
        cmocka_unit_test(the_process_can_be_killed_in_place_of_a_call),
        cmocka_unit_test(the_clock_stands_until_moved_with_faults_or_without),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
