-- Work that outlives a request: jobs as UWS 1.1 shows them, and who works.

CREATE TABLE epntap.job (
    job_id            text PRIMARY KEY,
    service           text NOT NULL,
    phase             text NOT NULL DEFAULT 'PENDING' CHECK (phase IN
                      ('PENDING', 'QUEUED', 'EXECUTING', 'COMPLETED', 'ERROR', 'ABORTED')),
    run_id            text,
    owner_id          text,
    parameters        jsonb NOT NULL DEFAULT '[]',
    inputs            jsonb NOT NULL DEFAULT '[]',
    client            text NOT NULL DEFAULT '',
    created           timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    queued            timestamptz,
    started           timestamptz,
    ended             timestamptz,
    execution_seconds integer NOT NULL CHECK (execution_seconds >= 0),
    destruction       timestamptz(3) NOT NULL,
    quote             timestamptz,
    attempt           integer NOT NULL DEFAULT 0,
    worker            text,
    results           jsonb NOT NULL DEFAULT '[]',
    error             jsonb
);
COMMENT ON TABLE epntap.job IS 'The only truth about the phase of every UWS job.';
COMMENT ON COLUMN epntap.job.service IS 'The job list it belongs to: tap, or run/<pipeline>.';
COMMENT ON COLUMN epntap.job.created IS
    'To the millisecond, as clients are told it: they ask for jobs made later than this.';
COMMENT ON COLUMN epntap.job.parameters IS '[[name, value], ...] in the order in which they came.';
COMMENT ON COLUMN epntap.job.inputs IS
    '[{"name", "key", "size"}, ...]: files that came with the request, until the job has ended.';
COMMENT ON COLUMN epntap.job.client IS 'Address of the client, for limits; never shown.';
COMMENT ON COLUMN epntap.job.attempt IS
    'Grows whenever a worker takes the job: what an earlier attempt writes late is refused by it.';
COMMENT ON COLUMN epntap.job.results IS '[{"id", "key", "mime", "size"}, ...]';
COMMENT ON COLUMN epntap.job.error IS '{"message", "type": "transient"|"fatal"}';
CREATE INDEX job_service_created ON epntap.job (service, created DESC);
CREATE INDEX job_active ON epntap.job (service, client)
    WHERE phase IN ('PENDING', 'QUEUED', 'EXECUTING');
CREATE INDEX job_destruction ON epntap.job (destruction);

CREATE FUNCTION epntap.tell_phase() RETURNS trigger LANGUAGE plpgsql AS $tell$
BEGIN
    PERFORM pg_catalog.pg_notify('epntap_job', NEW.job_id || ' ' || NEW.phase);
    RETURN NULL;
END
$tell$;
COMMENT ON FUNCTION epntap.tell_phase() IS
    'Wakes clients that wait for a phase, and the worker of a job that is aborted.';
CREATE TRIGGER job_phase AFTER UPDATE OF phase ON epntap.job FOR EACH ROW
    WHEN (OLD.phase IS DISTINCT FROM NEW.phase) EXECUTE FUNCTION epntap.tell_phase();

CREATE TABLE epntap.worker (
    name        text PRIMARY KEY,
    host        text NOT NULL,
    pid         integer NOT NULL,
    queues      text[] NOT NULL,
    concurrency integer NOT NULL CHECK (concurrency > 0),
    running     integer NOT NULL DEFAULT 0,
    started     timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen        timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE epntap.worker IS
    'Who takes work; one that was not seen for a while is taken for lost, and its row removed.';
