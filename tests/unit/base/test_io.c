/* SPDX-License-Identifier: Apache-2.0 */
/* base/io.h: the real table: each call reaches the kernel, and a signal does not look like an error. */
#include "support.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

static void a_file_goes_through_every_call(void **state)
{
    (void)state;
    struct stat st;
    char text[16] = "";
    int fd = tl_io->open("a", O_RDWR | O_CREAT, 0666);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC); /* no child keeps a lock or a segment open */
    assert_int_equal(tl_io->write(fd, "abc", 3), 3);
    assert_int_equal(
        tl_io->writev(fd, (struct iovec[]){ { (char[]){ "de" }, 2 }, { (char[]){ "f" }, 1 } }, 2), 3);
    assert_int_equal(tl_io->pwrite(fd, "X", 1, 1), 1);
    assert_int_equal(tl_io->fsync(fd), 0);
    assert_int_equal(tl_io->fdatasync(fd), 0);
    assert_int_equal(tl_io->pread(fd, text, 4, 1), 4);
    assert_string_equal(text, "Xcde");
    assert_int_equal(tl_io->ftruncate(fd, 2), 0);
    assert_int_equal(tl_io->fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 2);
    assert_int_equal(tl_io->close(fd), 0);
    assert_int_equal(tl_io->link("a", "b"), 0);
    assert_int_equal(tl_io->link("a", "b"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(tl_io->rename("a", "c"), 0);
    assert_int_equal(tl_io->stat("a", &st), -1);
    assert_int_equal(tl_io->unlink("b"), 0);
    fd = tl_io->open("c", O_RDONLY, 0);
    assert_int_equal(tl_io->read(fd, text, sizeof text), 2);
    assert_int_equal(tl_io->read(fd, text, sizeof text), 0);
    tl_io->close(fd);
    assert_int_equal(tl_io->unlink("c"), 0);
}

static void a_folder_is_made_read_to_its_end_and_removed(void **state)
{
    (void)state;
    assert_int_equal(tl_io->mkdir("d", 0777), 0);
    DIR *dir = tl_io->opendir("d");
    unsigned count = 0;
    errno = 5;
    while (tl_io->readdir(dir))
        count++;
    assert_int_equal(errno, 0); /* so that the end is not taken for an error */
    assert_int_equal(count, 2);
    assert_int_equal(tl_io->closedir(dir), 0);
    assert_int_equal(tl_io->rmdir("d"), 0);
}

static void a_lock_is_held_once(void **state)
{
    (void)state;
    int a = tl_io->open("lock", O_RDWR | O_CREAT, 0666), b = tl_io->open("lock", O_RDWR, 0);
    assert_int_equal(tl_io->lock(a), 0);
    assert_int_equal(tl_io->lock(b), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    tl_io->close(a);
    assert_int_equal(tl_io->lock(b), 0);
    tl_io->close(b);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

struct target {
    pthread_t reader;
    int out;
};

/* Twenty signals while the reader waits, then what it waits for. */
static void *poke(void *argument)
{
    const struct target *target = argument;
    for (int i = 0; i < 20; i++) {
        pthread_kill(target->reader, SIGUSR1);
        tl_io->sleep_ns(1000000);
    }
    assert_int_equal(write(target->out, "x", 1), 1);
    return NULL;
}

static void a_signal_does_not_end_a_read(void **state)
{
    (void)state;
    struct sigaction action = { .sa_handler = on_alarm }; /* no SA_RESTART: read(2) itself would say EINTR */
    sigaction(SIGUSR1, &action, NULL);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct target target = { pthread_self(), ends[1] };
    pthread_t poker;
    char got = 0;
    assert_int_equal(pthread_create(&poker, NULL, poke, &target), 0);
    assert_int_equal(tl_io->read(ends[0], &got, 1), 1);
    assert_int_equal(got, 'x');
    pthread_join(poker, NULL);
    close(ends[0]);
    close(ends[1]);
}

static void clocks_go_forward_and_random_bytes_differ(void **state)
{
    (void)state;
    int64_t before = tl_io->monotonic_ns(), wall = tl_io->wall_ns();
    tl_io->sleep_ns(1000000);
    tl_io->sleep_ns(0);
    tl_io->sleep_ns(-5);
    assert_true(tl_io->monotonic_ns() - before >= 1000000);
    assert_true(wall > INT64_C(1700000000000000000)); /* nanoseconds, and not of 1970 */
    unsigned char a[1000] = { 0 }, b[1000] = { 0 };
    assert_true(tl_io->random(a, sizeof a) && tl_io->random(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 900, b + 900, 100);
    assert_true(tl_io->random(a, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_goes_through_every_call),
        cmocka_unit_test(a_folder_is_made_read_to_its_end_and_removed),
        cmocka_unit_test(a_lock_is_held_once),
        cmocka_unit_test(a_signal_does_not_end_a_read),
        cmocka_unit_test(clocks_go_forward_and_random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
