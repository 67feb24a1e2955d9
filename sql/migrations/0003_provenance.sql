-- Runs that made the rows of catalogues, granules that are gone, and both as everybody may see them.

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
COMMENT ON COLUMN epntap.run.source IS 'Without passwords and folders: it is published.';
COMMENT ON COLUMN epntap.run.parameters IS 'Without secrets: they are published.';
CREATE INDEX run_catalogue ON epntap.run (catalogue, started DESC);

ALTER TABLE epntap.version ADD COLUMN run_id text REFERENCES epntap.run;
COMMENT ON COLUMN epntap.version.run_id IS 'The run that made it; rows may be of earlier ones.';

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

-- What can be queried over TAP --------------------------------------------------------------------
-- After the IVOA Provenance Data Model 1.0. Columns are described in schema/provenance.yaml, times
-- are UTC. The views are barriers: no condition of a query is tried on rows that they leave out.

CREATE SCHEMA provenance;
COMMENT ON SCHEMA provenance IS 'How the published catalogues came about, as clients query it.';

CREATE VIEW provenance.activity WITH (security_barrier) AS
    SELECT run_id AS activity_id,
           coalesce(pipeline, 'publication') AS name,
           kind,
           catalogue,
           pipeline_version,
           weights_sha256,
           source,
           source_sha256,
           span_start::timestamp(3) AS span_start,
           span_stop::timestamp(3) AS span_stop,
           parameters::text AS parameters,
           (started AT TIME ZONE 'UTC')::timestamp(3) AS starttime,
           (ended AT TIME ZONE 'UTC')::timestamp(3) AS stoptime,
           state AS status,
           reason,
           version AS catalogue_version,
           row_count, new_rows, changed_rows, unchanged_rows, gone_rows
      FROM epntap.run
     WHERE kind <> 'request';

CREATE VIEW provenance.used WITH (security_barrier) AS
    SELECT run_id AS activity_id,
           'source:' || coalesce(source_sha256, run_id) AS entity_id,
           'source'::text AS role
      FROM epntap.run WHERE kind <> 'request' AND coalesce(source, source_sha256) IS NOT NULL
    UNION ALL
    SELECT run_id, 'weights:' || weights_sha256, 'weights'
      FROM epntap.run WHERE kind <> 'request' AND weights_sha256 IS NOT NULL;

CREATE VIEW provenance.was_generated_by WITH (security_barrier) AS
    SELECT catalogue || '.epn_core/' || version AS entity_id,
           run_id AS activity_id,
           'catalogue'::text AS role
      FROM epntap.version WHERE run_id IS NOT NULL;

-- What was used by several runs is one entity, named as the first of them named it.
CREATE VIEW provenance.entity WITH (security_barrier) AS
    SELECT entity_id, name, entity_type, checksum, row_count,
           (generated AT TIME ZONE 'UTC')::timestamp(3) AS generated_at_time,
           (invalidated AT TIME ZONE 'UTC')::timestamp(3) AS invalidated_at_time
      FROM (
        SELECT catalogue || '.epn_core/' || version,
               catalogue || '.epn_core, version ' || version,
               'catalogue', NULL, row_count, published,
               CASE WHEN state <> 'current' THEN replaced END
          FROM epntap.version WHERE published IS NOT NULL
        UNION ALL
        (SELECT DISTINCT ON (1)
                'source:' || coalesce(source_sha256, run_id),
                coalesce(source, 'source'), 'source', source_sha256, NULL, NULL, NULL
           FROM epntap.run WHERE kind <> 'request' AND coalesce(source, source_sha256) IS NOT NULL
          ORDER BY 1, started)
        UNION ALL
        (SELECT DISTINCT ON (1)
                'weights:' || weights_sha256,
                'weights of ' || coalesce(pipeline, 'a pipeline'), 'weights', weights_sha256,
                NULL, NULL, NULL
           FROM epntap.run WHERE kind <> 'request' AND weights_sha256 IS NOT NULL
          ORDER BY 1, started)
      ) AS e (entity_id, name, entity_type, checksum, row_count, generated, invalidated);

CREATE VIEW provenance.tombstone WITH (security_barrier) AS
    SELECT catalogue, granule_uid,
           (removed AT TIME ZONE 'UTC')::timestamp(3) AS removed,
           version, run_id
      FROM epntap.tombstone;
