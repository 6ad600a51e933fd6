/* SPDX-License-Identifier: MIT */
/* Programs of tests/guest/app_event.c; each returns 0, or the line that failed. */
#pragma once

long event_app_signals(void);  /* pipes, poll, epoll_wait and signals */
long event_app_signalfd(void); /* signalfd in a process that has signals */
