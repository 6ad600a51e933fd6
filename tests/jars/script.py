# SPDX-License-Identifier: MIT
# What Jython runs: classes, generators, regular expressions, threads, files, numbers, calls into
# Java, and a loop of records, arrays and calls such as synthetic benchmarks are made of.
import json
import os
import re
import tempfile
import threading
from collections import defaultdict, namedtuple

from java.util import ArrayList, Collections, Random
from java.util.concurrent import Callable, Executors


class Node(object):
    count = 0

    def __init__(self, value):
        self.value, self.left, self.right = value, None, None
        Node.count += 1

    def insert(self, value):
        side = 'left' if value < self.value else 'right'
        child = getattr(self, side)
        if child is None:
            setattr(self, side, Node(value))
        else:
            child.insert(value)

    def __iter__(self):
        for child in self.left, self, self.right:
            if child is self:
                yield self.value
            elif child is not None:
                for value in child:
                    yield value


root = Node(5000)
for i in range(3000):
    root.insert(i * 7919 % 10007)
print Node.count, sum(root), list(root)[:5]

text = '\n'.join('key%d=%d;' % (i * 7919 % 1009, i * i % 997) for i in range(3000))
print len(re.findall(r'^key(?P<key>\d+)=(\d+);$', text, re.M)), \
    re.sub(r'(\d)(\d)(?=;)', r'\2\1', text).count('12;'), re.search('key77=(.*);', text).group(1)

totals, lock = defaultdict(int), threading.Lock()


def work(first):
    for n in range(first, 4000, 5):
        value = pow(3, n, 1000003)
        with lock:
            totals[n % 7] += value


threads = [threading.Thread(target=work, args=(i,)) for i in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print sorted(totals.items())


class Task(Callable):
    def __init__(self, n):
        self.n = n

    def call(self):
        return reduce(lambda a, b: a * b, range(1, self.n + 1)) % 1000000007


pool = Executors.newFixedThreadPool(3)
print sum(f.get() for f in pool.invokeAll([Task(n) for n in range(1, 150)]))
pool.shutdown()

items = ArrayList(range(1000))
Collections.shuffle(items, Random(42))
print list(items)[:5], 2 ** 521 % 1000000007, repr(1.0 / 3), u'\xe4\u20ac'.encode('utf-8').encode('hex')

handle, path = tempfile.mkstemp()
os.close(handle)
with open(path, 'w') as rows:
    for i in xrange(5000):
        rows.write(json.dumps({'id': i, 'square': i * i}, sort_keys=True) + '\n')
with open(path) as rows:
    print sum(json.loads(row)['square'] for row in rows), os.path.getsize(path)
os.remove(path)

Record = namedtuple('Record', 'kind number name')


def step(record, table, n):
    if record.kind == n % 5 and record.name > 'R':
        table[n % len(table)] += record.number
    return record._replace(kind=(record.kind + 1) % 5, number=record.number + n & 1023)


record, table = Record(0, 1, 'RECORD'), [0] * 51
for n in xrange(100000):
    record = step(record, table, n)
print record, sum(table)
try:
    {}['nothing']
except KeyError as e:
    print 'KeyError', e
