-- Files that belong to the rows of catalogues.

CREATE TABLE epntap.product (
    catalogue text NOT NULL,
    version   integer NOT NULL,
    content   text NOT NULL CHECK (content ~ '^[0-9a-f]{32}$'),
    name      text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'),
    mime      text NOT NULL,
    size      bigint NOT NULL CHECK (size >= 0),
    stored    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (catalogue, content, name, version),
    -- Files are recorded while a version is loaded, and it in the end.
    FOREIGN KEY (catalogue, version) REFERENCES epntap.version (catalogue, version)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE epntap.product IS
    'Which files each version of a catalogue has: the right to fetch them, and what keeps them.';
COMMENT ON COLUMN epntap.product.content IS
    'Beginning of the SHA-256 digest of the content: its key in the store, and part of its URL.';
CREATE INDEX product_version ON epntap.product (catalogue, version);

ALTER TABLE epntap.version ADD COLUMN base_url text;
COMMENT ON COLUMN epntap.version.base_url IS
    'URL of the service that links to files begin with; null where the version has no files.';

CREATE TABLE epntap.address (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    url   text NOT NULL,
    noted timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE epntap.address IS
    'Where the service was last served, for links in what is published by other processes.';
