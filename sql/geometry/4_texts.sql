-- Shapes that are spelt: STC-S (TAP 1.0, section 6) and the numbers of DALI 1.1, section 3.3.

-- The shape that a text of STC-S means; NULL of what is none and of compounds. Words between the
-- name and the numbers are frames and flavours, which say nothing of the shape.
CREATE OR REPLACE FUNCTION udf.region_shape(region text)
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $region$
DECLARE
    parts constant text[] := regexp_match(
        translate(lower(region), ',', ' '),
        '^\s*(polygon|circle|position|point|box)\s+(?:[a-z][a-z0-9_.-]*\s+)*?'
        '((?:[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?(?:\s+|$))+)(?:unit\s+deg\s*)?$');
    numbers double precision[];
BEGIN
    IF parts IS NULL THEN
        RETURN NULL;
    END IF;
    numbers := regexp_split_to_array(btrim(parts[2], E' \t\r\n'), '\s+')::double precision[];
    RETURN CASE
        WHEN parts[1] = 'polygon' AND cardinality(numbers) >= 6 AND cardinality(numbers) % 2 = 0
            THEN numbers
        WHEN parts[1] = 'circle' AND cardinality(numbers) = 3 THEN numbers
        WHEN parts[1] IN ('position', 'point') AND cardinality(numbers) = 2 THEN numbers
        WHEN parts[1] = 'box' AND cardinality(numbers) = 4
            THEN udf.adql_box(numbers[1], numbers[2], numbers[3], numbers[4])
    END;
END
$region$;

COMMENT ON FUNCTION udf.region_shape(text)
IS 'the shape that a text of STC-S means';

CREATE OR REPLACE FUNCTION udf.region_box(region text)
RETURNS box
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1500
AS $bounds$
BEGIN
    RETURN udf.shape_box(udf.region_shape(region));
END
$bounds$;

COMMENT ON FUNCTION udf.region_box(text)
IS 'longitudes and latitudes around the shape that a text of STC-S means';

-- CAST of text to POINT, CIRCLE or POLYGON; `size` is the number of elements, NULL for a polygon.
CREATE OR REPLACE FUNCTION udf.dali_shape(shape text, size integer)
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 500
AS $dali$
DECLARE
    numbers double precision[];
BEGIN
    IF shape IS NULL THEN
        RETURN NULL;
    END IF;
    numbers := regexp_split_to_array(btrim(shape, E' \t\r\n'), '\s+')::double precision[];
    IF size IS NULL AND (cardinality(numbers) < 6 OR cardinality(numbers) % 2 = 1)
       OR cardinality(numbers) <> size THEN
        RAISE EXCEPTION 'this is no %: %',
            CASE size WHEN 2 THEN 'point' WHEN 3 THEN 'circle' ELSE 'polygon' END, left(shape, 60)
            USING ERRCODE = 'invalid_text_representation';
    END IF;
    RETURN numbers;
END
$dali$;

COMMENT ON FUNCTION udf.dali_shape(text, integer)
IS 'CAST to POINT, CIRCLE or POLYGON';
