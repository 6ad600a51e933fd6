(: SPDX-License-Identifier: MIT :)
(: What Saxon evaluates: functions, recursion, grouping, sorting, regular expressions, built trees. :)
declare variable $count external := 1000;
declare function local:collatz($n as xs:integer, $steps as xs:integer) as xs:integer {
  if ($n = 1) then $steps
  else local:collatz(if ($n mod 2 = 0) then $n idiv 2 else 3 * $n + 1, $steps + 1)
};
declare variable $items := <items>{
  for $i in 1 to xs:integer($count)
  return <item id="i{$i}" kind="{$i mod 7}"><steps>{local:collatz($i, 0)}</steps></item>
}</items>;
 <result longest="{max($items/item/xs:integer(steps))}">{
  for $item in $items/item
  group by $kind := $item/@kind
  order by sum($item/steps) descending
  return <kind name="{$kind}" count="{count($item)}" sum="{sum($item/steps)}" last="{
    replace($item[last()]/@id, '^i(\d)(.*)$', '$2-$1')}"/>
}{ string-join(distinct-values($items/item[steps > 150]/@kind), ' ') }</result>
