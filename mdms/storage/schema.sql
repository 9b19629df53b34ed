-- What the migrations make on plain PostgreSQL, for reading only: change a migration, then run
-- MDMS_WRITE_SCHEMA=1 python -m pytest tests/integration/storage/test_schema.py

CREATE SCHEMA personal;

CREATE SCHEMA report;

CREATE SCHEMA signer;

CREATE FUNCTION public.control_has_ended() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'command % has ended: % is not followed by %',
        OLD.control_id, OLD.state, NEW.state;
END
$$;

CREATE FUNCTION public.note_registry_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        INSERT INTO registry_change DEFAULT VALUES;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is frozen: rows are added, never changed', TG_TABLE_NAME;
END $$;

CREATE TABLE personal.access_grant (
    grant_id uuid NOT NULL,
    sha256 text NOT NULL,
    holder text NOT NULL,
    account_ids text[] NOT NULL,
    data text[] NOT NULL,
    first_on date,
    last_on date,
    evidence text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    issued_by text NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT access_grant_account_ids_check CHECK ((cardinality(account_ids) > 0)),
    CONSTRAINT access_grant_holder_check CHECK ((holder = ANY (ARRAY['owner'::text, 'guest'::text, 'property_manager'::text, 'payer'::text, 'third_party'::text])))
);

CREATE TABLE personal.access_log (
    access_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    role text NOT NULL,
    data text NOT NULL,
    place text NOT NULL,
    account_ids text[] NOT NULL,
    first_on date,
    last_on date,
    purpose text NOT NULL,
    code text NOT NULL
);

ALTER TABLE personal.access_log ALTER COLUMN access_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME personal.access_log_access_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE personal.aggregate_part (
    release_id bigint NOT NULL,
    account_id text NOT NULL,
    residential boolean NOT NULL,
    amount numeric NOT NULL
);

CREATE TABLE personal.aggregate_release (
    release_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    quantity text NOT NULL,
    month date NOT NULL,
    cut text NOT NULL,
    member text NOT NULL,
    total numeric,
    code text NOT NULL
);

ALTER TABLE personal.aggregate_release ALTER COLUMN release_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME personal.aggregate_release_release_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE personal.alert (
    alert_id uuid NOT NULL,
    account_id text NOT NULL,
    usage_point_id text,
    kind text NOT NULL,
    subject text NOT NULL,
    figures jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer NOT NULL,
    delivered_at timestamp with time zone,
    dead_at timestamp with time zone
);

CREATE TABLE personal.alert_wish (
    account_id text NOT NULL,
    usage_point_id text NOT NULL,
    kind text NOT NULL,
    threshold numeric NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT alert_wish_kind_check CHECK ((kind = ANY (ARRAY['usage'::text, 'high_use'::text]))),
    CONSTRAINT alert_wish_threshold_check CHECK ((threshold > (0)::numeric))
);

CREATE TABLE personal.answer (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    status smallint,
    media_type text,
    body bytea
);

CREATE TABLE personal.contact (
    account_id text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    phone text NOT NULL,
    address text NOT NULL
);

CREATE TABLE public.account (
    account_id text NOT NULL,
    master_account_id text NOT NULL,
    customer_type text NOT NULL,
    opened_on date NOT NULL,
    closed_on date
);

CREATE TABLE public.agreement (
    account_id text NOT NULL,
    usage_point_id text NOT NULL,
    start_on date NOT NULL,
    end_on date
);

CREATE TABLE public.api_token (
    sha256 text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL,
    nouns text[] NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    revoked_at timestamp with time zone
);

CREATE TABLE public.audit_head (
    only_row boolean DEFAULT true NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_head_only_row_check CHECK (only_row)
);

CREATE TABLE public.audit_record (
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    actor text NOT NULL,
    content bytea NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE public.audit_seal (
    number bigint NOT NULL,
    hash bytea NOT NULL,
    at timestamp with time zone NOT NULL,
    signature bytea NOT NULL,
    own_number bigint DEFAULT 0 NOT NULL,
    own_hash bytea DEFAULT decode(repeat('00'::text, 32), 'hex'::text) NOT NULL
);

CREATE TABLE public.batch_count (
    collector_id bigint NOT NULL,
    boot_id bigint NOT NULL,
    base_seq bigint NOT NULL,
    top_seq bigint NOT NULL,
    newest_us bigint NOT NULL,
    since_us bigint NOT NULL
);

CREATE TABLE public.billed_service (
    window_start date NOT NULL,
    window_end date NOT NULL,
    usage_point_id text NOT NULL,
    period smallint NOT NULL,
    revision smallint NOT NULL,
    premise_id text NOT NULL,
    account_id text NOT NULL,
    commodity text NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    opened_by text NOT NULL,
    closed_by text NOT NULL,
    service_days integer NOT NULL,
    quality text NOT NULL,
    estimated_share numeric NOT NULL,
    quantities jsonb NOT NULL,
    flags text[] NOT NULL,
    detail jsonb NOT NULL,
    rules jsonb NOT NULL,
    parts text[] NOT NULL,
    content_hash text NOT NULL,
    frozen_at timestamp with time zone NOT NULL
);

CREATE TABLE public.billing_ack (
    window_start date NOT NULL,
    window_end date NOT NULL,
    digest text NOT NULL,
    services integer NOT NULL,
    acknowledged_at timestamp with time zone NOT NULL,
    acknowledged_by text NOT NULL,
    reference text NOT NULL
);

CREATE TABLE public.billing_block (
    window_start date NOT NULL,
    window_end date NOT NULL,
    channel_id integer NOT NULL,
    badge text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL
);

CREATE TABLE public.billing_correction (
    number bigint NOT NULL,
    window_start date NOT NULL,
    window_end date NOT NULL,
    usage_point_id text NOT NULL,
    period smallint NOT NULL,
    revision smallint NOT NULL,
    account_id text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    found_by text NOT NULL,
    changes jsonb NOT NULL,
    causes text[] NOT NULL,
    flags text[] NOT NULL,
    treatment text NOT NULL,
    notice_by date NOT NULL,
    old_hash text NOT NULL,
    new_hash text NOT NULL,
    noticed_at timestamp with time zone,
    noticed_by text NOT NULL,
    proposed boolean DEFAULT false NOT NULL
);

ALTER TABLE public.billing_correction ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.billing_correction_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.billing_determinant (
    window_start date NOT NULL,
    window_end date NOT NULL,
    channel_id integer NOT NULL,
    badge text NOT NULL,
    reading_type text NOT NULL,
    usage_point_id text NOT NULL,
    premise_id text NOT NULL,
    account_id text NOT NULL,
    read_start_utc timestamp with time zone NOT NULL,
    read_end_utc timestamp with time zone NOT NULL,
    register_start bigint NOT NULL,
    register_end bigint NOT NULL,
    usage_quanta bigint NOT NULL,
    usage_units bigint NOT NULL,
    unit text NOT NULL,
    quality text NOT NULL,
    method text NOT NULL,
    estimated_share numeric NOT NULL,
    interval_count integer NOT NULL,
    estimated_count integer NOT NULL,
    versions bytea NOT NULL,
    ruleset_hash text NOT NULL,
    content_hash text NOT NULL,
    period smallint DEFAULT 1 NOT NULL,
    opened_by text DEFAULT 'PERIODIC'::text NOT NULL,
    closed_by text DEFAULT 'PERIODIC'::text NOT NULL,
    revision smallint DEFAULT 1 NOT NULL
);

CREATE TABLE public.billing_estimate (
    channel_id integer NOT NULL,
    window_start date NOT NULL,
    window_end date NOT NULL,
    reason text NOT NULL,
    basis text NOT NULL,
    usage numeric NOT NULL,
    days integer NOT NULL,
    register bigint NOT NULL,
    estimated_at timestamp with time zone NOT NULL,
    estimated_by text NOT NULL
);

CREATE TABLE public.billing_event (
    number bigint NOT NULL,
    kind text NOT NULL,
    account_id text NOT NULL,
    subject_id text NOT NULL,
    due_on date NOT NULL,
    amount_usd numeric(12,2) NOT NULL,
    clause text NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE public.billing_event_carried (
    number bigint NOT NULL,
    window_start date NOT NULL,
    window_end date NOT NULL
);

ALTER TABLE public.billing_event ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.billing_event_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.billing_overtaken (
    window_start date NOT NULL,
    window_end date NOT NULL,
    channel_id integer NOT NULL
);

CREATE TABLE public.billing_read_day (
    billing_cycle integer NOT NULL,
    read_on date NOT NULL
);

CREATE TABLE public.billing_window (
    window_start date NOT NULL,
    window_end date NOT NULL,
    frozen_at timestamp with time zone NOT NULL
);

CREATE TABLE public.capability (
    only_row boolean DEFAULT true NOT NULL,
    timescaledb_version text,
    CONSTRAINT capability_only_row_check CHECK (only_row)
);

CREATE TABLE public.channel (
    channel_id integer NOT NULL,
    badge text NOT NULL,
    channel smallint NOT NULL,
    reading_type text NOT NULL,
    interval_s integer NOT NULL,
    unit text NOT NULL
);

ALTER TABLE public.channel ALTER COLUMN channel_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.channel_channel_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.cis_fact (
    cis_fact_id bigint NOT NULL,
    subject text NOT NULL,
    subject_id text NOT NULL,
    fact text NOT NULL,
    value text NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    known_at timestamp with time zone NOT NULL,
    evidence text NOT NULL
);

ALTER TABLE public.cis_fact ALTER COLUMN cis_fact_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cis_fact_cis_fact_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.collector (
    collector_id bigint NOT NULL,
    name text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL
);

CREATE TABLE public.collector_sequence (
    collector_id bigint NOT NULL,
    boot_id bigint NOT NULL,
    batch_seq bigint NOT NULL,
    batch_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL
);

CREATE TABLE public.collector_state (
    collector_id bigint NOT NULL,
    online boolean NOT NULL,
    reason text NOT NULL,
    boot_id bigint,
    previous_boot_id bigint,
    alive_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    clock_offset_ms bigint,
    buffered bigint,
    gps boolean,
    firmware text NOT NULL,
    temperature_c double precision
);

CREATE TABLE public.control (
    control_id uuid NOT NULL,
    action text NOT NULL,
    badge text NOT NULL,
    serial text NOT NULL,
    radio_id bigint NOT NULL,
    key_id integer NOT NULL,
    usage_point_id text NOT NULL,
    commodity text NOT NULL,
    cause text NOT NULL,
    order_ref text NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    not_before timestamp with time zone NOT NULL,
    not_after timestamp with time zone NOT NULL,
    state text NOT NULL,
    result text,
    refusals jsonb NOT NULL,
    due_at timestamp with time zone,
    attempt_count smallint NOT NULL,
    probe_count smallint NOT NULL,
    collector_ids bigint[] NOT NULL,
    accepted boolean NOT NULL,
    sent_at timestamp with time zone,
    answered_at timestamp with time zone,
    verified_at timestamp with time zone,
    switch smallint,
    line_voltage boolean,
    load_side_voltage boolean,
    register bigint,
    role text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    item text DEFAULT ''::text NOT NULL,
    deadline timestamp with time zone,
    batch_id uuid
);

CREATE TABLE public.control_answer (
    control_answer_id bigint NOT NULL,
    collector_id bigint NOT NULL,
    schema_id smallint NOT NULL,
    record bytea NOT NULL,
    received_at timestamp with time zone NOT NULL,
    handled_at timestamp with time zone
);

ALTER TABLE public.control_answer ALTER COLUMN control_answer_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.control_answer_control_answer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.control_approval (
    control_id uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    at timestamp with time zone NOT NULL,
    reason text NOT NULL
);

CREATE TABLE public.control_batch (
    batch_id uuid NOT NULL,
    name text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    listing bytea NOT NULL,
    sha256 text NOT NULL,
    every_s integer NOT NULL,
    stop_after integer NOT NULL,
    stop_at integer NOT NULL,
    state text NOT NULL,
    approved_by text NOT NULL,
    approved_at timestamp with time zone
);

CREATE TABLE public.control_envelope (
    command_id uuid NOT NULL,
    control_id uuid NOT NULL,
    opcode smallint NOT NULL,
    counter bigint NOT NULL,
    envelope bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.control_step (
    control_id uuid NOT NULL,
    number integer NOT NULL,
    at timestamp with time zone NOT NULL,
    event text NOT NULL,
    state text NOT NULL,
    actor text NOT NULL,
    detail text NOT NULL
);

CREATE VIEW public.current_determinant AS
 SELECT window_start,
    window_end,
    channel_id,
    badge,
    reading_type,
    usage_point_id,
    premise_id,
    account_id,
    read_start_utc,
    read_end_utc,
    register_start,
    register_end,
    usage_quanta,
    usage_units,
    unit,
    quality,
    method,
    estimated_share,
    interval_count,
    estimated_count,
    versions,
    ruleset_hash,
    content_hash,
    period,
    opened_by,
    closed_by,
    revision
   FROM public.billing_determinant d
  WHERE (revision = COALESCE((( SELECT max(s.revision) AS max
           FROM public.billed_service s
          WHERE ((s.window_start = d.window_start) AND (s.window_end = d.window_end) AND (s.usage_point_id = d.usage_point_id) AND (s.period = d.period))))::integer, 1));

CREATE TABLE public.dead_letter (
    dead_letter_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    topic text NOT NULL,
    frame_index integer,
    payload bytea NOT NULL,
    digest bytea,
    schema_id smallint,
    replayed_at timestamp with time zone
);

ALTER TABLE public.dead_letter ALTER COLUMN dead_letter_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dead_letter_dead_letter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.dial_read (
    channel_id integer NOT NULL,
    dial text NOT NULL,
    at_utc timestamp with time zone NOT NULL,
    value bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);

CREATE TABLE public.edit (
    edit_id uuid NOT NULL,
    channel_id integer NOT NULL,
    operation text NOT NULL,
    start_utc timestamp with time zone NOT NULL,
    end_utc timestamp with time zone NOT NULL,
    parameters jsonb NOT NULL,
    reason text NOT NULL,
    text text NOT NULL,
    ticket text NOT NULL,
    override_sum text NOT NULL,
    before bigint[] NOT NULL,
    before_status text NOT NULL,
    basis integer[] NOT NULL,
    after bigint[] NOT NULL,
    after_status text NOT NULL,
    residual_before bigint[] NOT NULL,
    residual_after bigint[] NOT NULL,
    change bigint NOT NULL,
    four_eyes text[] NOT NULL,
    editor text NOT NULL,
    editor_role text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    vee_exception_id bigint
);

CREATE TABLE public.edit_decision (
    edit_id uuid NOT NULL,
    state text NOT NULL,
    by text NOT NULL,
    role text NOT NULL,
    at timestamp with time zone NOT NULL,
    text text NOT NULL
);

CREATE TABLE public.end_device_event (
    end_device_event_id bigint NOT NULL,
    collector_id bigint,
    badge text,
    radio_id bigint,
    code smallint NOT NULL,
    sub integer NOT NULL,
    at_utc timestamp with time zone NOT NULL,
    severity smallint NOT NULL,
    cleared boolean NOT NULL,
    value bigint NOT NULL,
    register bigint NOT NULL,
    seq integer NOT NULL,
    received_at timestamp with time zone NOT NULL,
    noticed boolean DEFAULT false NOT NULL
);

ALTER TABLE public.end_device_event ALTER COLUMN end_device_event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.end_device_event_end_device_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.enrolment (
    enrolment_id uuid NOT NULL,
    account_id text NOT NULL,
    usage_points text[] NOT NULL,
    requester text NOT NULL,
    crew_today boolean NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    services jsonb NOT NULL,
    approved_by text NOT NULL,
    from_on date,
    until_on date,
    closed_by text NOT NULL,
    closing text NOT NULL
);

CREATE TABLE public.estimation_method (
    method smallint NOT NULL,
    code text NOT NULL
);

CREATE TABLE public.field_order (
    field_order_id uuid NOT NULL,
    badge text NOT NULL,
    usage_point_id text NOT NULL,
    control_id uuid,
    reason text NOT NULL,
    detail text NOT NULL,
    is_safety boolean NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    closed_by text NOT NULL,
    outcome text NOT NULL
);

CREATE TABLE public.ingest_turn (
    client_id text NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    pid_space text NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    left_at timestamp with time zone
);

CREATE TABLE public.interval_read (
    start_utc timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    value bigint NOT NULL,
    flags bigint NOT NULL,
    channel_id integer NOT NULL,
    version smallint NOT NULL,
    method smallint NOT NULL,
    source smallint NOT NULL,
    status "char" NOT NULL
)
PARTITION BY RANGE (start_utc);

CREATE TABLE public.leak_case (
    channel_id integer NOT NULL,
    episode integer NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    severity smallint NOT NULL,
    rate double precision NOT NULL,
    rate_error double precision NOT NULL,
    lost double precision NOT NULL,
    unit text NOT NULL,
    began_at timestamp with time zone NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    ended_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL
);

CREATE TABLE public.leak_memory (
    channel_id integer NOT NULL,
    layout text NOT NULL,
    packed bytea NOT NULL
);

CREATE TABLE public.leak_run (
    last_day date NOT NULL,
    first_day date NOT NULL,
    ran_at timestamp with time zone NOT NULL,
    rules_hash text NOT NULL,
    channels integer NOT NULL,
    steps integer NOT NULL
);

CREATE TABLE public.leak_step (
    leak_step_id bigint NOT NULL,
    channel_id integer NOT NULL,
    episode integer NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    signal text NOT NULL,
    state text NOT NULL,
    kind text NOT NULL,
    severity smallint NOT NULL,
    rate double precision NOT NULL,
    lost double precision NOT NULL,
    notice text NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    rules_hash text NOT NULL
);

ALTER TABLE public.leak_step ALTER COLUMN leak_step_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.leak_step_leak_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.mass_event (
    local_day date NOT NULL,
    due integer NOT NULL,
    silent integer NOT NULL,
    found_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
);

CREATE TABLE public.meter (
    badge text NOT NULL,
    serial text NOT NULL,
    model text NOT NULL,
    has_switch boolean NOT NULL,
    register_dials smallint NOT NULL,
    register_resolution bigint NOT NULL,
    key_id integer NOT NULL
);

CREATE TABLE public.meter_installation (
    badge text NOT NULL,
    usage_point_id text NOT NULL,
    radio_id bigint NOT NULL,
    installed_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    multiplier bigint NOT NULL,
    pilot boolean NOT NULL,
    radio text NOT NULL
);

CREATE TABLE public.migration (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);

CREATE TABLE public.night_flow (
    local_day date NOT NULL,
    commodity text NOT NULL,
    unit text NOT NULL,
    at_utc timestamp with time zone NOT NULL,
    flow bigint NOT NULL,
    channel_count integer NOT NULL
);

CREATE TABLE public.optout (
    optout_id uuid NOT NULL,
    badge text NOT NULL,
    from_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by text NOT NULL
);

CREATE TABLE public.optout_task (
    number bigint NOT NULL,
    code text NOT NULL,
    subject text NOT NULL,
    account_id text NOT NULL,
    occasion text NOT NULL,
    clause text NOT NULL,
    cure text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    done_by text NOT NULL
);

ALTER TABLE public.optout_task ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.optout_task_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.outage (
    device text NOT NULL,
    name text NOT NULL,
    transformers text[] NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    customers integer NOT NULL,
    reported integer NOT NULL,
    CONSTRAINT outage_device_check CHECK ((device = ANY (ARRAY['service'::text, 'transformer'::text, 'feeder'::text])))
);

CREATE TABLE public.pilot_step (
    number bigint NOT NULL,
    usage_point_id text NOT NULL,
    enrolled boolean NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    reason text NOT NULL
);

ALTER TABLE public.pilot_step ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pilot_step_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.premise (
    premise_id text NOT NULL,
    kind text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    transformer_id text,
    water_zone text NOT NULL,
    flags text[] NOT NULL
);

CREATE TABLE public.radio_silence (
    badge text NOT NULL,
    off_at timestamp with time zone NOT NULL,
    on_at timestamp with time zone,
    control_id uuid NOT NULL
);

CREATE TABLE public.read_conflict (
    read_conflict_id bigint NOT NULL,
    channel_id integer NOT NULL,
    kind text NOT NULL,
    at_utc timestamp with time zone NOT NULL,
    value bigint NOT NULL,
    stored_value bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT read_conflict_kind_check CHECK ((kind = ANY (ARRAY['interval'::text, 'register'::text])))
);

ALTER TABLE public.read_conflict ALTER COLUMN read_conflict_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.read_conflict_read_conflict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reading_import (
    reading_import_id uuid NOT NULL,
    name text NOT NULL,
    format text NOT NULL,
    zone text NOT NULL,
    meter text NOT NULL,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    imported_by text NOT NULL,
    imported_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    interval_count bigint NOT NULL,
    register_count bigint NOT NULL,
    new_count bigint NOT NULL,
    disputed_count bigint NOT NULL,
    no_value_count bigint NOT NULL,
    not_read_count bigint NOT NULL,
    rounded_count bigint NOT NULL,
    passed_over jsonb NOT NULL,
    totals jsonb NOT NULL,
    refused_count bigint NOT NULL,
    CONSTRAINT reading_import_state_check CHECK ((state = ANY (ARRAY['stored'::text, 'partial'::text, 'refused'::text])))
);

CREATE TABLE public.reading_import_refusal (
    reading_import_id uuid NOT NULL,
    number integer NOT NULL,
    line bigint NOT NULL,
    flaw text NOT NULL,
    detail text NOT NULL
);

CREATE TABLE public.register_read (
    at_utc timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    value bigint NOT NULL,
    channel_id integer NOT NULL,
    version smallint NOT NULL,
    source smallint NOT NULL,
    status "char" NOT NULL
)
PARTITION BY RANGE (at_utc);

CREATE TABLE public.registry_change (
    change_id bigint NOT NULL
);

ALTER TABLE public.registry_change ALTER COLUMN change_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.registry_change_change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reliability_day (
    local_day date NOT NULL,
    customers integer NOT NULL,
    saidi_min double precision NOT NULL,
    saifi double precision NOT NULL,
    maifi double precision NOT NULL
);

CREATE TABLE public.rule_day (
    local_day date NOT NULL,
    commodity text NOT NULL,
    rule text NOT NULL,
    channel_day_count bigint NOT NULL
);

CREATE TABLE public.self_read (
    self_read_id uuid NOT NULL,
    channel_id integer NOT NULL,
    badge text NOT NULL,
    read_at timestamp with time zone NOT NULL,
    register numeric NOT NULL,
    evidence text NOT NULL,
    verifies boolean NOT NULL,
    received_at timestamp with time zone NOT NULL,
    received_by text NOT NULL,
    accepted boolean NOT NULL,
    findings jsonb NOT NULL
);

CREATE TABLE public.self_read_month (
    channel_id integer NOT NULL,
    window_start date NOT NULL,
    window_end date NOT NULL,
    outcome text NOT NULL,
    basis text NOT NULL,
    register bigint,
    closed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.sequence_hole (
    hole_id bigint NOT NULL,
    collector_id bigint NOT NULL,
    first_seq bigint,
    last_seq bigint,
    from_us bigint NOT NULL,
    to_us bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    asked_count integer DEFAULT 0 NOT NULL,
    lost_at timestamp with time zone,
    CONSTRAINT sequence_hole_check CHECK (((first_seq IS NULL) = (last_seq IS NULL))),
    CONSTRAINT sequence_hole_check1 CHECK (((first_seq <= last_seq) AND (from_us <= to_us)))
);

ALTER TABLE public.sequence_hole ALTER COLUMN hole_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sequence_hole_hole_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.service_level (
    local_day date NOT NULL,
    commodity text NOT NULL,
    mark text NOT NULL,
    measured_at timestamp with time zone NOT NULL,
    channel_count integer NOT NULL,
    expected bigint NOT NULL,
    uplink bigint NOT NULL,
    received bigint NOT NULL,
    estimated bigint NOT NULL,
    held bigint NOT NULL,
    missing bigint NOT NULL,
    CONSTRAINT service_level_mark_check CHECK ((mark = ANY (ARRAY['raw'::text, 'settled'::text])))
);

CREATE TABLE public.transformer (
    transformer_id text NOT NULL,
    feeder_id text NOT NULL,
    kva numeric NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL
);

CREATE TABLE public.transformer_day (
    local_day date NOT NULL,
    transformer_id text NOT NULL,
    peak_percent double precision,
    p95_percent double precision,
    hours_over_100 double precision,
    coverage_percent double precision,
    lowest_v double precision,
    highest_v double precision,
    beyond_a_percent double precision
);

CREATE TABLE public.uplink_message (
    collector_id bigint NOT NULL,
    boot_id bigint NOT NULL,
    batch_seq bigint NOT NULL,
    batch_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    frame_count integer NOT NULL,
    received_at timestamp with time zone NOT NULL,
    payload_size integer NOT NULL,
    payload_zstd bytea NOT NULL
)
PARTITION BY RANGE (batch_at);
ALTER TABLE ONLY public.uplink_message ALTER COLUMN payload_zstd SET STORAGE EXTERNAL;

CREATE TABLE public.usage_point (
    usage_point_id text NOT NULL,
    premise_id text NOT NULL,
    commodity text NOT NULL,
    service_class text NOT NULL,
    billing_cycle integer NOT NULL,
    net_metering boolean NOT NULL,
    temporary boolean NOT NULL,
    irregular_usage boolean NOT NULL
);

CREATE TABLE public.utility (
    only_row boolean DEFAULT true NOT NULL,
    zone text NOT NULL,
    CONSTRAINT utility_only_row_check CHECK (only_row)
);

CREATE TABLE public.vee_day (
    channel_id integer NOT NULL,
    local_day date NOT NULL,
    version smallint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    ruleset_hash text NOT NULL,
    expected smallint NOT NULL,
    actual smallint NOT NULL,
    estimated smallint NOT NULL,
    missing smallint NOT NULL,
    held smallint NOT NULL,
    flags bigint NOT NULL,
    peak bigint,
    usage bigint
);

CREATE TABLE public.vee_exception (
    vee_exception_id bigint NOT NULL,
    channel_id integer NOT NULL,
    local_day date NOT NULL,
    rule text NOT NULL,
    severity text NOT NULL,
    detail text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    assigned_to text DEFAULT ''::text NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    answered_by text DEFAULT ''::text NOT NULL
);

ALTER TABLE public.vee_exception ALTER COLUMN vee_exception_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.vee_exception_vee_exception_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.vee_horizon (
    only_row boolean DEFAULT true NOT NULL,
    last_day date NOT NULL,
    CONSTRAINT vee_horizon_only_row_check CHECK (only_row)
);

CREATE TABLE public.vee_ruleset (
    hash text NOT NULL,
    version text NOT NULL,
    effective date NOT NULL,
    approved_by text NOT NULL,
    promoted_by text NOT NULL,
    promoted_at timestamp with time zone NOT NULL,
    toml text NOT NULL
);

CREATE TABLE public.vee_ruleset_shipped (
    hash text NOT NULL,
    since timestamp with time zone NOT NULL,
    toml text NOT NULL
);

CREATE TABLE public.vee_run (
    run_id bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    ruleset_hash text NOT NULL,
    channel_days integer NOT NULL,
    versions integer NOT NULL,
    finished_at timestamp with time zone
);

CREATE TABLE public.vee_touch (
    channel_id integer NOT NULL,
    local_day date NOT NULL
);

CREATE VIEW report.billing_block AS
 SELECT window_start,
    window_end,
    reason,
    count(*) AS channel_count
   FROM public.billing_block
  GROUP BY window_start, window_end, reason;

CREATE VIEW report.billing_cycle AS
 WITH place AS (
         SELECT c.channel_id,
            last_place.usage_point_id,
            u.billing_cycle
           FROM ((public.channel c
             JOIN LATERAL ( SELECT i.usage_point_id
                   FROM public.meter_installation i
                  WHERE (i.badge = c.badge)
                  ORDER BY i.installed_at DESC
                 LIMIT 1) last_place ON (true))
             JOIN public.usage_point u USING (usage_point_id))
        )
 SELECT billing_cycle,
    window_start,
    window_end,
    ( SELECT count(*) AS count
           FROM public.usage_point u
          WHERE (u.billing_cycle = w.billing_cycle)) AS service_count,
    ( SELECT count(DISTINCT s.usage_point_id) AS count
           FROM (public.billed_service s
             JOIN public.usage_point u USING (usage_point_id))
          WHERE (((s.window_start = w.window_start) AND (s.window_end = w.window_end)) AND (u.billing_cycle = w.billing_cycle))) AS frozen_count,
    ( SELECT count(DISTINCT p.usage_point_id) AS count
           FROM (public.billing_block b
             JOIN place p USING (channel_id))
          WHERE (((b.window_start = w.window_start) AND (b.window_end = w.window_end)) AND (p.billing_cycle = w.billing_cycle))) AS blocked_count,
    ( SELECT count(*) AS count
           FROM (public.vee_exception e
             JOIN place p USING (channel_id))
          WHERE ((e.closed_at IS NULL) AND (e.severity = ANY (ARRAY['HOLD'::text, 'FAIL'::text])) AND (e.local_day >= w.window_start) AND (e.local_day < w.window_end) AND (p.billing_cycle = w.billing_cycle))) AS exception_count
   FROM ( SELECT billing_read_day.billing_cycle,
            billing_read_day.read_on AS window_end,
            lag(billing_read_day.read_on) OVER (PARTITION BY billing_read_day.billing_cycle ORDER BY billing_read_day.read_on) AS window_start
           FROM public.billing_read_day) w
  WHERE (window_start IS NOT NULL);

CREATE VIEW report.billing_window AS
 SELECT w.window_start,
    w.window_end,
    w.frozen_at,
    d.reading_type,
    d.unit,
    count(d.channel_id) AS determinant_count,
    sum(d.usage_units) AS usage_units,
    count(*) FILTER (WHERE (d.estimated_count > 0)) AS estimated_count,
    ( SELECT count(*) AS count
           FROM public.billing_block b
          WHERE ((b.window_start = w.window_start) AND (b.window_end = w.window_end))) AS blocked_count
   FROM (public.billing_window w
     LEFT JOIN public.current_determinant d USING (window_start, window_end))
  GROUP BY w.window_start, w.window_end, w.frozen_at, d.reading_type, d.unit;

CREATE VIEW report.channel AS
 SELECT c.channel_id,
    u.commodity,
    u.service_class,
    c.reading_type,
    c.interval_s,
    c.unit,
    p.transformer_id,
    t.feeder_id
   FROM ((((public.channel c
     JOIN LATERAL ( SELECT i.usage_point_id
           FROM public.meter_installation i
          WHERE (i.badge = c.badge)
          ORDER BY i.installed_at DESC
         LIMIT 1) last_place ON (true))
     JOIN public.usage_point u USING (usage_point_id))
     JOIN public.premise p USING (premise_id))
     LEFT JOIN public.transformer t USING (transformer_id));

CREATE VIEW report.collector AS
 SELECT c.collector_id,
    c.name,
    s.boot_id,
    s.batch_seq,
    s.batch_at,
    s.received_at,
    EXTRACT(epoch FROM (s.received_at - s.batch_at)) AS lag_s,
    EXTRACT(epoch FROM (max(s.batch_at) OVER () - s.batch_at)) AS behind_s
   FROM (public.collector c
     LEFT JOIN public.collector_sequence s USING (collector_id));

CREATE VIEW report.collector_state AS
 SELECT c.collector_id,
    c.name,
    s.online,
    s.reason,
    s.alive_at,
    s.changed_at,
    s.clock_offset_ms,
    s.buffered,
    s.firmware,
    s.temperature_c,
    q.batch_seq,
    q.received_at AS batch_received_at
   FROM ((public.collector c
     LEFT JOIN public.collector_state s USING (collector_id))
     LEFT JOIN public.collector_sequence q USING (collector_id));

CREATE VIEW report.control AS
 SELECT c.control_id,
    c.action,
    u.commodity,
    p.transformer_id,
    c.cause,
    c.state,
    c.result,
    c.requested_at,
    c.sent_at,
    c.answered_at,
    c.verified_at,
    c.due_at,
    EXTRACT(epoch FROM (c.verified_at - c.requested_at)) AS duration_s
   FROM ((public.control c
     LEFT JOIN public.usage_point u USING (usage_point_id))
     LEFT JOIN public.premise p USING (premise_id));

CREATE VIEW report.control_refusal AS
 SELECT c.control_id,
    c.action,
    c.cause,
    c.state,
    c.requested_at,
    r.code,
    r.clause
   FROM (public.control c
     CROSS JOIN LATERAL jsonb_to_recordset(c.refusals) r(code text, clause text));

CREATE VIEW report.dead_letter_hour AS
 SELECT date_trunc('hour'::text, received_at, 'UTC'::text) AS hour_utc,
    reason,
    count(*) AS dead_letter_count
   FROM public.dead_letter
  GROUP BY (date_trunc('hour'::text, received_at, 'UTC'::text)), reason;

CREATE VIEW report.event_hour AS
 SELECT date_trunc('hour'::text, at_utc, 'UTC'::text) AS hour_utc,
    code,
    severity,
    count(*) AS event_count
   FROM public.end_device_event
  GROUP BY (date_trunc('hour'::text, at_utc, 'UTC'::text)), code, severity;

CREATE VIEW report.field_order AS
 SELECT o.field_order_id,
    u.commodity,
    p.transformer_id,
    o.reason,
    o.is_safety,
    o.opened_at,
    o.closed_at
   FROM ((public.field_order o
     LEFT JOIN public.usage_point u USING (usage_point_id))
     LEFT JOIN public.premise p USING (premise_id));

CREATE VIEW report.interval_read AS
 SELECT channel_id,
    start_utc,
    version,
    value,
        CASE
            WHEN ((status = 'R'::"char") AND (EXISTS ( SELECT
               FROM public.vee_day d
              WHERE ((d.channel_id = r.channel_id) AND (d.local_day = ((r.start_utc AT TIME ZONE ( SELECT utility.zone
                       FROM public.utility)))::date) AND (d.recorded_at >= r.recorded_at))))) THEN 'V'::text
            ELSE (status)::text
        END AS status,
    method,
    flags,
    recorded_at
   FROM ( SELECT DISTINCT ON (interval_read.channel_id, interval_read.start_utc) interval_read.start_utc,
            interval_read.recorded_at,
            interval_read.value,
            interval_read.flags,
            interval_read.channel_id,
            interval_read.version,
            interval_read.method,
            interval_read.source,
            interval_read.status
           FROM public.interval_read
          ORDER BY interval_read.channel_id, interval_read.start_utc, interval_read.version DESC) r;

CREATE VIEW report.leak_case AS
 SELECT l.channel_id,
    c.commodity,
    c.service_class,
    l.episode,
    l.kind,
    l.state,
    l.severity,
    l.rate,
    l.rate_error,
    l.lost,
    l.unit,
    l.began_at,
    l.raised_at,
    l.confirmed_at,
    l.ended_at,
    l.updated_at
   FROM (public.leak_case l
     JOIN report.channel c USING (channel_id))
  WHERE ((l.ended_at IS NULL) OR (l.ended_at > (l.updated_at - '35 days'::interval)));

CREATE VIEW report.meter_heard AS
 SELECT m.channel_id,
    u.commodity,
    u.service_class,
    p.transformer_id,
    t.feeder_id,
    i.installed_at,
    m.last_register_utc
   FROM ((((public.meter_installation i
     JOIN LATERAL ( SELECT min(c.channel_id) AS channel_id,
            max(newest.at_utc) AS last_register_utc
           FROM (public.channel c
             LEFT JOIN LATERAL ( SELECT r.at_utc
                   FROM public.register_read r
                  WHERE (r.channel_id = c.channel_id)
                  ORDER BY r.at_utc DESC
                 LIMIT 1) newest ON (true))
          WHERE (c.badge = i.badge)) m ON ((m.channel_id IS NOT NULL)))
     JOIN public.usage_point u USING (usage_point_id))
     JOIN public.premise p USING (premise_id))
     LEFT JOIN public.transformer t USING (transformer_id))
  WHERE ((i.removed_at IS NULL) AND (i.radio = 'on'::text) AND (NOT (EXISTS ( SELECT
           FROM public.radio_silence s
          WHERE ((s.badge = i.badge) AND (s.on_at IS NULL))))));

CREATE VIEW report.night_flow AS
 SELECT local_day,
    commodity,
    unit,
    at_utc,
    flow,
    channel_count
   FROM public.night_flow;

CREATE VIEW report.optout AS
 SELECT u.commodity,
    o.from_at,
    o.ended_at
   FROM ((public.optout o
     JOIN LATERAL ( SELECT i.usage_point_id
           FROM public.meter_installation i
          WHERE (i.badge = o.badge)
          ORDER BY i.installed_at DESC
         LIMIT 1) last_place ON (true))
     JOIN public.usage_point u USING (usage_point_id));

CREATE VIEW report.outage AS
 SELECT device,
        CASE device
            WHEN 'service'::text THEN 'one service'::text
            ELSE name
        END AS name,
    cardinality(transformers) AS transformer_count,
    began_at,
    ended_at,
    customers,
    reported
   FROM public.outage;

CREATE VIEW report.outage_place AS
 SELECT t.transformer_id,
    t.feeder_id,
    t.latitude,
    t.longitude,
    o.device,
    o.began_at,
    o.ended_at,
    o.customers
   FROM ((public.outage o
     CROSS JOIN LATERAL unnest(o.transformers) place(transformer_id))
     JOIN public.transformer t ON ((t.transformer_id = place.transformer_id)));

CREATE VIEW report.read_conflict_hour AS
 SELECT date_trunc('hour'::text, recorded_at, 'UTC'::text) AS hour_utc,
    kind,
    count(*) AS conflict_count
   FROM public.read_conflict
  GROUP BY (date_trunc('hour'::text, recorded_at, 'UTC'::text)), kind;

CREATE VIEW report.register_read AS
 SELECT DISTINCT ON (channel_id, at_utc) channel_id,
    at_utc,
    version,
    value,
    (status)::text AS status,
    recorded_at
   FROM public.register_read
  ORDER BY channel_id, at_utc, version DESC;

CREATE VIEW report.reliability_day AS
 SELECT local_day,
    customers,
    saidi_min,
    saifi,
    (saidi_min / NULLIF(saifi, (0)::double precision)) AS caidi_min,
    maifi
   FROM public.reliability_day;

CREATE VIEW report.sequence_hole AS
 SELECT h.collector_id,
    c.name,
    h.first_seq,
    h.last_seq,
    to_timestamp((((h.from_us)::numeric / 1000000.0))::double precision) AS from_utc,
    to_timestamp((((h.to_us)::numeric / 1000000.0))::double precision) AS to_utc,
    h.opened_at,
    h.asked_count,
    h.lost_at
   FROM (public.sequence_hole h
     LEFT JOIN public.collector c USING (collector_id));

CREATE VIEW report.service_level AS
 SELECT local_day,
    commodity,
    mark,
    measured_at,
    channel_count,
    expected,
    uplink,
    received,
    estimated,
    held,
    missing,
    ((uplink)::double precision / (NULLIF(expected, 0))::double precision) AS uplink_ratio,
    ((received)::double precision / (NULLIF(expected, 0))::double precision) AS received_ratio,
    ((estimated)::double precision / (NULLIF(expected, 0))::double precision) AS estimated_ratio
   FROM public.service_level;

CREATE VIEW report.storage AS
 SELECT pg_database_size(current_database()) AS database_bytes;

CREATE VIEW report.transformer_day AS
 SELECT d.local_day,
    d.transformer_id,
    t.feeder_id,
    t.kva,
    t.latitude,
    t.longitude,
    d.peak_percent,
    d.p95_percent,
    d.hours_over_100,
    d.coverage_percent,
    d.lowest_v,
    d.highest_v,
    d.beyond_a_percent
   FROM (public.transformer_day d
     JOIN public.transformer t USING (transformer_id));

CREATE VIEW report.vee_exception AS
 SELECT e.channel_id,
    c.commodity,
    e.local_day,
    e.rule,
    e.severity,
    e.opened_at,
    e.closed_at,
    (e.assigned_to <> ''::text) AS is_assigned,
    e.answer
   FROM (public.vee_exception e
     JOIN report.channel c USING (channel_id));

CREATE VIEW report.vee_rule_day AS
 SELECT local_day,
    commodity,
    rule,
    channel_day_count
   FROM public.rule_day;

CREATE VIEW report.vee_run AS
 SELECT run_id,
    started_at,
    finished_at,
    first_day,
    last_day,
    channel_days,
    versions
   FROM public.vee_run;

CREATE TABLE signer.audit (
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    event text NOT NULL,
    command_id uuid,
    detail text NOT NULL,
    content bytea NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE signer.counter (
    radio_id bigint NOT NULL,
    key_id integer NOT NULL,
    counter bigint NOT NULL
);

CREATE TABLE signer.issued (
    command_id uuid NOT NULL,
    radio_id bigint NOT NULL,
    key_id integer NOT NULL,
    counter bigint NOT NULL,
    envelope bytea NOT NULL
);

CREATE TABLE signer.lineage (
    only_row boolean DEFAULT true NOT NULL,
    lineage text NOT NULL,
    counter_floor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT lineage_only_row_check CHECK (only_row)
);

CREATE TABLE signer.open (
    command_id uuid NOT NULL,
    radio_id bigint NOT NULL,
    transformer_id text,
    immediate boolean NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE signer.open_switch (
    radio_id bigint NOT NULL,
    key_id integer NOT NULL,
    counter bigint NOT NULL
);

CREATE TABLE signer.release (
    trip_id uuid NOT NULL,
    supervisor text NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE signer.trip (
    trip_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    released_at timestamp with time zone
);

ALTER TABLE ONLY personal.access_grant
    ADD CONSTRAINT access_grant_pkey PRIMARY KEY (grant_id);

ALTER TABLE ONLY personal.access_grant
    ADD CONSTRAINT access_grant_sha256_key UNIQUE (sha256);

ALTER TABLE ONLY personal.access_log
    ADD CONSTRAINT access_log_pkey PRIMARY KEY (access_id);

ALTER TABLE ONLY personal.aggregate_part
    ADD CONSTRAINT aggregate_part_pkey PRIMARY KEY (release_id, account_id);

ALTER TABLE ONLY personal.aggregate_release
    ADD CONSTRAINT aggregate_release_pkey PRIMARY KEY (release_id);

ALTER TABLE ONLY personal.alert
    ADD CONSTRAINT alert_pkey PRIMARY KEY (alert_id);

ALTER TABLE ONLY personal.alert
    ADD CONSTRAINT alert_told_once UNIQUE NULLS NOT DISTINCT (account_id, usage_point_id, kind, subject);

ALTER TABLE ONLY personal.alert_wish
    ADD CONSTRAINT alert_wish_pkey PRIMARY KEY (account_id, usage_point_id, kind);

ALTER TABLE ONLY personal.answer
    ADD CONSTRAINT answer_pkey PRIMARY KEY (caller, key);

ALTER TABLE ONLY personal.contact
    ADD CONSTRAINT contact_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.agreement
    ADD CONSTRAINT agreement_pkey PRIMARY KEY (usage_point_id, start_on);

ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (sha256);

ALTER TABLE ONLY public.audit_head
    ADD CONSTRAINT audit_head_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.audit_record
    ADD CONSTRAINT audit_record_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pkey PRIMARY KEY (number, own_number);

ALTER TABLE ONLY public.batch_count
    ADD CONSTRAINT batch_count_pkey PRIMARY KEY (collector_id);

ALTER TABLE ONLY public.billed_service
    ADD CONSTRAINT billed_service_pkey PRIMARY KEY (window_start, window_end, usage_point_id, period, revision);

ALTER TABLE ONLY public.billing_ack
    ADD CONSTRAINT billing_ack_pkey PRIMARY KEY (window_start, window_end, digest);

ALTER TABLE ONLY public.billing_block
    ADD CONSTRAINT billing_block_pkey PRIMARY KEY (window_start, window_end, channel_id);

ALTER TABLE ONLY public.billing_correction
    ADD CONSTRAINT billing_correction_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.billing_correction
    ADD CONSTRAINT billing_correction_window_start_window_end_usage_point_id_p_key UNIQUE (window_start, window_end, usage_point_id, period, revision, new_hash, treatment);

ALTER TABLE ONLY public.billing_determinant
    ADD CONSTRAINT billing_determinant_pkey PRIMARY KEY (window_start, window_end, channel_id, usage_point_id, period, revision);

ALTER TABLE ONLY public.billing_estimate
    ADD CONSTRAINT billing_estimate_pkey PRIMARY KEY (channel_id, window_start, window_end);

ALTER TABLE ONLY public.billing_event_carried
    ADD CONSTRAINT billing_event_carried_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.billing_event
    ADD CONSTRAINT billing_event_kind_account_id_subject_id_due_on_key UNIQUE (kind, account_id, subject_id, due_on);

ALTER TABLE ONLY public.billing_event
    ADD CONSTRAINT billing_event_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.billing_overtaken
    ADD CONSTRAINT billing_overtaken_pkey PRIMARY KEY (window_start, window_end, channel_id);

ALTER TABLE ONLY public.billing_read_day
    ADD CONSTRAINT billing_read_day_pkey PRIMARY KEY (billing_cycle, read_on);

ALTER TABLE ONLY public.billing_window
    ADD CONSTRAINT billing_window_pkey PRIMARY KEY (window_start, window_end);

ALTER TABLE ONLY public.capability
    ADD CONSTRAINT capability_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.channel
    ADD CONSTRAINT channel_badge_channel_key UNIQUE (badge, channel);

ALTER TABLE ONLY public.channel
    ADD CONSTRAINT channel_pkey PRIMARY KEY (channel_id);

ALTER TABLE ONLY public.cis_fact
    ADD CONSTRAINT cis_fact_pkey PRIMARY KEY (cis_fact_id);

ALTER TABLE ONLY public.cis_fact
    ADD CONSTRAINT cis_fact_subject_subject_id_fact_effective_at_known_at_valu_key UNIQUE (subject, subject_id, fact, effective_at, known_at, value, evidence);

ALTER TABLE ONLY public.collector
    ADD CONSTRAINT collector_pkey PRIMARY KEY (collector_id);

ALTER TABLE ONLY public.collector_sequence
    ADD CONSTRAINT collector_sequence_pkey PRIMARY KEY (collector_id);

ALTER TABLE ONLY public.collector_state
    ADD CONSTRAINT collector_state_pkey PRIMARY KEY (collector_id);

ALTER TABLE ONLY public.control_answer
    ADD CONSTRAINT control_answer_pkey PRIMARY KEY (control_answer_id);

ALTER TABLE ONLY public.control_approval
    ADD CONSTRAINT control_approval_pkey PRIMARY KEY (control_id, name);

ALTER TABLE ONLY public.control_batch
    ADD CONSTRAINT control_batch_pkey PRIMARY KEY (batch_id);

ALTER TABLE ONLY public.control_envelope
    ADD CONSTRAINT control_envelope_pkey PRIMARY KEY (command_id);

ALTER TABLE ONLY public.control
    ADD CONSTRAINT control_pkey PRIMARY KEY (control_id);

ALTER TABLE ONLY public.control_step
    ADD CONSTRAINT control_step_pkey PRIMARY KEY (control_id, number);

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (dead_letter_id);

ALTER TABLE ONLY public.dial_read
    ADD CONSTRAINT dial_read_pkey PRIMARY KEY (channel_id, at_utc, dial);

ALTER TABLE ONLY public.edit_decision
    ADD CONSTRAINT edit_decision_pkey PRIMARY KEY (edit_id);

ALTER TABLE ONLY public.edit
    ADD CONSTRAINT edit_pkey PRIMARY KEY (edit_id);

ALTER TABLE ONLY public.end_device_event
    ADD CONSTRAINT end_device_event_pkey PRIMARY KEY (end_device_event_id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_pkey PRIMARY KEY (enrolment_id);

ALTER TABLE ONLY public.estimation_method
    ADD CONSTRAINT estimation_method_pkey PRIMARY KEY (method);

ALTER TABLE ONLY public.field_order
    ADD CONSTRAINT field_order_pkey PRIMARY KEY (field_order_id);

ALTER TABLE ONLY public.ingest_turn
    ADD CONSTRAINT ingest_turn_pkey PRIMARY KEY (client_id);

ALTER TABLE ONLY public.interval_read
    ADD CONSTRAINT interval_read_pkey PRIMARY KEY (channel_id, start_utc, version);

ALTER TABLE ONLY public.leak_case
    ADD CONSTRAINT leak_case_pkey PRIMARY KEY (channel_id, episode);

ALTER TABLE ONLY public.leak_memory
    ADD CONSTRAINT leak_memory_pkey PRIMARY KEY (channel_id);

ALTER TABLE ONLY public.leak_run
    ADD CONSTRAINT leak_run_pkey PRIMARY KEY (last_day);

ALTER TABLE ONLY public.leak_step
    ADD CONSTRAINT leak_step_pkey PRIMARY KEY (leak_step_id);

ALTER TABLE ONLY public.mass_event
    ADD CONSTRAINT mass_event_pkey PRIMARY KEY (local_day);

ALTER TABLE ONLY public.meter_installation
    ADD CONSTRAINT meter_installation_pkey PRIMARY KEY (badge, installed_at);

ALTER TABLE ONLY public.meter
    ADD CONSTRAINT meter_pkey PRIMARY KEY (badge);

ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.night_flow
    ADD CONSTRAINT night_flow_pkey PRIMARY KEY (local_day, commodity, unit);

ALTER TABLE ONLY public.optout
    ADD CONSTRAINT optout_pkey PRIMARY KEY (optout_id);

ALTER TABLE ONLY public.optout_task
    ADD CONSTRAINT optout_task_code_subject_occasion_key UNIQUE (code, subject, occasion);

ALTER TABLE ONLY public.optout_task
    ADD CONSTRAINT optout_task_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.outage
    ADD CONSTRAINT outage_pkey PRIMARY KEY (began_at, device, name);

ALTER TABLE ONLY public.pilot_step
    ADD CONSTRAINT pilot_step_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.premise
    ADD CONSTRAINT premise_pkey PRIMARY KEY (premise_id);

ALTER TABLE ONLY public.radio_silence
    ADD CONSTRAINT radio_silence_pkey PRIMARY KEY (badge, off_at);

ALTER TABLE ONLY public.read_conflict
    ADD CONSTRAINT read_conflict_channel_id_kind_at_utc_value_key UNIQUE (channel_id, kind, at_utc, value);

ALTER TABLE ONLY public.read_conflict
    ADD CONSTRAINT read_conflict_pkey PRIMARY KEY (read_conflict_id);

ALTER TABLE ONLY public.reading_import
    ADD CONSTRAINT reading_import_pkey PRIMARY KEY (reading_import_id);

ALTER TABLE ONLY public.reading_import_refusal
    ADD CONSTRAINT reading_import_refusal_pkey PRIMARY KEY (reading_import_id, number);

ALTER TABLE ONLY public.register_read
    ADD CONSTRAINT register_read_pkey PRIMARY KEY (channel_id, at_utc, version);

ALTER TABLE ONLY public.registry_change
    ADD CONSTRAINT registry_change_pkey PRIMARY KEY (change_id);

ALTER TABLE ONLY public.reliability_day
    ADD CONSTRAINT reliability_day_pkey PRIMARY KEY (local_day);

ALTER TABLE ONLY public.rule_day
    ADD CONSTRAINT rule_day_pkey PRIMARY KEY (local_day, commodity, rule);

ALTER TABLE ONLY public.self_read
    ADD CONSTRAINT self_read_channel_id_read_at_register_key UNIQUE (channel_id, read_at, register);

ALTER TABLE ONLY public.self_read_month
    ADD CONSTRAINT self_read_month_pkey PRIMARY KEY (channel_id, window_end);

ALTER TABLE ONLY public.self_read
    ADD CONSTRAINT self_read_pkey PRIMARY KEY (self_read_id);

ALTER TABLE ONLY public.sequence_hole
    ADD CONSTRAINT sequence_hole_pkey PRIMARY KEY (hole_id);

ALTER TABLE ONLY public.service_level
    ADD CONSTRAINT service_level_pkey PRIMARY KEY (local_day, commodity, mark);

ALTER TABLE ONLY public.transformer_day
    ADD CONSTRAINT transformer_day_pkey PRIMARY KEY (local_day, transformer_id);

ALTER TABLE ONLY public.transformer
    ADD CONSTRAINT transformer_pkey PRIMARY KEY (transformer_id);

ALTER TABLE ONLY public.uplink_message
    ADD CONSTRAINT uplink_message_pkey PRIMARY KEY (collector_id, batch_seq, boot_id, batch_at);

ALTER TABLE ONLY public.usage_point
    ADD CONSTRAINT usage_point_pkey PRIMARY KEY (usage_point_id);

ALTER TABLE ONLY public.utility
    ADD CONSTRAINT utility_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.vee_day
    ADD CONSTRAINT vee_day_pkey PRIMARY KEY (channel_id, local_day, version);

ALTER TABLE ONLY public.vee_exception
    ADD CONSTRAINT vee_exception_pkey PRIMARY KEY (vee_exception_id);

ALTER TABLE ONLY public.vee_horizon
    ADD CONSTRAINT vee_horizon_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.vee_ruleset
    ADD CONSTRAINT vee_ruleset_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.vee_ruleset_shipped
    ADD CONSTRAINT vee_ruleset_shipped_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.vee_run
    ADD CONSTRAINT vee_run_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.vee_touch
    ADD CONSTRAINT vee_touch_pkey PRIMARY KEY (channel_id, local_day);

ALTER TABLE ONLY signer.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (number);

ALTER TABLE ONLY signer.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (radio_id, key_id);

ALTER TABLE ONLY signer.issued
    ADD CONSTRAINT issued_pkey PRIMARY KEY (command_id);

ALTER TABLE ONLY signer.issued
    ADD CONSTRAINT issued_radio_id_key_id_counter_key UNIQUE (radio_id, key_id, counter);

ALTER TABLE ONLY signer.lineage
    ADD CONSTRAINT lineage_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY signer.open
    ADD CONSTRAINT open_pkey PRIMARY KEY (command_id);

ALTER TABLE ONLY signer.open_switch
    ADD CONSTRAINT open_switch_pkey PRIMARY KEY (radio_id);

ALTER TABLE ONLY signer.release
    ADD CONSTRAINT release_pkey PRIMARY KEY (trip_id, supervisor);

ALTER TABLE ONLY signer.trip
    ADD CONSTRAINT trip_pkey PRIMARY KEY (trip_id);

CREATE INDEX access_grant_account ON personal.access_grant USING gin (account_ids);

CREATE INDEX access_log_account ON personal.access_log USING gin (account_ids);

CREATE INDEX access_log_at ON personal.access_log USING btree (at);

CREATE INDEX aggregate_release_month ON personal.aggregate_release USING btree (quantity, month);

CREATE INDEX alert_due ON personal.alert USING btree (due_at) WHERE ((delivered_at IS NULL) AND (dead_at IS NULL));

CREATE INDEX answer_asked_at ON personal.answer USING btree (asked_at);

CREATE INDEX agreement_account ON public.agreement USING btree (account_id);

CREATE UNIQUE INDEX api_token_name ON public.api_token USING btree (name) WHERE (revoked_at IS NULL);

CREATE INDEX audit_record_subject ON public.audit_record USING btree (subject, number);

CREATE INDEX billed_service_days ON public.billed_service USING btree (usage_point_id, to_on);

CREATE INDEX billing_correction_untold ON public.billing_correction USING btree (notice_by) WHERE (noticed_at IS NULL);

CREATE INDEX billing_determinant_channel ON public.billing_determinant USING btree (channel_id, read_end_utc);

CREATE INDEX billing_event_due ON public.billing_event USING btree (due_on);

CREATE INDEX cis_fact_known ON public.cis_fact USING btree (subject, subject_id, fact, known_at, effective_at);

CREATE INDEX control_answer_unhandled ON public.control_answer USING btree (control_answer_id) WHERE (handled_at IS NULL);

CREATE INDEX control_badge ON public.control USING btree (badge, control_id);

CREATE INDEX control_batch_row ON public.control USING btree (batch_id, control_id) WHERE (batch_id IS NOT NULL);

CREATE INDEX control_due ON public.control USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX control_envelope_control ON public.control_envelope USING btree (control_id);

CREATE INDEX control_envelope_open ON public.control_envelope USING btree (signed_at) WHERE (opcode = 1);

CREATE INDEX control_unknown ON public.control USING btree (badge) WHERE (state = 'UNKNOWN'::text);

CREATE INDEX dead_letter_curable ON public.dead_letter USING btree (dead_letter_id) WHERE ((replayed_at IS NULL) AND (reason = ANY (ARRAY['unknown_collector'::text, 'unknown_meter'::text, 'bad_channel'::text, 'not_installed'::text, 'bad_interval'::text])));

CREATE UNIQUE INDEX dead_letter_digest ON public.dead_letter USING btree (digest);

CREATE INDEX dead_letter_opted_out ON public.dead_letter USING btree (received_at) WHERE (reason = 'opted_out'::text);

CREATE INDEX dead_letter_received_at ON public.dead_letter USING btree (received_at);

CREATE INDEX edit_channel ON public.edit USING btree (channel_id, start_utc);

CREATE INDEX end_device_event_at ON public.end_device_event USING btree (at_utc);

CREATE INDEX end_device_event_of_meter ON public.end_device_event USING btree (badge, code, at_utc);

CREATE INDEX enrolment_account ON public.enrolment USING btree (account_id);

CREATE INDEX enrolment_alive ON public.enrolment USING btree (state) WHERE (state = ANY (ARRAY['pending'::text, 'referred'::text, 'in_force'::text]));

CREATE UNIQUE INDEX field_order_open ON public.field_order USING btree (badge, reason) WHERE (closed_at IS NULL);

CREATE INDEX leak_case_open ON public.leak_case USING btree (channel_id) WHERE (ended_at IS NULL);

CREATE INDEX leak_step_case ON public.leak_step USING btree (channel_id, episode);

CREATE INDEX leak_step_notice ON public.leak_step USING btree (recorded_at) WHERE (notice <> ''::text);

CREATE INDEX meter_installation_pilot ON public.meter_installation USING btree (badge) WHERE pilot;

CREATE INDEX meter_installation_usage_point ON public.meter_installation USING btree (usage_point_id, installed_at);

CREATE UNIQUE INDEX optout_in_force ON public.optout USING btree (badge) WHERE (ended_at IS NULL);

CREATE INDEX pilot_step_place ON public.pilot_step USING btree (usage_point_id, number);

CREATE INDEX reading_import_at ON public.reading_import USING btree (imported_at);

CREATE UNIQUE INDEX reading_import_stored ON public.reading_import USING btree (sha256, format, zone, meter) WHERE (state = 'stored'::text);

CREATE INDEX sequence_hole_due ON public.sequence_hole USING btree (due_at) WHERE (lost_at IS NULL);

CREATE INDEX uplink_message_received ON ONLY public.uplink_message USING brin (received_at);

CREATE INDEX usage_point_premise ON public.usage_point USING btree (premise_id);

CREATE INDEX vee_day_local_day ON public.vee_day USING btree (local_day);

CREATE INDEX vee_exception_answered ON public.vee_exception USING btree (channel_id, local_day, rule) WHERE (answer <> ''::text);

CREATE UNIQUE INDEX vee_exception_open ON public.vee_exception USING btree (channel_id, local_day, rule) WHERE (closed_at IS NULL);

CREATE INDEX open_at ON signer.open USING btree (at);

CREATE UNIQUE INDEX trip_standing ON signer.trip USING btree (((released_at IS NULL))) WHERE (released_at IS NULL);

CREATE TRIGGER billed_service_frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON public.billed_service FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER billing_ack_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.billing_ack FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER billing_determinant_frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON public.billing_determinant FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER billing_estimate_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.billing_estimate FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER billing_window_frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON public.billing_window FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER control_ended BEFORE UPDATE ON public.control FOR EACH ROW WHEN (((old.state = ANY (ARRAY['POLICY_DENIED'::text, 'CANCELLED'::text, 'EXPIRED'::text, 'VERIFIED'::text, 'RECONCILED'::text])) AND (new.state <> old.state))) EXECUTE FUNCTION public.control_has_ended();

CREATE TRIGGER registry_deleted AFTER DELETE ON public.channel REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_deleted AFTER DELETE ON public.collector REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_deleted AFTER DELETE ON public.meter REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_deleted AFTER DELETE ON public.meter_installation REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_deleted AFTER DELETE ON public.premise REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_deleted AFTER DELETE ON public.radio_silence REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_deleted AFTER DELETE ON public.usage_point REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_inserted AFTER INSERT ON public.channel REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_inserted AFTER INSERT ON public.collector REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_inserted AFTER INSERT ON public.meter REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_inserted AFTER INSERT ON public.meter_installation REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_inserted AFTER INSERT ON public.premise REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_inserted AFTER INSERT ON public.radio_silence REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_inserted AFTER INSERT ON public.usage_point REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_updated AFTER UPDATE ON public.channel REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_updated AFTER UPDATE ON public.collector REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_updated AFTER UPDATE ON public.meter REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_updated AFTER UPDATE ON public.meter_installation REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_updated AFTER UPDATE ON public.premise REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_updated AFTER UPDATE ON public.radio_silence REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

CREATE TRIGGER registry_updated AFTER UPDATE ON public.usage_point REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_registry_change();

ALTER TABLE ONLY personal.aggregate_part
    ADD CONSTRAINT aggregate_part_release_id_fkey FOREIGN KEY (release_id) REFERENCES personal.aggregate_release(release_id);

ALTER TABLE ONLY personal.alert
    ADD CONSTRAINT alert_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY personal.alert
    ADD CONSTRAINT alert_usage_point_id_fkey FOREIGN KEY (usage_point_id) REFERENCES public.usage_point(usage_point_id);

ALTER TABLE ONLY personal.alert_wish
    ADD CONSTRAINT alert_wish_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY personal.alert_wish
    ADD CONSTRAINT alert_wish_usage_point_id_fkey FOREIGN KEY (usage_point_id) REFERENCES public.usage_point(usage_point_id);

ALTER TABLE ONLY personal.contact
    ADD CONSTRAINT contact_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY public.agreement
    ADD CONSTRAINT agreement_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY public.agreement
    ADD CONSTRAINT agreement_usage_point_id_fkey FOREIGN KEY (usage_point_id) REFERENCES public.usage_point(usage_point_id);

ALTER TABLE ONLY public.billed_service
    ADD CONSTRAINT billed_service_window_start_window_end_fkey FOREIGN KEY (window_start, window_end) REFERENCES public.billing_window(window_start, window_end);

ALTER TABLE ONLY public.billing_ack
    ADD CONSTRAINT billing_ack_window_start_window_end_fkey FOREIGN KEY (window_start, window_end) REFERENCES public.billing_window(window_start, window_end);

ALTER TABLE ONLY public.billing_block
    ADD CONSTRAINT billing_block_window_start_window_end_fkey FOREIGN KEY (window_start, window_end) REFERENCES public.billing_window(window_start, window_end);

ALTER TABLE ONLY public.billing_correction
    ADD CONSTRAINT billing_correction_window_start_window_end_usage_point_id__fkey FOREIGN KEY (window_start, window_end, usage_point_id, period, revision) REFERENCES public.billed_service(window_start, window_end, usage_point_id, period, revision);

ALTER TABLE ONLY public.billing_determinant
    ADD CONSTRAINT billing_determinant_window_start_window_end_fkey FOREIGN KEY (window_start, window_end) REFERENCES public.billing_window(window_start, window_end);

ALTER TABLE ONLY public.billing_estimate
    ADD CONSTRAINT billing_estimate_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.channel(channel_id);

ALTER TABLE ONLY public.billing_event
    ADD CONSTRAINT billing_event_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY public.billing_event_carried
    ADD CONSTRAINT billing_event_carried_number_fkey FOREIGN KEY (number) REFERENCES public.billing_event(number);

ALTER TABLE ONLY public.billing_event_carried
    ADD CONSTRAINT billing_event_carried_window_start_window_end_fkey FOREIGN KEY (window_start, window_end) REFERENCES public.billing_window(window_start, window_end);

ALTER TABLE ONLY public.billing_overtaken
    ADD CONSTRAINT billing_overtaken_window_start_window_end_fkey FOREIGN KEY (window_start, window_end) REFERENCES public.billing_window(window_start, window_end);

ALTER TABLE ONLY public.channel
    ADD CONSTRAINT channel_badge_fkey FOREIGN KEY (badge) REFERENCES public.meter(badge);

ALTER TABLE ONLY public.control_approval
    ADD CONSTRAINT control_approval_control_id_fkey FOREIGN KEY (control_id) REFERENCES public.control(control_id);

ALTER TABLE ONLY public.control
    ADD CONSTRAINT control_badge_fkey FOREIGN KEY (badge) REFERENCES public.meter(badge);

ALTER TABLE ONLY public.control
    ADD CONSTRAINT control_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.control_batch(batch_id);

ALTER TABLE ONLY public.control_envelope
    ADD CONSTRAINT control_envelope_control_id_fkey FOREIGN KEY (control_id) REFERENCES public.control(control_id);

ALTER TABLE ONLY public.control_step
    ADD CONSTRAINT control_step_control_id_fkey FOREIGN KEY (control_id) REFERENCES public.control(control_id);

ALTER TABLE ONLY public.dial_read
    ADD CONSTRAINT dial_read_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.channel(channel_id);

ALTER TABLE ONLY public.edit_decision
    ADD CONSTRAINT edit_decision_edit_id_fkey FOREIGN KEY (edit_id) REFERENCES public.edit(edit_id);

ALTER TABLE ONLY public.enrolment
    ADD CONSTRAINT enrolment_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(account_id);

ALTER TABLE ONLY public.field_order
    ADD CONSTRAINT field_order_badge_fkey FOREIGN KEY (badge) REFERENCES public.meter(badge);

ALTER TABLE ONLY public.field_order
    ADD CONSTRAINT field_order_control_id_fkey FOREIGN KEY (control_id) REFERENCES public.control(control_id);

ALTER TABLE ONLY public.leak_case
    ADD CONSTRAINT leak_case_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.channel(channel_id);

ALTER TABLE ONLY public.leak_memory
    ADD CONSTRAINT leak_memory_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.channel(channel_id);

ALTER TABLE ONLY public.leak_step
    ADD CONSTRAINT leak_step_channel_id_episode_fkey FOREIGN KEY (channel_id, episode) REFERENCES public.leak_case(channel_id, episode);

ALTER TABLE ONLY public.meter_installation
    ADD CONSTRAINT meter_installation_badge_fkey FOREIGN KEY (badge) REFERENCES public.meter(badge);

ALTER TABLE ONLY public.meter_installation
    ADD CONSTRAINT meter_installation_usage_point_id_fkey FOREIGN KEY (usage_point_id) REFERENCES public.usage_point(usage_point_id);

ALTER TABLE ONLY public.optout
    ADD CONSTRAINT optout_badge_fkey FOREIGN KEY (badge) REFERENCES public.meter(badge);

ALTER TABLE ONLY public.pilot_step
    ADD CONSTRAINT pilot_step_usage_point_id_fkey FOREIGN KEY (usage_point_id) REFERENCES public.usage_point(usage_point_id);

ALTER TABLE ONLY public.premise
    ADD CONSTRAINT premise_transformer_id_fkey FOREIGN KEY (transformer_id) REFERENCES public.transformer(transformer_id);

ALTER TABLE ONLY public.radio_silence
    ADD CONSTRAINT radio_silence_badge_fkey FOREIGN KEY (badge) REFERENCES public.meter(badge);

ALTER TABLE ONLY public.radio_silence
    ADD CONSTRAINT radio_silence_control_id_fkey FOREIGN KEY (control_id) REFERENCES public.control(control_id);

ALTER TABLE ONLY public.reading_import_refusal
    ADD CONSTRAINT reading_import_refusal_reading_import_id_fkey FOREIGN KEY (reading_import_id) REFERENCES public.reading_import(reading_import_id);

ALTER TABLE ONLY public.self_read
    ADD CONSTRAINT self_read_badge_fkey FOREIGN KEY (badge) REFERENCES public.meter(badge);

ALTER TABLE ONLY public.self_read
    ADD CONSTRAINT self_read_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.channel(channel_id);

ALTER TABLE ONLY public.self_read_month
    ADD CONSTRAINT self_read_month_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.channel(channel_id);

ALTER TABLE ONLY public.transformer_day
    ADD CONSTRAINT transformer_day_transformer_id_fkey FOREIGN KEY (transformer_id) REFERENCES public.transformer(transformer_id);

ALTER TABLE ONLY public.usage_point
    ADD CONSTRAINT usage_point_premise_id_fkey FOREIGN KEY (premise_id) REFERENCES public.premise(premise_id);

ALTER TABLE ONLY signer.open
    ADD CONSTRAINT open_command_id_fkey FOREIGN KEY (command_id) REFERENCES signer.issued(command_id);

ALTER TABLE ONLY signer.release
    ADD CONSTRAINT release_trip_id_fkey FOREIGN KEY (trip_id) REFERENCES signer.trip(trip_id);

GRANT ALL ON SCHEMA public TO mdms;
GRANT ALL ON SCHEMA public TO mdms_audit;

GRANT USAGE ON SCHEMA report TO mdms_report;

GRANT SELECT,UPDATE ON TABLE public.audit_head TO mdms;
GRANT SELECT ON TABLE public.audit_head TO mdms_signer;

GRANT SELECT,INSERT ON TABLE public.audit_record TO mdms;
GRANT SELECT ON TABLE public.audit_record TO mdms_signer;

GRANT SELECT ON TABLE public.audit_seal TO mdms;
GRANT SELECT,INSERT ON TABLE public.audit_seal TO mdms_signer;

GRANT SELECT,INSERT ON TABLE public.cis_fact TO mdms;
GRANT SELECT ON TABLE public.cis_fact TO mdms_signer;

GRANT SELECT ON TABLE public.control TO mdms_signer;

GRANT SELECT ON TABLE public.control_step TO mdms_signer;
GRANT SELECT,INSERT ON TABLE public.control_step TO mdms;

GRANT SELECT ON TABLE public.meter TO mdms_signer;

GRANT SELECT ON TABLE public.meter_installation TO mdms_signer;

GRANT SELECT ON TABLE public.optout TO mdms_signer;

GRANT SELECT ON TABLE public.premise TO mdms_signer;

GRANT SELECT ON TABLE public.radio_silence TO mdms_signer;

GRANT SELECT ON TABLE public.transformer TO mdms_signer;

GRANT SELECT ON TABLE public.usage_point TO mdms_signer;

GRANT SELECT ON TABLE public.utility TO mdms_signer;

GRANT SELECT ON TABLE report.billing_block TO mdms_report;

GRANT SELECT ON TABLE report.billing_cycle TO mdms_report;

GRANT SELECT ON TABLE report.billing_window TO mdms_report;

GRANT SELECT ON TABLE report.channel TO mdms_report;

GRANT SELECT ON TABLE report.collector TO mdms_report;

GRANT SELECT ON TABLE report.collector_state TO mdms_report;

GRANT SELECT ON TABLE report.control TO mdms_report;

GRANT SELECT ON TABLE report.control_refusal TO mdms_report;

GRANT SELECT ON TABLE report.dead_letter_hour TO mdms_report;

GRANT SELECT ON TABLE report.event_hour TO mdms_report;

GRANT SELECT ON TABLE report.field_order TO mdms_report;

GRANT SELECT ON TABLE report.interval_read TO mdms_report;

GRANT SELECT ON TABLE report.leak_case TO mdms_report;

GRANT SELECT ON TABLE report.meter_heard TO mdms_report;

GRANT SELECT ON TABLE report.night_flow TO mdms_report;

GRANT SELECT ON TABLE report.optout TO mdms_report;

GRANT SELECT ON TABLE report.outage TO mdms_report;

GRANT SELECT ON TABLE report.outage_place TO mdms_report;

GRANT SELECT ON TABLE report.read_conflict_hour TO mdms_report;

GRANT SELECT ON TABLE report.register_read TO mdms_report;

GRANT SELECT ON TABLE report.reliability_day TO mdms_report;

GRANT SELECT ON TABLE report.sequence_hole TO mdms_report;

GRANT SELECT ON TABLE report.service_level TO mdms_report;

GRANT SELECT ON TABLE report.storage TO mdms_report;

GRANT SELECT ON TABLE report.transformer_day TO mdms_report;

GRANT SELECT ON TABLE report.vee_exception TO mdms_report;

GRANT SELECT ON TABLE report.vee_rule_day TO mdms_report;

GRANT SELECT ON TABLE report.vee_run TO mdms_report;
