-- The state of the service, and TAP_SCHEMA 1.1 as views on it.

CREATE SCHEMA udf;
COMMENT ON SCHEMA udf IS 'Functions that ADQL offers beyond those of PostgreSQL.';
CREATE SCHEMA contrib;
COMMENT ON SCHEMA contrib IS 'Extensions of PostgreSQL that the service uses.';
CREATE SCHEMA tap_schema;
COMMENT ON SCHEMA tap_schema IS 'TAP_SCHEMA 1.1 as clients query it.';

CREATE EXTENSION IF NOT EXISTS cube WITH SCHEMA contrib;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA contrib;

-- Catalogues and their versions -------------------------------------------------------------------

CREATE TABLE epntap.catalogue (
    name            text PRIMARY KEY,
    description     jsonb NOT NULL,
    current_version integer,
    created         timestamptz NOT NULL DEFAULT now(),
    updated         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE epntap.catalogue IS 'What is or was published; description is the YAML as read.';

CREATE TABLE epntap.version (
    catalogue  text NOT NULL REFERENCES epntap.catalogue (name) ON DELETE CASCADE,
    version    integer NOT NULL CHECK (version > 0),
    relation   text NOT NULL,
    row_count  bigint CHECK (row_count >= 0),
    published  timestamptz,
    state      text NOT NULL CHECK (state IN ('loading', 'current', 'previous', 'dropped')),
    source     text,
    provenance jsonb,
    digest     text,
    description jsonb,
    replaced   timestamptz,
    PRIMARY KEY (catalogue, version)
);
COMMENT ON TABLE epntap.version IS
    'Every load of a catalogue; relation is the name of its table in the schema of the catalogue.';
-- The database itself sees to it that a catalogue never has two current versions.
CREATE UNIQUE INDEX version_one_current ON epntap.version (catalogue) WHERE state = 'current';

ALTER TABLE epntap.catalogue ADD CONSTRAINT catalogue_current_version
    FOREIGN KEY (name, current_version) REFERENCES epntap.version (catalogue, version)
    DEFERRABLE INITIALLY DEFERRED;

-- The number of the database's state --------------------------------------------------------------

CREATE TABLE epntap.generation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    value    bigint NOT NULL
);
COMMENT ON TABLE epntap.generation IS
    'Grows with everything that changes what can be queried; what is cached is compared with it.';
INSERT INTO epntap.generation (value) VALUES (1);

CREATE FUNCTION epntap.bump_generation() RETURNS bigint LANGUAGE sql AS
    'UPDATE epntap.generation SET value = value + 1 RETURNING value';
COMMENT ON FUNCTION epntap.bump_generation() IS
    'To be called last in a transaction that changes TAP_SCHEMA: it serialises such transactions.';

-- TAP_SCHEMA --------------------------------------------------------------------------------------

CREATE TABLE epntap.tap_schemas (
    schema_name  text PRIMARY KEY,
    utype        text,
    description  text,
    schema_index integer,
    catalogue    text REFERENCES epntap.catalogue (name) ON DELETE CASCADE
);

CREATE TABLE epntap.tap_tables (
    schema_name     text NOT NULL REFERENCES epntap.tap_schemas ON DELETE CASCADE ON UPDATE CASCADE,
    table_name      text PRIMARY KEY,
    table_type      text NOT NULL CHECK (table_type IN ('table', 'view')),
    utype           text,
    description     text,
    table_index     integer,
    catalogue       text REFERENCES epntap.catalogue (name) ON DELETE CASCADE,
    relation_schema text NOT NULL,
    relation_name   text NOT NULL
);
COMMENT ON COLUMN epntap.tap_tables.relation_name IS 'Where the rows of the current version are.';
CREATE INDEX tap_tables_schema ON epntap.tap_tables (schema_name);

CREATE TABLE epntap.tap_columns (
    table_name   text NOT NULL REFERENCES epntap.tap_tables ON DELETE CASCADE ON UPDATE CASCADE,
    column_name  text NOT NULL,
    datatype     text NOT NULL,
    arraysize    text,
    xtype        text,
    "size"       integer,
    description  text,
    utype        text,
    unit         text,
    ucd          text,
    indexed      integer NOT NULL DEFAULT 0 CHECK (indexed IN (0, 1)),
    principal    integer NOT NULL DEFAULT 0 CHECK (principal IN (0, 1)),
    std          integer NOT NULL DEFAULT 0 CHECK (std IN (0, 1)),
    column_index integer NOT NULL,
    catalogue    text REFERENCES epntap.catalogue (name) ON DELETE CASCADE,
    system       jsonb,
    PRIMARY KEY (table_name, column_name)
);
COMMENT ON COLUMN epntap.tap_columns.system IS
    '{"timesys": {"timescale", "refposition", "timeorigin"}} or {"coosys": {"system", "epoch"}}';

CREATE TABLE epntap.tap_keys (
    key_id       text PRIMARY KEY,
    from_table   text NOT NULL REFERENCES epntap.tap_tables ON DELETE CASCADE ON UPDATE CASCADE,
    target_table text NOT NULL REFERENCES epntap.tap_tables ON DELETE CASCADE ON UPDATE CASCADE,
    description  text,
    utype        text,
    catalogue    text REFERENCES epntap.catalogue (name) ON DELETE CASCADE
);

CREATE TABLE epntap.tap_key_columns (
    key_id        text NOT NULL REFERENCES epntap.tap_keys ON DELETE CASCADE ON UPDATE CASCADE,
    from_column   text NOT NULL,
    target_column text NOT NULL,
    catalogue     text REFERENCES epntap.catalogue (name) ON DELETE CASCADE,
    PRIMARY KEY (key_id, from_column)
);

CREATE VIEW tap_schema.schemas AS
    SELECT schema_name, utype, description, schema_index FROM epntap.tap_schemas;
CREATE VIEW tap_schema.tables AS
    SELECT schema_name, table_name, table_type, utype, description, table_index
      FROM epntap.tap_tables;
CREATE VIEW tap_schema.columns AS
    SELECT table_name, column_name, datatype, arraysize, xtype, "size", description, utype, unit,
           ucd, indexed, principal, std, column_index
      FROM epntap.tap_columns;
CREATE VIEW tap_schema.keys AS
    SELECT key_id, from_table, target_table, description, utype FROM epntap.tap_keys;
CREATE VIEW tap_schema.key_columns AS
    SELECT key_id, from_column, target_column FROM epntap.tap_key_columns;

-- TAP_SCHEMA describes itself (TAP 1.1, section 4) ------------------------------------------------
-- The index puts it behind every published schema.

INSERT INTO epntap.tap_schemas (schema_name, description, schema_index) VALUES
    ('TAP_SCHEMA', 'What can be queried here: schemas, tables, columns and how they join.', 1000000);

INSERT INTO epntap.tap_tables (schema_name, table_name, table_type, description, table_index,
                               relation_schema, relation_name)
SELECT 'TAP_SCHEMA', 'TAP_SCHEMA.' || name, 'view', description, index, 'tap_schema', name
  FROM (VALUES
    (1, 'schemas', 'The schemas of this service.'),
    (2, 'tables', 'The tables of this service.'),
    (3, 'columns', 'The columns of the tables, with unit, UCD and type.'),
    (4, 'keys', 'Pairs of tables that can be joined.'),
    (5, 'key_columns', 'The columns by which such a pair is joined.')
  ) AS t (index, name, description);

INSERT INTO epntap.tap_columns (table_name, column_index, column_name, datatype, arraysize, indexed,
                                principal, std, description)
SELECT 'TAP_SCHEMA.' || table_name, index, column_name, datatype,
       CASE WHEN datatype = 'char' THEN '*' END, indexed, principal, 1, description
  FROM (VALUES
    ('schemas', 1, 'schema_name', 'char', 1, 1, 'Name of the schema, as queries write it.'),
    ('schemas', 2, 'utype', 'char', 0, 0, 'Utype of the schema, where it has one.'),
    ('schemas', 3, 'description', 'char', 0, 1, 'What the schema holds.'),
    ('schemas', 4, 'schema_index', 'int', 0, 0, 'Order in which to list the schemas.'),
    ('tables', 1, 'schema_name', 'char', 1, 1, 'Schema that the table belongs to.'),
    ('tables', 2, 'table_name', 'char', 1, 1, 'Name of the table with its schema, as queries write it.'),
    ('tables', 3, 'table_type', 'char', 0, 0, 'Either table or view.'),
    ('tables', 4, 'utype', 'char', 0, 1, 'Utype of the table: the data model it follows.'),
    ('tables', 5, 'description', 'char', 0, 1, 'What the table holds.'),
    ('tables', 6, 'table_index', 'int', 0, 0, 'Order in which to list the tables of a schema.'),
    ('columns', 1, 'table_name', 'char', 1, 1, 'Table that the column belongs to, with its schema.'),
    ('columns', 2, 'column_name', 'char', 1, 1, 'Name of the column; in double quotes where ADQL needs them.'),
    ('columns', 3, 'datatype', 'char', 0, 1, 'VOTable datatype of the values.'),
    ('columns', 4, 'arraysize', 'char', 0, 0, 'VOTable arraysize; empty for single values.'),
    ('columns', 5, 'xtype', 'char', 0, 0, 'Extended type: how a value of the datatype is to be read.'),
    ('columns', 6, '"size"', 'int', 0, 0, 'Length of the values where it is fixed; superseded by arraysize.'),
    ('columns', 7, 'description', 'char', 0, 1, 'What the column holds.'),
    ('columns', 8, 'utype', 'char', 0, 0, 'Utype of the column: its place in a data model.'),
    ('columns', 9, 'unit', 'char', 0, 1, 'Unit of the values, in VOUnit syntax.'),
    ('columns', 10, 'ucd', 'char', 0, 1, 'UCD: the kind of quantity.'),
    ('columns', 11, 'indexed', 'int', 0, 0, '1 where a condition on the column is answered by an index.'),
    ('columns', 12, 'principal', 'int', 0, 0, '1 for the columns that most users want to see.'),
    ('columns', 13, 'std', 'int', 0, 0, '1 for the columns that a standard defines.'),
    ('columns', 14, 'column_index', 'int', 0, 0, 'Order in which to list the columns of a table.'),
    ('keys', 1, 'key_id', 'char', 1, 1, 'Identifier of the pair.'),
    ('keys', 2, 'from_table', 'char', 0, 1, 'Table that refers to the other.'),
    ('keys', 3, 'target_table', 'char', 0, 1, 'Table that is referred to.'),
    ('keys', 4, 'description', 'char', 0, 1, 'What the pair stands for.'),
    ('keys', 5, 'utype', 'char', 0, 0, 'Utype of the pair, where it has one.'),
    ('key_columns', 1, 'key_id', 'char', 1, 1, 'Identifier of the pair of tables.'),
    ('key_columns', 2, 'from_column', 'char', 0, 1, 'Column of the table that refers.'),
    ('key_columns', 3, 'target_column', 'char', 0, 1, 'Column of the table that is referred to.')
  ) AS c (table_name, index, column_name, datatype, indexed, principal, description);

INSERT INTO epntap.tap_keys (key_id, from_table, target_table, description)
SELECT key_id, 'TAP_SCHEMA.' || from_table, 'TAP_SCHEMA.' || target_table, description
  FROM (VALUES
    ('tap_schema_1', 'tables', 'schemas', 'The schema of a table.'),
    ('tap_schema_2', 'columns', 'tables', 'The table of a column.'),
    ('tap_schema_3', 'keys', 'tables', 'The table that a key starts from.'),
    ('tap_schema_4', 'keys', 'tables', 'The table that a key points to.'),
    ('tap_schema_5', 'key_columns', 'keys', 'The key of a pair of columns.')
  ) AS k (key_id, from_table, target_table, description);

INSERT INTO epntap.tap_key_columns (key_id, from_column, target_column) VALUES
    ('tap_schema_1', 'schema_name', 'schema_name'),
    ('tap_schema_2', 'table_name', 'table_name'),
    ('tap_schema_3', 'from_table', 'table_name'),
    ('tap_schema_4', 'target_table', 'table_name'),
    ('tap_schema_5', 'key_id', 'key_id');
