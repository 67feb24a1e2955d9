-- Catalogues that are made again on a schedule, in chunks of time that any worker can take.

CREATE TABLE epntap.schedule (
    catalogue text PRIMARY KEY,
    plan      jsonb NOT NULL,
    due       timestamptz,
    paused    boolean NOT NULL DEFAULT false,
    run_id    text,
    note      text,
    updated   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE epntap.schedule IS 'When a catalogue is regenerated next.';
COMMENT ON COLUMN epntap.schedule.plan IS 'The key regenerate of the description that is shown.';
COMMENT ON COLUMN epntap.schedule.due IS 'Empty until somebody has worked it out from the plan.';
COMMENT ON COLUMN epntap.schedule.run_id IS 'The run that the schedule began last.';
COMMENT ON COLUMN epntap.schedule.note IS 'Why nothing was begun when it was due last.';

-- Schedules follow what is published, whichever way it came there or went.
CREATE FUNCTION epntap.follow_schedule() RETURNS trigger LANGUAGE plpgsql AS $follow$
DECLARE
    new_plan jsonb := NEW.description -> 'regenerate';
BEGIN
    IF NEW.current_version IS NULL OR new_plan ->> 'schedule' IS NULL THEN
        DELETE FROM epntap.schedule WHERE catalogue = NEW.name;
    ELSE
        INSERT INTO epntap.schedule AS s (catalogue, plan) VALUES (NEW.name, new_plan)
            ON CONFLICT (catalogue) DO UPDATE
            SET plan = excluded.plan, updated = clock_timestamp(),
                due = CASE WHEN s.plan ->> 'schedule' = excluded.plan ->> 'schedule'
                           THEN s.due END
            WHERE s.plan IS DISTINCT FROM excluded.plan;
    END IF;
    RETURN NULL;
END
$follow$;
COMMENT ON FUNCTION epntap.follow_schedule() IS 'Keeps epntap.schedule as descriptions say.';
CREATE TRIGGER catalogue_schedule
    AFTER INSERT OR UPDATE OF description, current_version ON epntap.catalogue
    FOR EACH ROW EXECUTE FUNCTION epntap.follow_schedule();

-- The database itself sees to it that a catalogue is never regenerated twice at the same time.
CREATE UNIQUE INDEX run_one_regeneration ON epntap.run (catalogue)
    WHERE kind = 'regeneration' AND state IN ('waiting', 'running');

CREATE TABLE epntap.regeneration (
    run_id       text PRIMARY KEY REFERENCES epntap.run ON DELETE CASCADE,
    description  jsonb NOT NULL,
    source       text NOT NULL,
    moment       timestamp NOT NULL,
    wanted_start timestamp,
    wanted_stop  timestamp,
    foreground   boolean NOT NULL DEFAULT false,
    cut          boolean NOT NULL DEFAULT false,
    CHECK (wanted_start < wanted_stop)
);
COMMENT ON TABLE epntap.regeneration IS 'What workers need to know of a run.';
COMMENT ON COLUMN epntap.regeneration.description IS 'The YAML of the catalogue as read.';
COMMENT ON COLUMN epntap.regeneration.source IS 'As pipelines are given it; never shown.';
COMMENT ON COLUMN epntap.regeneration.moment IS 'What "now" means in it, UTC.';
COMMENT ON COLUMN epntap.regeneration.wanted_start IS
    'Begin of the time that is looked at again; that of the plan where empty.';
COMMENT ON COLUMN epntap.regeneration.foreground IS
    'Done by one process that holds an advisory lock on the run, and not by workers.';
COMMENT ON COLUMN epntap.regeneration.cut IS 'Whether its chunks are known.';

CREATE TABLE epntap.chunk (
    run_id     text NOT NULL REFERENCES epntap.run ON DELETE CASCADE,
    number     integer NOT NULL CHECK (number > 0),
    batch      integer,
    span_start timestamp NOT NULL,
    span_stop  timestamp NOT NULL,
    key        text,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN
               ('waiting', 'running', 'done', 'failed')),
    reused     boolean NOT NULL DEFAULT false,
    attempt    integer NOT NULL DEFAULT 0,
    failures   integer NOT NULL DEFAULT 0,
    worker     text,
    started    timestamptz,
    ended      timestamptz,
    row_count  integer,
    error      text,
    PRIMARY KEY (run_id, number),
    CHECK (span_start < span_stop),
    CHECK (state <> 'done' OR key IS NOT NULL)
);
COMMENT ON TABLE epntap.chunk IS 'Pieces of a run; attempt fences off a worker that was given up.';
COMMENT ON COLUMN epntap.chunk.key IS
    'Digest of all that the result depends on: data of the span and its margins, pipeline, weights.';
COMMENT ON COLUMN epntap.chunk.batch IS 'The place in line in which it is worked at, with others.';
COMMENT ON COLUMN epntap.chunk.reused IS 'Whether the result of an earlier run was still good.';
CREATE INDEX chunk_key ON epntap.chunk (key);

CREATE TABLE epntap.part (
    catalogue  text NOT NULL,
    key        text NOT NULL,
    span_start timestamp NOT NULL,
    span_stop  timestamp NOT NULL,
    run_id     text NOT NULL,
    row_count  integer NOT NULL CHECK (row_count >= 0),
    provenance jsonb NOT NULL,
    rows       bytea NOT NULL,
    created    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (catalogue, key)
);
COMMENT ON TABLE epntap.part IS
    'Native rows of a span as a Parquet file; what has the same key need not be computed again.';
-- What a catalogue was made of goes with it.
CREATE FUNCTION epntap.forget_parts() RETURNS trigger LANGUAGE plpgsql AS $forget$
BEGIN
    DELETE FROM epntap.part WHERE catalogue = NEW.name;
    RETURN NULL;
END
$forget$;
COMMENT ON FUNCTION epntap.forget_parts() IS 'Removes the parts of a catalogue that is dropped.';
CREATE TRIGGER catalogue_parts AFTER UPDATE OF current_version ON epntap.catalogue FOR EACH ROW
    WHEN (OLD.current_version IS NOT NULL AND NEW.current_version IS NULL)
    EXECUTE FUNCTION epntap.forget_parts();

-- Parquet is compressed already.
ALTER TABLE epntap.part ALTER COLUMN rows SET STORAGE EXTERNAL;
