/* SPDX-License-Identifier: MIT */
/*
 * An agent that prints, when the JVM ends, the role of each of its threads
 * ("role NUMBER NAME") and the times by role ("times ROLE THREADS RUNNING
 * WAITING").  Built without jni.h: a JVM calls two functions by their names.
 */
#include <dirent.h>
#include <moka/hooks.h>
#include <moka/role.h>
#include <stdio.h>
#include <stdlib.h>

int Agent_OnLoad(void *vm, char *options, void *reserved);
void Agent_OnUnload(void *vm);

int Agent_OnLoad(void *vm, char *options, void *reserved)
{
    const struct moka_hooks *moka = moka_hooks_find();

    (void)vm;
    (void)options;
    (void)reserved;
    return moka != NULL && moka->role != NULL ? 0 : -1;
}

static void print_role(const struct moka_role_hooks *roles, int tid)
{
    char path[64], name[64] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
    file = fopen(path, "r");
    if (file != NULL && fgets(name, sizeof(name), file) != NULL) {
        printf("role %d %s", roles->get(tid), name);
    }
    if (file != NULL) {
        fclose(file);
    }
}

void Agent_OnUnload(void *vm)
{
    const struct moka_role_hooks *roles = moka_hooks_find()->role;
    struct moka_role_times times[MOKA_ROLES];
    DIR *tasks = opendir("/proc/self/task");

    (void)vm;
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
        if (atoi(task->d_name) > 0) {
            print_role(roles, atoi(task->d_name));
        }
    }
    roles->times(times, MOKA_ROLES);
    for (int i = 0; i < MOKA_ROLES; i++) {
        printf("times %d %lu %lu %lu\n", i, (unsigned long)times[i].threads,
               (unsigned long)times[i].running, (unsigned long)times[i].waiting);
    }
    fflush(stdout);
}
