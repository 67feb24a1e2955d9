-- Position at another epoch by uniform motion in space (Hipparcos and Tycho Catalogues, ESA
-- SP-1200, vol. 1, section 1.5.5): angles in degrees, parallax in mas, proper motions in mas/yr (that
-- in right ascension with the factor cos dec), radial velocity in km/s, epochs in Julian years.
-- Unknown parallax and radial velocity count as none. 4.740470446 km/s is one astronomical unit a
-- year.
CREATE OR REPLACE FUNCTION udf.ivo_epoch_prop_pos(
    ra double precision, "dec" double precision, parallax double precision,
    pmra double precision, pmdec double precision, radial_velocity double precision,
    ref_epoch double precision, out_epoch double precision
)
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $prop$
DECLARE
    years constant double precision := out_epoch - ref_epoch;
    mas constant double precision := pi() / 180 / 3600000;
    u constant double precision[] := udf.unit_vector(ra, "dec");
    away double precision;
    east double precision;
    north double precision;
BEGIN
    away := 1 + coalesce(parallax * radial_velocity, 0) / 4.740470446 * mas * years;
    -- Movements below 1e-16 rad do not show, and their products would be too small for a double.
    east := (pmra * mas * years + 1) - 1;
    north := (pmdec * mas * years + 1) - 1;
    IF u IS NULL OR away IS NULL OR east IS NULL OR north IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN udf.position_of(
        (u[1] * away - east * sind(ra) - north * sind("dec") * cosd(ra) + 1) - 1,
        (u[2] * away + east * cosd(ra) - north * sind("dec") * sind(ra) + 1) - 1,
        (u[3] * away + north * cosd("dec") + 1) - 1);
END
$prop$;

COMMENT ON FUNCTION udf.ivo_epoch_prop_pos(
    double precision, double precision, double precision, double precision, double precision,
    double precision, double precision, double precision
)
IS 'position at another epoch';
