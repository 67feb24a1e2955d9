-- The logins besides the owner: one that publishes, one that only reads, and one that reads the
-- same beside temporary tables of its own.
--
-- Run by a superuser or by a login with CREATEROLE. Idempotent. Names follow the database, so that
-- several services can live in one cluster. Passwords are set by the service, not here.
DO $roles$
DECLARE
    publisher text := current_database() || '_publisher';
    reader    text := current_database() || '_reader';
    uploader  text := current_database() || '_uploader';
    login     text;
    attribute record;
BEGIN
    FOREACH login IN ARRAY ARRAY[publisher, reader, uploader]
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = login) THEN
            EXECUTE format(
                'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS',
                login);
        END IF;
        -- A role of that name that somebody made earlier is not silently trusted with more.
        SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS strong,
               NOT rolcanlogin AS closed
          INTO attribute FROM pg_catalog.pg_roles WHERE rolname = login;
        IF attribute.strong OR attribute.closed THEN
            RAISE EXCEPTION 'role % exists and is not a plain login', login
                USING ERRCODE = 'invalid_role_specification',
                      HINT = 'drop it, or take from it everything but LOGIN';
        END IF;
    END LOOP;

    -- Reader and uploader. What they may not do is a matter of grants (grants.sql, harden.sql);
    -- these are the limits of what they may do.
    FOREACH login IN ARRAY ARRAY[reader, uploader]
    LOOP
        EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', login);
        EXECUTE format('ALTER ROLE %I SET search_path = pg_catalog', login);
        EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', login, '1h');
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', login, '60s');
        EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', login, '5s');
        EXECUTE format('ALTER ROLE %I SET jit = off', login);
        BEGIN
            EXECUTE format('ALTER ROLE %I SET client_connection_check_interval = %L',
                           login, '500ms');
        EXCEPTION WHEN invalid_parameter_value THEN
            -- Not every operating system can tell PostgreSQL that a client went away.
            RAISE WARNING 'client_connection_check_interval cannot be used on this server';
        END;
    END LOOP;

    -- What is published is granted to the reader; the uploader has it by being a member.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m
                     JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
                     JOIN pg_catalog.pg_roles u ON u.oid = m.member
                    WHERE r.rolname = reader AND u.rolname = uploader) THEN
        EXECUTE format('GRANT %I TO %I', reader, uploader);
    END IF;

    -- A worker whose network was cut must not keep its locks for the hours that TCP takes.
    EXECUTE format('ALTER ROLE %I SET tcp_keepalives_idle = 10', publisher);
    EXECUTE format('ALTER ROLE %I SET tcp_keepalives_interval = 3', publisher);
    EXECUTE format('ALTER ROLE %I SET tcp_keepalives_count = 3', publisher);
    EXECUTE format('ALTER ROLE %I SET tcp_user_timeout = %L', publisher, '20s');

    EXECUTE format('ALTER ROLE %I SET search_path = pg_catalog', publisher);
    EXECUTE format('ALTER ROLE %I SET jit = off', publisher);
END
$roles$;
