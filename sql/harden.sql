-- Takes from everybody what no query of the service needs: the system catalogues and every function
-- that has a side effect, reads files, waits, or tells of the server and its other users.
--
-- Run by a superuser in the service's database, after the service was opened once:
--     psql -d DATABASE -f harden.sql
-- The embedded server does this by itself. Owner and publisher get back what PUBLIC had; other roles
-- of this database lose it, so it should be a database of the service's own. Idempotent. What is
-- taken is chosen by rule from the catalogues and not by a list, so that it holds on PostgreSQL 14
-- to 18 and for functions that later versions bring.
DO $harden$
DECLARE
    publisher text := current_database() || '_publisher';
    reader    text := current_database() || '_reader';
    uploader  text := current_database() || '_uploader';
    owner     text;
    trusted   text;
    targets   text;
    relation  record;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'only a superuser can harden a database'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);

    SELECT r.rolname INTO STRICT owner
      FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'epntap';
    trusted := format('%I, %I', owner, publisher);

    -- Functions. PUBLIC may still call what computes a value from its arguments.
    CREATE TEMPORARY TABLE harden_routine ON COMMIT DROP AS
    SELECT p.oid::regprocedure::text AS signature,
           -- What initdb already keeps from PUBLIC (pg_read_file ...) is not given to anybody.
           NOT EXISTS (SELECT FROM pg_init_privs i
                        WHERE i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid) AS common
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = 'pg_catalog'
       AND p.proname NOT IN ('random', 'random_normal', 'setseed', 'clock_timestamp',
                             'pg_typeof', 'pg_column_size', 'pg_input_is_valid')
       AND (p.provolatile = 'v'
            OR p.proname ~ '^(pg_|lo_|has_|to_reg|txid_|acl|dblink|ts_stat|ts_rewrite$)'
            OR p.proname ~ '^inet_(client|server)_'
            OR p.proname ~ '^(current_|version$|getdatabaseencoding$|getpgusername$)'
            OR p.proname ~ '^(set_config|setval|nextval|currval|lastval)$'
            OR p.proname ~ '^(col|obj|shobj)_description$|^row_security_active$|^makeaclitem$'
            OR p.proname ~ '_to_xml');
    SELECT string_agg(signature, ', ') INTO STRICT targets FROM harden_routine;
    EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, %I, %I', targets, reader, uploader);
    SELECT string_agg(signature, ', ') INTO STRICT targets FROM harden_routine WHERE common;
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %s', targets, trusted);

    -- System catalogues and information_schema. Neither planner nor COPY asks for these rights.
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA pg_catalog, information_schema '
                   'FROM PUBLIC, %I, %I', reader, uploader);
    EXECUTE 'REVOKE ALL ON SCHEMA information_schema, public FROM PUBLIC';
    EXECUTE format('GRANT USAGE ON SCHEMA information_schema, public TO %s', trusted);
    SELECT string_agg(format('%s', i.objoid::regclass), ', ') INTO STRICT targets
      FROM pg_init_privs i JOIN pg_class c ON c.oid = i.objoid
      JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(i.initprivs) a
     WHERE i.classoid = 'pg_class'::regclass AND i.objsubid = 0
       AND n.nspname = 'pg_catalog'
       AND a.grantee = 0 AND a.privilege_type = 'SELECT';
    EXECUTE format('GRANT SELECT ON TABLE %s TO %s', targets, trusted);
    -- What initdb gives in information_schema is not recorded; its helpers begin with _pg_.
    SELECT string_agg(format('%s', c.oid::regclass), ', ') INTO STRICT targets
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'information_schema' AND c.relkind IN ('r', 'v')
       AND c.relname NOT LIKE '\_pg\_%';
    EXECUTE format('GRANT SELECT ON TABLE %s TO %s', targets, trusted);
    -- pg_subscription is given column by column; pg_dump asks for it.
    FOR relation IN
        SELECT i.objoid::regclass::text AS name, string_agg(quote_ident(t.attname), ', ') AS columns
          FROM pg_init_privs i JOIN pg_attribute t
            ON t.attrelid = i.objoid AND t.attnum = i.objsubid, aclexplode(i.initprivs) a
         WHERE i.classoid = 'pg_class'::regclass AND i.objsubid > 0
           AND a.grantee = 0 AND a.privilege_type = 'SELECT'
         GROUP BY 1
    LOOP
        EXECUTE format('GRANT SELECT (%s) ON TABLE %s TO %s',
                       relation.columns, relation.name, trusted);
    END LOOP;

    -- Anonymous code blocks.
    EXECUTE 'REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC';
    EXECUTE format('GRANT USAGE ON LANGUAGE plpgsql, sql TO %s', trusted);

    -- A query that sorts more than this on disk would hurt everybody else.
    EXECUTE format('ALTER ROLE %I SET temp_file_limit = %L', reader, '8GB');
    EXECUTE format('ALTER ROLE %I SET temp_file_limit = %L', uploader, '8GB');
END
$harden$;
