-- Union and intersection of coverage maps in ASCII MOC (MOC 2.0, section 4.3.2). A map is computed
-- with as ranges of cells of order 29, the highest one of HEALPix: there the cell n of order o is
-- the range from n * 4^(29 - o) to (n + 1) * 4^(29 - o).
CREATE OR REPLACE FUNCTION udf.moc_ranges(moc text, OUT max_order integer, OUT ranges int8multirange)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $ranges$
DECLARE
    -- The letter s says that a map is one of space (MOC 2.0, section 4.3.1).
    words constant text[] := regexp_split_to_array(
        btrim(regexp_replace(moc, '^\s*s(?=\s*\d)', ''), E' ,\n\r\t'), '[\s,]+'
    );
    word text;
    parts text[];
    level integer;
    low bigint;
    high bigint;
    lows bigint[] := '{}';
    highs bigint[] := '{}';
BEGIN
    FOREACH word IN ARRAY words LOOP
        -- Order, first and last cell; "3/" and "3/5-7" name the order, "5" belongs to the last one.
        parts := regexp_match(word, '^(?:(\d{1,2})/)?(?:(\d{1,19})(?:-(\d{1,19}))?)?$');
        level := coalesce(parts[1]::integer, level);
        IF word = '' OR level IS NULL OR parts IS NULL OR level > 29 THEN
            RAISE EXCEPTION 'this is not an ASCII MOC: %', left(moc, 60)
                USING ERRCODE = 'invalid_text_representation',
                HINT = 'an ASCII MOC is written as 3/12-15,20 4/70';
        END IF;
        max_order := greatest(max_order, level);
        CONTINUE WHEN parts[2] IS NULL;
        low := parts[2];
        high := coalesce(parts[3], parts[2]);
        IF high < low OR high >= 12::bigint << 2 * level THEN
            RAISE EXCEPTION 'order % of HEALPix has no cells %', level, word
                USING ERRCODE = 'numeric_value_out_of_range';
        END IF;
        lows := lows || (low << 2 * (29 - level));
        highs := highs || ((high + 1) << 2 * (29 - level));
    END LOOP;
    SELECT coalesce(range_agg(int8range(u.low, u.high)), '{}') INTO ranges
      FROM unnest(lows, highs) AS u (low, high);
END
$ranges$;

COMMENT ON FUNCTION udf.moc_ranges(text)
IS 'highest order of an ASCII MOC, and its cells as ranges of order 29';

CREATE OR REPLACE FUNCTION udf.moc_text(max_order integer, ranges int8multirange)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $text$
DECLARE
    size bigint;
    whole int8multirange;
    line text;
    lines text[] := '{}';
BEGIN
    -- From the largest cells to the smallest: what whole cells cover is written and taken away.
    FOR level IN 0..max_order LOOP
        size := 1::bigint << 2 * (29 - level);
        SELECT range_agg(int8range(cells.first * size, cells.after * size)),
               string_agg(
                   CASE WHEN cells.after = cells.first + 1 THEN cells.first::text
                        ELSE cells.first || '-' || cells.after - 1 END,
                   ',' ORDER BY cells.first
               )
          INTO whole, line
          FROM unnest(ranges) AS r,
               LATERAL (SELECT (lower(r) + size - 1) / size, upper(r) / size) AS cells (first, after)
         WHERE cells.first < cells.after;
        IF line IS NOT NULL OR level = max_order THEN
            lines := lines || (level || '/' || coalesce(line, ''));
        END IF;
        ranges := ranges - coalesce(whole, '{}');
    END LOOP;
    RETURN array_to_string(lines, ' ');
END
$text$;

COMMENT ON FUNCTION udf.moc_text(integer, int8multirange)
IS 'ASCII MOC of ranges of order 29';

CREATE OR REPLACE FUNCTION udf.gavo_mocunion(moc1 text, moc2 text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000
AS $union$
DECLARE
    one record := udf.moc_ranges(moc1);
    other record := udf.moc_ranges(moc2);
BEGIN
    RETURN udf.moc_text(greatest(one.max_order, other.max_order), one.ranges + other.ranges);
END
$union$;

COMMENT ON FUNCTION udf.gavo_mocunion(text, text)
IS 'coverage map of what either of two maps covers';

CREATE OR REPLACE FUNCTION udf.gavo_mocintersect(moc1 text, moc2 text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000
AS $intersect$
DECLARE
    one record := udf.moc_ranges(moc1);
    other record := udf.moc_ranges(moc2);
BEGIN
    RETURN udf.moc_text(greatest(one.max_order, other.max_order), one.ranges * other.ranges);
END
$intersect$;

COMMENT ON FUNCTION udf.gavo_mocintersect(text, text)
IS 'coverage map of what both of two maps cover';
