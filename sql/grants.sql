-- What the lesser logins may do with the database and with the service's own schemas.
--
-- Run by the owner after the migrations and functions. Idempotent.
DO $grants$
DECLARE
    database  text := current_database();
    publisher text := current_database() || '_publisher';
    reader    text := current_database() || '_reader';
    uploader  text := current_database() || '_uploader';
    relation  record;
BEGIN
    -- Published schemas are created by the publisher; nobody else makes anything.
    EXECUTE format('GRANT CREATE, TEMPORARY, CONNECT ON DATABASE %I TO %I', database, publisher);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', database, reader);
    EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', database);
    -- Besides being a member of the reader: tables that live as long as a query, and nothing else.
    EXECUTE format('GRANT TEMPORARY, CONNECT ON DATABASE %I TO %I', database, uploader);

    EXECUTE format('GRANT USAGE ON SCHEMA epntap, tap_schema, provenance, udf, contrib TO %I, %I',
                   publisher, reader);

    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA epntap TO %I',
                   publisher);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA epntap TO %I', publisher);
    -- The record of how the database was made is the owner's alone to write.
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON epntap.migration, epntap.queue_step FROM %I',
                   publisher);
    EXECUTE format('REVOKE ALL ON epntap.installation FROM %I', publisher);

    EXECUTE 'REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA epntap, udf FROM PUBLIC';
    EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA epntap TO %I', publisher);
    EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA udf TO %I, %I', publisher, reader);

    -- Those of provenance are views, which show what may be seen of tables that the reader may not.
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA tap_schema, provenance TO %I, %I',
                   publisher, reader);
    FOR relation IN
        SELECT c.relname FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'epntap' AND c.relkind = 'r'
           AND (c.relname = 'generation' OR c.relname LIKE 'tap\_%')
    LOOP
        EXECUTE format('GRANT SELECT ON epntap.%I TO %I', relation.relname, reader);
    END LOOP;
END
$grants$;
