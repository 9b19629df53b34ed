"""
Leaks by the hour, for all meters at once: vee.md 7.

What is known of each meter is one row of `vee.leaks.memory`; `vee.leaks.watch` takes it through one
local day at a time, so that last night's run and a run over the whole past end in the same bits.
"""
