-- Runs that made the rows of catalogues, and granules that are gone.

CREATE TABLE epntap.run (
    run_id           text PRIMARY KEY,
    catalogue        text NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('publication', 'regeneration', 'request')),
    pipeline         text,
    pipeline_version text,
    weights_sha256   text,
    source           text,
    source_sha256    text,
    span_start       timestamp,
    span_stop        timestamp,
    parameters       jsonb NOT NULL DEFAULT '{}',
    started          timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended            timestamptz,
    state            text NOT NULL DEFAULT 'running' CHECK (state IN
                     ('waiting', 'running', 'published', 'unchanged', 'refused', 'failed')),
    reason           text,
    version          integer,
    row_count        bigint,
    new_rows         bigint,
    changed_rows     bigint,
    unchanged_rows   bigint,
    gone_rows        bigint
);
COMMENT ON TABLE epntap.run IS 'Every run that made, or tried to make, a version of a catalogue.';
CREATE INDEX run_catalogue ON epntap.run (catalogue, started DESC);

CREATE TABLE epntap.tombstone (
    catalogue   text NOT NULL,
    granule_uid text NOT NULL,
    removed     timestamptz NOT NULL DEFAULT clock_timestamp(),
    version     integer NOT NULL,
    run_id      text,
    PRIMARY KEY (catalogue, granule_uid)
);
COMMENT ON TABLE epntap.tombstone IS
    'Granules that a catalogue had once; version is the first one without it.';
