// SPDX-License-Identifier: MIT
// What Groovy runs: closures, dynamic methods, operators, builders, GStrings, traits of
// collections, regular expressions and threads.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import groovy.transform.CompileStatic
import java.util.concurrent.ConcurrentHashMap

class Vector {
    int x, y
    Vector plus(Vector other) { new Vector(x: x + other.x, y: y + other.y) }
    def methodMissing(String name, arguments) { "$name(${arguments.join(', ')})" }
    String toString() { "($x, $y)" }
}

@CompileStatic
class Counter {
    static long collatz(int limit) {
        long most = 0
        for (int i = 1; i < limit; i++) {
            long n = i, steps = 0
            while (n != 1) {
                n = n % 2 == 0 ? n.intdiv(2).longValue() : 3 * n + 1
                steps++
            }
            most = Math.max(most, steps)
        }
        most
    }
}

println((1..1000).collect { new Vector(x: it, y: it * it) }.inject { a, b -> a + b })
println new Vector().anything(1, 'two')
println Counter.collatz(30000)
def text = (1..2000).collect { "key${it * 7919 % 1009}=${it * it % 997};" }.join('\n')
println((text =~ /(?m)^key(\d+)=(\d+);$/).collect { all, key, value -> key.toInteger() * value.toInteger() }.sum())
def totals = new ConcurrentHashMap<Integer, Integer>()
(1..8).collect { n -> Thread.start { (1..2000).each { totals.merge(it % 10, n, { a, b -> a + b }) } } }*.join()
println totals.sort()
def json = JsonOutput.toJson((1..500).collectEntries { ["k$it", [it, "v${it ** 2}"]] })
println new JsonSlurper().parseText(json).collect { key, value -> value[0] }.sum()
println((1..100).groupBy { it % 7 }.collectEntries { key, all -> [key, all.sum()] })
println((1..30).collect { 2G ** it * 1.1 }.sum())
Integer.metaClass.square = { -> delegate * delegate }
println 12.square()
def shell = new GroovyShell(new Binding(n: 5))
println((1..40).collect { shell.evaluate("(1..n).collect { it * $it }.sum()") }.sum())
