-- Degrees of an angle that is spelt in hours, minutes and seconds, with colons, letters or spaces
-- between them; NULL of any other text.
CREATE OR REPLACE FUNCTION udf.ivo_hms_to_degrees(hms text)
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $hms$
DECLARE
    parts constant text[] := regexp_match(hms,
        '^\s*(\d{1,2})[:h ]\s*([0-5]?\d)[:m ]\s*([0-5]?\d(?:\.\d*)?)\s*s?\s*$');
    hours constant double precision := parts[1]::double precision
        + parts[2]::double precision / 60 + parts[3]::double precision / 3600;
BEGIN
    RETURN CASE WHEN hours <= 24 THEN hours * 15 END;
END
$hms$;

COMMENT ON FUNCTION udf.ivo_hms_to_degrees(text)
IS 'degrees of hours, minutes and seconds';
