/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <unistd.h>

static int add_end(posix_spawn_file_actions_t *actions, int to, struct tl_spawn_end end)
{
    if (end.path)
        return posix_spawn_file_actions_addopen(actions, to, end.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return end.fd > 0 ? posix_spawn_file_actions_adddup2(actions, end.fd, to) : 0;
}

int tl_spawn(pid_t *pid, const char *const *words, char *const *environment, struct tl_spawn_end out, struct tl_spawn_end err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    failed = failed ? failed : add_end(&actions, STDOUT_FILENO, out);
    failed = failed ? failed : add_end(&actions, STDERR_FILENO, err);
    failed = failed ? failed : posix_spawnp(pid, words[0], &actions, &attributes, (char *const *)words, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}
