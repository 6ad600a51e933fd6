// SPDX-License-Identifier: MIT
// What scalac compiles, and then runs: case classes, pattern matching, implicits, traits, lazy
// values, parallel collections, futures, regular expressions and XML-free text.
import scala.collection.mutable
import scala.concurrent.duration.Duration
import scala.concurrent.{Await, Future}
import scala.concurrent.ExecutionContext.Implicits.global

sealed trait Expression
case class Number(value: BigInt) extends Expression
case class Add(left: Expression, right: Expression) extends Expression
case class Multiply(left: Expression, right: Expression) extends Expression
case class Variable(name: String) extends Expression

trait Ring[T] {
  def zero: T
  def plus(a: T, b: T): T
}

object Ring {
  implicit val ints: Ring[Int] = new Ring[Int] {
    def zero = 0
    def plus(a: Int, b: Int) = a + b
  }
  implicit def pairs[A, B](implicit a: Ring[A], b: Ring[B]): Ring[(A, B)] = new Ring[(A, B)] {
    def zero = (a.zero, b.zero)
    def plus(x: (A, B), y: (A, B)) = (a.plus(x._1, y._1), b.plus(x._2, y._2))
  }
  def sum[T](all: Seq[T])(implicit ring: Ring[T]): T = all.foldLeft(ring.zero)(ring.plus)
}

object Program {
  def evaluate(expression: Expression, names: Map[String, BigInt]): BigInt = expression match {
    case Number(value) => value
    case Variable(name) => names.getOrElse(name, 0)
    case Add(Number(zero), right) if zero == 0 => evaluate(right, names)
    case Add(left, right) => evaluate(left, names) + evaluate(right, names)
    case Multiply(left, right) => evaluate(left, names) * evaluate(right, names)
  }

  def tree(depth: Int): Expression =
    if (depth == 0) Variable("x")
    else if (depth % 2 == 0) Add(Number(depth % 3), tree(depth - 1))
    else Multiply(tree(depth - 1), Add(Number(1), Variable("y")))

  lazy val primes: Stream[Int] = 2 #:: Stream.from(3, 2).filter { n =>
    primes.takeWhile(p => p * p <= n).forall(n % _ != 0)
  }

  def main(arguments: Array[String]) {
    println(evaluate(tree(200), Map("x" -> 3, "y" -> 2)))
    println(Ring.sum((1 to 1000).map(i => (i, (i * i, -i)))))
    println(primes.take(2000).last)
    println((1 to 200000).par.map(i => i.toLong * i % 1009).sum)
    val futures = for (i <- 1 to 50) yield Future((1 to i * 100).map(_.toString.reverse.toLong).sum)
    println(Await.result(Future.sequence(futures), Duration.Inf).sum)
    val pattern = """(\w+)=(\d+)""".r
    val found = mutable.LinkedHashMap[String, Int]()
    for (pattern(key, value) <- pattern.findAllIn("a=1, b=22 c = 3 d=4")) {
      found(key) = value.toInt
    }
    println(found)
    println("hello".zipWithIndex.map { case (c, i) => c.toString * i }.mkString("-"))
    try {
      List.empty[Int].head
    } catch {
      case e: NoSuchElementException => println(e.getMessage)
    }
  }
}
