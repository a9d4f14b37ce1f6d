// Package executor runs plans: fragments as soon as their keys exist, sibling
// joins in parallel, a key of a lookup once per request. It knows neither how
// plans are made nor which sources exist.
//
// # Claims
//
// Joins below one batch settle who fetches what before any of them runs:
//
//	batch of albums           keys       claim           group (one for each lookup)
//	  join author             1 2 1  ->  entries 1 2  -> fetches 1 2 3
//	  join editor, the same   2 3    ->  entries 2 3  -> ^ the sibling's
//	batch of reviews, later
//	  join author, the same   3 4    ->  entries 3 4  -> fetches 4, waits for 3
//
// A key's entry is in one of these states; it never goes back:
//
//	unknown --claim--> claimed by a group --fetch--> done, with a value or a failure
//	                        |    others that want it wait here
//	                        +--panic--> abandoned, which ends every wait
//
// # Rounds
//
// Lookups of the same rows that differ in what they select have a union
// (plan.Union), whose statements are sent in rounds. The groups of siblings claim
// theirs at the same time, those whose union selects most first:
//
//	group author { name }         union {name}         wants 1 2
//	group editor { name posts }   union {name, posts}  wants 2 3
//
//	round of {name, posts}: 2 3   run by editor's group
//	round of {name}:        1     run by author's group, which waits for 2
//
// A group claims, runs the round it has taken on, waits for the rounds of others
// that hold its keys, and only then makes its values (project) and fills the holes
// below. A round waits for nothing but its source, so that no two groups can wait for
// each other, however the lookups stand inside of one another:
//
//	keys claimed --> own round sent --> other rounds done --> projected --> joins below
//
// What is settled is settled in the order of the fields. Batches that exist at the
// same time, of different root fields or at different depths, claim in the order in
// which their rows arrive: a lookup that wants less may claim a key before another
// one claims it of a wider union, and then the key is fetched by both. Nobody waits
// to find out: it would cost a round trip. So values and errors never depend on
// time, and a key is never fetched twice by one union, but the number of keys sent
// may be larger by those that a narrower union had claimed already.
package executor
