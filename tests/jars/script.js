// SPDX-License-Identifier: MIT
// What Rhino runs, interpreted or compiled: closures, prototypes, arrays, regular expressions,
// JSON, exceptions, numbers, and threads by way of Java.
function Tree(value) { this.value = value; this.left = this.right = null; }
Tree.prototype.insert = function (value) {
    var side = value < this.value ? 'left' : 'right';
    if (this[side]) this[side].insert(value); else this[side] = new Tree(value);
};
Tree.prototype.walk = function (visit) {
    if (this.left) this.left.walk(visit);
    visit(this.value);
    if (this.right) this.right.walk(visit);
};
var root = new Tree(500), seen = [];
for (var i = 0; i < 5000; i++) root.insert(i * 7919 % 10007);
root.walk(function (value) { seen.push(value); });
print(seen.length, seen.slice(0, 5), seen.reduce(function (a, b) { return a + b; }));

var text = [];
for (i = 0; i < 3000; i++) text.push('key' + i * 7919 % 1009 + '=' + i * i % 997 + ';');
text = text.join('\n');
print(text.match(/^key\d+=\d+;$/mg).length, text.replace(/(\d)(\d)(?=;)/g, '$2$1').length);
print(JSON.stringify(JSON.parse('{"a": [1, 2.5, {"b": null}], "c": "\\u20ac"}')));

function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
print(fib(24), 1 / 3, 0.1 + 0.2, 1e21, (255).toString(16));
var x = 0;
for (i = 0; i < 2000000; i++) x = (x * 31 + i) & 0xffff;
print(x);
try { undefined.property; } catch (e) { print(e.name); }

var total = new java.util.concurrent.atomic.AtomicLong(), threads = [];
for (i = 0; i < 4; i++) {
    threads.push(spawn((function (n) {
        return function () { for (var j = 0; j < 1000; j++) total.addAndGet(n * j); };
    })(i)));
}
threads.forEach(function (thread) { thread.join(); });
print(total.get());
