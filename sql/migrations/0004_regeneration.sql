-- Catalogues that are made again on a schedule, in chunks of time that any worker can take.

CREATE TABLE epntap.schedule (
    catalogue text PRIMARY KEY,
    plan      jsonb NOT NULL,
    due       timestamptz,
    paused    boolean NOT NULL DEFAULT false,
    updated   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE epntap.schedule IS 'When a catalogue is regenerated next; plan is its YAML''s.';

CREATE TABLE epntap.chunk (
    run_id     text NOT NULL REFERENCES epntap.run ON DELETE CASCADE,
    number     integer NOT NULL CHECK (number > 0),
    span_start timestamp NOT NULL,
    span_stop  timestamp NOT NULL,
    key        text NOT NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN
               ('waiting', 'running', 'done', 'failed')),
    attempt    integer NOT NULL DEFAULT 0,
    worker     text,
    started    timestamptz,
    ended      timestamptz,
    row_count  integer,
    error      text,
    PRIMARY KEY (run_id, number)
);
COMMENT ON TABLE epntap.chunk IS 'Pieces of a run; attempt fences off a worker that was given up.';
COMMENT ON COLUMN epntap.chunk.key IS
    'Digest of all that the result depends on: data of the span and its margins, pipeline, weights.';

CREATE TABLE epntap.part (
    catalogue  text NOT NULL,
    key        text NOT NULL,
    span_start timestamp NOT NULL,
    span_stop  timestamp NOT NULL,
    run_id     text NOT NULL,
    rows       bytea NOT NULL,
    created    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (catalogue, key)
);
COMMENT ON TABLE epntap.part IS
    'Native rows of a span as a Parquet file; what has the same key need not be computed again.';
