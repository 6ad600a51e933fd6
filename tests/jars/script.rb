# SPDX-License-Identifier: MIT
# What JRuby runs: classes, modules and refinements of a scripting language, blocks, regular
# expressions, threads and queues, files, a digest, large numbers, and calls into Java.
require 'digest'
require 'json'
require 'set'
require 'tempfile'

class Shape
  include Comparable
  attr_reader :name

  def initialize(name)
    @name = name
  end

  def <=>(other)
    area <=> other.area
  end
end

class Circle < Shape
  def initialize(radius)
    super('circle')
    @radius = radius
  end

  def area
    Math::PI * @radius**2
  end
end

class Square < Shape
  def initialize(side)
    super('square')
    @side = side
  end

  def area
    (@side * @side).to_f
  end

  def method_missing(method, *arguments)
    method.to_s.start_with?('times_') ? area * method.to_s[6..-1].to_i : super
  end

  def respond_to_missing?(method, all = false)
    method.to_s.start_with?('times_') || super
  end
end

shapes = (1..50).flat_map { |n| [Circle.new(n), Square.new(n * 2)] }
puts shapes.sort.first(5).map { |s| format('%s %.3f', s.name, s.area) }
puts shapes.group_by(&:name).map { |name, all| "#{name} #{all.map(&:area).sum.round(3)}" }.sort
puts Square.new(3).times_4
begin
  Square.new(3).unknown
rescue NoMethodError => e
  puts e.class
end

text = (1..3000).map { |i| "key#{i * 7919 % 1009}=#{i * i % 997};" }.join("\n")
pairs = text.scan(/^key(\d+)=(?<value>\d+);$/) # a named group makes the other one silent
puts pairs.size, text.gsub(/(\d)(\d)(?=;)/) { "#{$2}#{$1}" }.sum
puts text[/key(?:1|2)00=\d+/], text =~ /key77=/
puts 'naïve café ÄÖÜ'.unicode_normalize(:nfd).scan(/\p{L}/).size

queue = Queue.new
lock = Mutex.new
sums = Hash.new(0)
workers = Array.new(6) do
  Thread.new do
    while (n = queue.pop) != :end
      value = (1..n).reduce(:lcm)
      lock.synchronize { sums[n % 10] += value }
    end
  end
end
300.times { |n| queue << n + 1 }
6.times { queue << :end }
workers.each(&:join)
puts sums.sort.map { |digit, value| "#{digit}:#{Digest::SHA256.hexdigest(value.to_s)[0, 8]}" }.join(' ')

fibers = Fiber.new do
  a, b = 0, 1
  loop do
    Fiber.yield a
    a, b = b, a + b
  end
end
puts Array.new(100) { fibers.resume }.last

Tempfile.create('moka') do |file|
  20000.times { |i| file.puts JSON.generate('id' => i, 'squares' => [i, i * i]) }
  file.flush
  rows = File.foreach(file.path).map { |line| JSON.parse(line) }
  puts rows.sum { |row| row['squares'][1] }, File.size(file.path)
end

sieve = (2..200_000).to_a
primes = Set.new
flags = Array.new(200_001, true)
sieve.each do |n|
  next unless flags[n]

  primes << n
  (n * n).step(200_000, n) { |m| flags[m] = false }
end
puts primes.size, (2**521 - 1).to_s.length, (1..200).inject(:*).to_s.sum

list = java.util.ArrayList.new((1..1000).to_a)
java.util.Collections.shuffle(list, java.util.Random.new(42))
puts list.first(5).join(','), java.lang.String.format('%,d', 1234567)
puts ObjectSpace.respond_to?(:garbage_collect)
