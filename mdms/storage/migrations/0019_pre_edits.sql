-- What people ask to be changed in the reads. A row never changes; at most one decision about it
-- follows, and only an approved one becomes versions of source edit. Arrays go interval by interval,
-- null where nothing was stored or wanted; a register has one instant and one value.
CREATE TABLE edit (
    edit_id         uuid PRIMARY KEY,
    channel_id      integer NOT NULL,
    operation       text NOT NULL,
    start_utc       timestamptz NOT NULL,
    end_utc         timestamptz NOT NULL,
    parameters      jsonb NOT NULL,
    reason          text NOT NULL,
    text            text NOT NULL,
    ticket          text NOT NULL,
    override_sum    text NOT NULL,             -- why the bracket need not add up; empty: it does
    before          bigint[] NOT NULL,
    before_status   text NOT NULL,             -- one letter each, - where nothing was stored
    basis           integer[] NOT NULL,        -- version of each, -1 where nothing was stored
    after           bigint[] NOT NULL,
    after_status    text NOT NULL,
    residual_before bigint[] NOT NULL,         -- register less intervals, bracket by bracket
    residual_after  bigint[] NOT NULL,
    change          bigint NOT NULL,
    four_eyes       text[] NOT NULL,           -- why another person must approve; empty: nobody
    editor          text NOT NULL,
    editor_role     text NOT NULL,
    asked_at        timestamptz NOT NULL,
    vee_exception_id bigint
);
CREATE INDEX edit_channel ON edit (channel_id, start_utc);

CREATE TABLE edit_decision (
    edit_id uuid PRIMARY KEY REFERENCES edit,
    state   text NOT NULL,                     -- approved, refused
    by      text NOT NULL,
    role    text NOT NULL,
    at      timestamptz NOT NULL,
    text    text NOT NULL
);

-- Who looks into an exception, and what was answered. What a person answered is not asked again for
-- the same day, rule and words.
ALTER TABLE vee_exception
    ADD COLUMN assigned_to text NOT NULL DEFAULT '',
    ADD COLUMN answer      text NOT NULL DEFAULT '',
    ADD COLUMN answered_by text NOT NULL DEFAULT '';
CREATE INDEX vee_exception_answered ON vee_exception (channel_id, local_day, rule)
    WHERE answer <> '';
