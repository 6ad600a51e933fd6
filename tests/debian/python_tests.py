# SPDX-License-Identifier: MIT
"""Runs modules of Python's own test suite in one process.

    python_tests.py --without FILE MODULE...

One line goes to standard output for each test: pass, skip, fail or error, the
test's name, what it needed that Moka has not, and the last line of why.  What
the tests print themselves is dropped.  "fork", "socket" or "pty" stands in a
line when the test, or the set-up before it, tried to start a process, to open a
socket or a pseudo-terminal, so that the comparison between Linux and Moka can tell these failures
from all others.
"""
import faulthandler
import importlib
import os
import socket
import sys
import tempfile
import threading
import unittest

import _posixsubprocess
import posix
from test import support

report = os.fdopen(os.dup(1), 'w', encoding='utf-8', errors='replace', buffering=1)
errors = os.fdopen(os.dup(2), 'w')
needs = set()


def note(module, name, need):
    """Makes module.name() write down that need before it does its work."""
    function = getattr(module, name)

    def noting(*arguments, **keywords):
        needs.add(need)
        return function(*arguments, **keywords)
    setattr(module, name, noting)


def without(suite, names):
    """Takes the tests of those names out of suite."""
    suite._tests = [test for test in suite if isinstance(test, unittest.TestSuite) or test.id() not in names]
    for test in suite._tests:
        if isinstance(test, unittest.TestSuite):
            without(test, names)
    return suite


def last_line(error):
    text = str(error[1]).strip().splitlines()
    return '%s: %s' % (error[0].__name__, text[0] if text else '')


class Result(unittest.TestResult):
    """A result that is a line of text at once: a crash loses nothing."""

    def say(self, word, test, why=''):
        name = test.id().replace(' ', '_')
        report.write(' '.join([word, name, '+'.join(sorted(needs)) or '-', why[:160]]) + '\n')

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(90, exit=True, file=errors)
        self.subtest_failed = False

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        needs.clear()

    def addSuccess(self, test):
        if not self.subtest_failed:
            self.say('pass', test)

    def addSkip(self, test, reason):
        self.say('skip', test, reason)

    def addFailure(self, test, error):
        self.say('fail', test, last_line(error))

    def addError(self, test, error):
        self.say('error', test, last_line(error))

    def addExpectedFailure(self, test, error):
        self.say('pass', test, 'expected to fail')

    def addUnexpectedSuccess(self, test):
        self.say('fail', test, 'unexpected success')

    def addSubTest(self, test, subtest, error):
        if error is not None and not self.subtest_failed:
            self.subtest_failed = True
            self.say('fail', test, last_line(error))


def run_module(name):
    """The tests of one module; what a whole module says, under its name."""
    needs.clear()
    try:
        module = importlib.import_module('test.' + name)
        tests = getattr(module, 'test_main', None) or (
            lambda: support._run_suite(unittest.TestLoader().loadTestsFromModule(module)))
    except unittest.SkipTest as reason:
        report.write('skip %s %s %s\n' % (name, '+'.join(sorted(needs)) or '-', reason))
        return
    except Exception as why:
        report.write('error %s %s %r\n' % (name, '+'.join(sorted(needs)) or '-', why))
        return
    tests()
    support.reap_children()


def main():
    for function in ['fork', 'forkpty', 'posix_spawn', 'posix_spawnp', 'system', 'execve', 'execv']:
        note(os, function, 'fork')
        note(posix, function, 'fork')
    note(os, 'openpty', 'pty')
    note(_posixsubprocess, 'fork_exec', 'fork')
    note(socket.socket, '__init__', 'socket')
    note(socket, 'socketpair', 'socket')
    support.verbose = 0
    support.use_resources = []
    with open(sys.argv[2], encoding='utf-8') as file:
        hang = {line.split()[0] for line in file if line.split()[1:2] == ['hangs']}
    support._run_suite = lambda suite: without(suite, hang).run(Result())
    null = os.open('/dev/null', os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in sys.argv[3:]:
            run_module(name)
            os.chdir(folder)
        os.chdir('/')
    report.write('end\n')
    # Threads that a test has left must not keep the process.
    report.flush()
    os._exit(0)


if __name__ == '__main__':
    main()
