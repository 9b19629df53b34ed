"""
Validation, estimation and editing of interval data: pure functions of arrays.

Where things are, in the order of a run (vee.md 1.4); `kernels` has the arithmetic of each step.

- What is judged: `block` (channels by slots), with `context` (what they measure, what went before),
  `evidence` (what may help an estimate) and `edits` (what people decided). `gridding` and `layout`
  make it of stored rows.
- By what: `rules`, whose keys are in `rule_tables` and are read by `rules_file`; `editions` says
  which set judges which day. `catalogue` is the list of rules, `examples` are days to try a set on.
- Validation: `examination` is the order. `clocks`, then `screening` sees every value once, `sums`
  asks the registers, `day_rules` look at days; what they say is collected in `marks`.
  `adjudication` settles doubts by registers, with `culprits` and `disconnected`.
- Estimation: `shapes` tries the methods, `warmth` adds the weather, `scaling` meets the registers;
  `estimation` puts them together.
- What comes of it: `engine` runs all of this for the days and brackets that `scope` says, `amend`
  says which versions are appended, `tally` counts, `findings` tells people.
- Why: `explanation` and `factors` make an estimate again, `names` has the words.
- Bills: `bill` and `period`. Beside intervals: `leaks`, `grid`.
"""
