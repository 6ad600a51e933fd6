/* SPDX-License-Identifier: MIT */
/*
 * The values of options: each is checked here, ahead of anything else, so that
 * a mistake is told in our words and not in QEMU's.
 */
#include "tool.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MEMORY_MIN (8ull << 20)
#define SEE_HELP "see: moka --help"

static bool is_number(const char *word)
{
    size_t digits = strspn(word, "0123456789");

    return digits > 0 && digits < 7 && word[digits] == '\0';
}

unsigned long mebibytes(const char *size)
{
    char *unit;
    unsigned long number = strtoul(size, &unit, 10);

    return *unit == 'G' ? number << 10 : *unit == 'K' ? number >> 10 : number;
}

const char *check_memory(const char *value)
{
    char *upper = text("%s", value), *unit;
    size_t digits = strspn(value, "0123456789");
    unsigned long long size;

    /* docker's 512m is QEMU's 512M. */
    for (unit = upper + digits; *unit != '\0'; unit++) {
        *unit = *unit >= 'a' && *unit <= 'z' ? (char)(*unit - 'a' + 'A') : *unit;
    }
    unit = upper + digits;
    if (digits == 0 || digits > 9 || strchr("KMG", *unit) == NULL ||
        (*unit != '\0' && unit[1] != '\0')) {
        fail("for example: -m 2G", "-m is a number with K, M or G behind it, not '%s'", value);
    }
    size = strtoull(upper, NULL, 10) << (*unit == 'G' ? 30 : *unit == 'K' ? 10 : 20);
    if (size < MEMORY_MIN) {
        fail("for example: -m 512M", "%s is less memory than any machine needs", value);
    }
    return upper;
}

const char *check_cpus(const char *value)
{
    if (!is_number(value) || atoi(value) < 1 || atoi(value) > 64) {
        fail("for example: -c 4", "-c is a number from 1 to 64, not '%s'", value);
    }
    return value;
}

const char *check_accel(const char *value)
{
    if (strcmp(value, "kvm") != 0 && strcmp(value, "tcg") != 0 && strcmp(value, "auto") != 0) {
        fail(SEE_HELP, "--accel is kvm, tcg or auto, not '%s'", value);
    }
    return value;
}

bool check_off(const char *option, const char *value)
{
    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
        fail(SEE_HELP, "%s is on or off, not '%s'", option, value);
    }
    return strcmp(value, "off") == 0;
}

const char *check_qmp(const char *value)
{
    struct sockaddr_un address;

    if (value[0] == '\0' || strlen(value) >= sizeof(address.sun_path)) {
        fail("give it a shorter one, as moka.qmp", "--qmp %s: no path that a socket can have",
             value);
    }
    return value;
}

const char *check_machine(const char *value)
{
    size_t len = strcspn(value, ",");

    if ((len != strlen("microvm") || strncmp(value, "microvm", len) != 0) &&
        (len != strlen("q35") || strncmp(value, "q35", len) != 0)) {
        fail(SEE_HELP, "--machine is microvm or q35, not '%s'", value);
    }
    return value;
}

const char *check_gdb(const char *value)
{
    if (!is_number(value) || atoi(value) < 1 || atoi(value) > 65535) {
        fail("for example: --gdb 1234", "--gdb is a port from 1 to 65535, not '%s'", value);
    }
    return value;
}

const char *check_format(const char *value)
{
    if (strcmp(value, "raw") != 0 && strcmp(value, "qcow2") != 0) {
        fail(SEE_HELP, "--format is raw or qcow2, not '%s'", value);
    }
    return value;
}

const char *check_guest_folder(const char *option, const char *value)
{
    if (value[0] != '/' || strlen(value) >= PATH_MAX) {
        fail("it is a folder of the guest, and starts with a slash",
             "%s wants an absolute path, not '%s'", option, value);
    }
    return value;
}

void add_env(struct words *env, const char *value)
{
    size_t len = strcspn(value, "=");
    const char *ours;

    if (len == 0) {
        fail("for example: -e LANG=C.UTF-8", "-e wants NAME=VALUE, not '%s'", value);
    }
    if (value[len] == '=') {
        words_add(env, text("%s", value));
        return;
    }
    ours = getenv(value);
    if (ours == NULL) {
        fail("give it one: -e NAME=VALUE", "-e %s: there is no such variable here to be handed on",
             value);
    }
    words_add(env, text("%s=%s", value, ours));
}

/* HOST:GUEST[:ro]; the host's folder may not hold a colon, as in docker. */
void add_mount(struct options *options, const char *value)
{
    struct mount *mount = &options->mounts[options->mount_count];
    char *copy = text("%s", value), *guest = strchr(copy, ':'), *mode;
    struct stat stat_buf;

    if (options->mount_count == MOUNTS_MAX) {
        fail("put the folders into one", "more than %d volumes", MOUNTS_MAX);
    }
    if (guest == NULL || guest == copy) {
        fail("for example: -v ~/data:/data:ro", "-v wants HOST:GUEST[:ro], not '%s'", value);
    }
    *guest++ = '\0';
    mode = strchr(guest, ':');
    if (mode != NULL) {
        *mode++ = '\0';
        if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0) {
            fail("for example: -v ~/data:/data:ro", "-v %s: '%s' is neither ro nor rw", value,
                 mode);
        }
        mount->read_only = strcmp(mode, "ro") == 0;
    }
    check_guest_folder("-v HOST:GUEST", guest);
    mount->guest = guest;
    mount->host = realpath(copy, NULL);
    if (mount->host == NULL || stat(mount->host, &stat_buf) != 0 || !S_ISDIR(stat_buf.st_mode)) {
        fail(text("make it first: mkdir -p '%s'", copy), "-v: there is no folder '%s' here", copy);
    }
    if (access(mount->host, R_OK | X_OK) != 0) {
        fail(text("who may, says: ls -ld '%s'", copy), "-v: the folder '%s' may not be read", copy);
    }
    options->mount_count++;
}
