"""
The way in: collectors' messages to stored reads.

Where things are, in the order in which a message goes through them.

- From the broker: `mqtt`, by `connection`, many at a time by `packets`; `handover` keeps what
  nobody asked for yet, `backoff` waits when something is away. In a simulation `followed` keeps its
  time and `held` what lies ahead of it.
- `pipeline` is the heart: prepare, store, acknowledge.
- Preparing (`preparing`): `assembly` puts rows together. `codecs` open messages, `admission` lets
  them in, `trailers` and `tags` check who signed them, `joined` reads the frames of all. `channels`
  (by a `key_table`) says whose they are, `reads` which values they hold, `reported` whose events.
  `quota` sheds floods, `refused` says what may be kept of a refusal, `known` drops copies.
- Noticed beside the values: `alarm_bits`, `clock_watch`, `overflow`, `hearing`.
- Storing: `appending` reads, `late` sends judged days back, `counting` (by `sequence`) follows
  collectors' numbers, `towers` (by `state`) what they say of themselves; `alarms` are acknowledged.
- Afterwards: `quarantine` and `replay` read again, by `again`; `tracing` finds a value's frames,
  `proof` looks every night whether what was acknowledged is there, `rehearsal` tries a broker.
"""
