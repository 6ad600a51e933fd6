/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: there are none, and none can be made.  The answers are
 * those of a Linux file system without them, so that programs that copy files
 * with their attributes go on.
 */
#include "sys_priv.h"

#include <kernel/fd.h>

#include "fs_priv.h"

/* The file must be there: then `answer`. */
static s64 answer_path(u64 path, bool follow, s64 answer)
{
    struct dentry *dentry;
    s64 result = at_lookup(AT_FDCWD, path, follow ? 0 : LOOKUP_NOFOLLOW, &dentry);

    if (result == 0) {
        dentry_put(dentry);
        result = answer;
    }
    return result;
}

static s64 answer_fd(u64 fd, s64 answer)
{
    struct file *file = fd_get((int)fd);

    if (file == NULL) {
        return -EBADF;
    }
    file_put(file);
    return answer;
}

s64 sys_getxattr(u64 path, u64 name, u64 value, u64 size, u64 a4, u64 a5)
{
    return answer_path(path, true, -EOPNOTSUPP);
}

s64 sys_lgetxattr(u64 path, u64 name, u64 value, u64 size, u64 a4, u64 a5)
{
    return answer_path(path, false, -EOPNOTSUPP);
}

s64 sys_fgetxattr(u64 fd, u64 name, u64 value, u64 size, u64 a4, u64 a5)
{
    return answer_fd(fd, -EOPNOTSUPP);
}

s64 sys_setxattr(u64 path, u64 name, u64 value, u64 size, u64 flags, u64 a5)
{
    return answer_path(path, true, -EOPNOTSUPP);
}

s64 sys_lsetxattr(u64 path, u64 name, u64 value, u64 size, u64 flags, u64 a5)
{
    return answer_path(path, false, -EOPNOTSUPP);
}

s64 sys_fsetxattr(u64 fd, u64 name, u64 value, u64 size, u64 flags, u64 a5)
{
    return answer_fd(fd, -EOPNOTSUPP);
}

s64 sys_listxattr(u64 path, u64 list, u64 size, u64 a3, u64 a4, u64 a5)
{
    return answer_path(path, true, 0);
}

s64 sys_llistxattr(u64 path, u64 list, u64 size, u64 a3, u64 a4, u64 a5)
{
    return answer_path(path, false, 0);
}

s64 sys_flistxattr(u64 fd, u64 list, u64 size, u64 a3, u64 a4, u64 a5)
{
    return answer_fd(fd, 0);
}

s64 sys_removexattr(u64 path, u64 name, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return answer_path(path, true, -EOPNOTSUPP);
}

s64 sys_lremovexattr(u64 path, u64 name, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return answer_path(path, false, -EOPNOTSUPP);
}

s64 sys_fremovexattr(u64 fd, u64 name, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return answer_fd(fd, -EOPNOTSUPP);
}
