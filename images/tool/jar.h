/* SPDX-License-Identifier: MIT */
#pragma once

enum jar_state { JAR_FINE, JAR_UNREADABLE, JAR_NO_ZIP, JAR_NO_MANIFEST };

/* JAR_FINE: *manifest is its text, the caller's to free; JAR_UNREADABLE: errno says why. */
enum jar_state jar_read(const char *path, char **manifest);
/* The value of the main section's attribute, the caller's to free; NULL: it has none. */
char *jar_attribute(const char *manifest, const char *name);
