-- Degrees of an angle that is spelt in degrees, minutes and seconds, with colons, signs, letters or
-- spaces between them; NULL of any other text. The sign is that of the whole angle.
CREATE OR REPLACE FUNCTION udf.ivo_dms_to_degrees(dms text)
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $dms$
DECLARE
    parts constant text[] := regexp_match(dms,
        '^\s*([-+]?)\s*(\d{1,3})[:d° ]\s*([0-5]?\d)[:m'' ]\s*([0-5]?\d(?:\.\d*)?)\s*[s"]?\s*$');
    size constant double precision := parts[2]::double precision
        + parts[3]::double precision / 60 + parts[4]::double precision / 3600;
BEGIN
    RETURN CASE WHEN size <= 360 THEN CASE parts[1] WHEN '-' THEN -size ELSE size END END;
END
$dms$;

COMMENT ON FUNCTION udf.ivo_dms_to_degrees(text)
IS 'degrees of degrees, minutes and seconds';
