-- The coverage map of a shape as ASCII MOC (MOC 2.0, section 4.3.2): cells of the nested HEALPix
-- scheme that are wholly inside, as large as possible, and at the highest order those that meet it.
--
-- A cell is tested by a cap around it: 61.3 degrees over 2^order is farther than any corner is from
-- the centre. At the highest order caps are drawn around the sixteen parts of the cell, so that
-- what is too much is a quarter of a cell at most.
CREATE OR REPLACE FUNCTION udf.adql_moc(max_order integer, shape double precision[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 100000
AS $moc$
DECLARE
    most_cells constant int := 20000;
    cells bigint[];
    next_cells bigint[] := ARRAY[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    orders int[] := '{}';
    found bigint[] := '{}';
    cell bigint;
    cap double precision[];
    hit boolean;
    moc text;
BEGIN
    IF max_order NOT BETWEEN 0 AND 27 THEN
        RAISE EXCEPTION 'the order of a MOC of a shape is between 0 and 27, not %', max_order
            USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    FOR level IN 0..max_order LOOP
        cells := next_cells;
        next_cells := '{}';
        FOREACH cell IN ARRAY cells LOOP
            cap := udf.ivo_healpix_center(level, cell) || 61.3 / 2.0::double precision ^ level;
            hit := false;
            IF NOT udf.shapes_meet(cap, shape) THEN
                CONTINUE;
            ELSIF udf.shape_within(cap, shape) THEN
                hit := true;
            ELSIF level = max_order THEN
                FOR part IN 0..15 LOOP
                    cap := udf.ivo_healpix_center(level + 2, 16 * cell + part)
                        || 61.3 / 2.0::double precision ^ (level + 2);
                    hit := hit OR udf.shapes_meet(cap, shape);
                    EXIT WHEN hit;
                END LOOP;
            ELSE
                next_cells := next_cells
                    || ARRAY[4 * cell, 4 * cell + 1, 4 * cell + 2, 4 * cell + 3];
            END IF;
            IF hit THEN
                orders := orders || level;
                found := found || cell;
            END IF;
        END LOOP;
        IF cardinality(next_cells) + cardinality(found) > most_cells THEN
            RAISE EXCEPTION 'this MOC has more than % cells', most_cells
                USING ERRCODE = 'program_limit_exceeded', HINT = 'take a lower order';
        END IF;
    END LOOP;
    -- Four parts of one cell are the cell.
    FOR level IN REVERSE max_order..1 LOOP
        WITH known AS (
            SELECT o, c FROM unnest(orders, found) AS u (o, c)
        ), whole AS (
            SELECT c >> 2 AS parent FROM known WHERE o = level GROUP BY 1 HAVING count(*) = 4
        ), merged AS (
            SELECT o, c FROM known
             WHERE o <> level OR c >> 2 NOT IN (SELECT parent FROM whole)
            UNION ALL
            SELECT level - 1, parent FROM whole
        )
        SELECT array_agg(o), array_agg(c) INTO orders, found FROM merged;
    END LOOP;
    WITH runs AS (
        SELECT o, c, c - row_number() OVER (PARTITION BY o ORDER BY c) AS run
          FROM unnest(orders, found) AS u (o, c)
    ), ranges AS (
        SELECT o, min(c) AS low, max(c) AS high FROM runs GROUP BY o, run
    ), lines AS (
        SELECT o, string_agg(CASE WHEN low = high THEN low::text ELSE low || '-' || high END, ','
                             ORDER BY low) AS line
          FROM ranges GROUP BY o
    )
    SELECT string_agg(o || '/' || line, ' ' ORDER BY o) INTO moc FROM lines;
    -- The highest order is named also where it has no cell of its own.
    IF NOT max_order = ANY (coalesce(orders, '{}')) THEN
        moc := concat_ws(' ', moc, max_order || '/');
    END IF;
    RETURN moc;
END
$moc$;

COMMENT ON FUNCTION udf.adql_moc(integer, double precision[])
IS 'coverage map of a shape';
