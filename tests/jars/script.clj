;; SPDX-License-Identifier: MIT
;; What Clojure runs: pmap, transducers, agents, refs and atoms changed by many threads, lazy
;; sequences, records, protocols, multimethods, macros compiled on the way, and ratios.
(require '[clojure.string :as string] '[clojure.set :as sets] '[clojure.core.reducers :as r])

(defprotocol Shape (area [this]))
(defrecord Circle [radius] Shape (area [_] (* Math/PI radius radius)))
(defrecord Square [side] Shape (area [_] (* side side)))
(println (format "%.3f" (reduce + (map area (interleave (map ->Circle (range 50)) (map ->Square (range 50)))))))

(def steps (comp (filter odd?) (map #(* % %)) (partition-by #(quot % 1000)) (map count) (take-while #(< % 1000))))
(println (transduce steps + (range 300000)) (count (into #{} steps (range 100000))))

(defn collatz [n] (loop [n n steps 0] (if (= n 1) steps (recur (if (even? n) (quot n 2) (inc (* 3 n))) (inc steps)))))
(println (reduce max (pmap (fn [part] (reduce max (map collatz part))) (partition-all 1000 (range 1 60000)))))
(println (r/fold + (r/map collatz (vec (range 1 60000)))))

(def accounts (vec (repeatedly 20 #(ref 1000))))
(def moves (atom 0))
(defn move [n]
  (let [from (accounts (mod (* n 7) 20)) to (accounts (mod (+ 1 (* n 7)) 20))]
    (dosync (alter from - (mod n 13)) (alter to + (mod n 13)))
    (swap! moves inc)))
(doseq [done (doall (for [part (partition-all 500 (range 10000))] (future (run! move part))))] @done)
(println @moves (reduce + (map deref accounts)) (map deref accounts))

(def counter (agent {}))
(doseq [word (string/split (string/join " " (map #(str "w" (mod (* % %) 101)) (range 5000))) #" ")]
  (send counter update word (fnil inc 0)))
(await counter)
(println (take 5 (sort-by (juxt (comp - val) key) @counter)))

(defmulti describe :kind)
(defmethod describe :a [{n :n}] (str "a" n))
(defmethod describe :default [_] "other")
(println (map describe [{:kind :a :n 1} {:kind :b}]))

(defmacro unless [test then] `(if (not ~test) ~then nil))
(println (unless false (/ 1 3)) (reduce *' (range 1 40)) (sets/difference #{1 2 3} #{2}))
(println (take 10 ((fn sieve [s] (lazy-seq (cons (first s) (sieve (remove #(zero? (mod % (first s))) (rest s)))))) (iterate inc 2))))
(println (try (eval '(let [x nil] (.length ^String x))) (catch NullPointerException e "NullPointerException")))
(dotimes [n 60] (eval `(defn ~(symbol (str "made" n)) [x#] (+ x# ~n))))
(println (eval '(reduce + (map #(% 1) [made0 made30 made59]))))
(shutdown-agents)
