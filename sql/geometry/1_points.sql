-- Positions on the sphere: degrees in, great circles, no special case at the poles or at longitude 0.
--
-- Longitudes may be of any range. What is not finite has no position, so that a row with such a
-- value is found by no query instead of ending all of them. The functions of this file are inlined
-- into queries and index expressions, which is why they test for NULL with CASE and not by STRICT.

-- The point as a degenerate cube of contrib: what the GiST index for searches by position is over.
CREATE OR REPLACE FUNCTION udf.direction(long double precision, lat double precision)
RETURNS contrib.cube
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN abs(long) < 1e12 AND abs(lat) < 1e12
        THEN contrib.cube(ARRAY[cosd(lat) * cosd(long), cosd(lat) * sind(long), sind(lat)])
END;

COMMENT ON FUNCTION udf.direction(double precision, double precision)
IS 'unit vector of a position, as a cube that GiST indexes';

CREATE OR REPLACE FUNCTION udf.unit_vector(long double precision, lat double precision)
RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN abs(long) < 1e12 AND abs(lat) < 1e12
        THEN ARRAY[cosd(lat) * cosd(long), cosd(lat) * sind(long), sind(lat)]
END;

COMMENT ON FUNCTION udf.unit_vector(double precision, double precision)
IS 'unit vector of a position';

-- Vincenty's formula (Survey Review 23, 88, 1975) on the sphere: exact to rounding at any distance,
-- where haversines lose half the digits near the antipode and cosines near the point itself.
CREATE OR REPLACE FUNCTION udf.separation(
    long1 double precision, lat1 double precision, long2 double precision, lat2 double precision
)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN abs(long1) < 1e12 AND abs(lat1) < 1e12 AND abs(long2) < 1e12 AND abs(lat2) < 1e12
        THEN atan2d(
            sqrt(
                (cosd(lat2) * sind(long2 - long1)) * (cosd(lat2) * sind(long2 - long1))
                + (cosd(lat1) * sind(lat2) - sind(lat1) * cosd(lat2) * cosd(long2 - long1))
                * (cosd(lat1) * sind(lat2) - sind(lat1) * cosd(lat2) * cosd(long2 - long1))
            ),
            sind(lat1) * sind(lat2) + cosd(lat1) * cosd(lat2) * cosd(long2 - long1)
        )
END;

COMMENT ON FUNCTION udf.separation(
    double precision, double precision, double precision, double precision
)
IS 'great-circle distance of two positions, degrees';

-- A box that holds every direction within a radius: the chord in each axis, and a little more than
-- any rounding. It only narrows a search down; who uses it tests the distance itself.
CREATE OR REPLACE FUNCTION udf.cone(
    long double precision, lat double precision, radius double precision
)
RETURNS contrib.cube
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN contrib.cube_enlarge(
    udf.direction(long, lat),
    2 * sind(least(greatest(radius, 0), 180) / 2) + 1e-12,
    3
);

COMMENT ON FUNCTION udf.cone(double precision, double precision, double precision)
IS 'box in space around the directions within a radius of a position';

CREATE OR REPLACE FUNCTION udf.adql_point(long double precision, lat double precision)
RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN long IS NOT NULL AND lat IS NOT NULL THEN ARRAY[long, lat] END;

COMMENT ON FUNCTION udf.adql_point(double precision, double precision)
IS 'ADQL POINT: a DALI point';

CREATE OR REPLACE FUNCTION udf.adql_circle(
    long double precision, lat double precision, radius double precision
)
RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN long IS NOT NULL AND lat IS NOT NULL AND radius IS NOT NULL
        THEN ARRAY[long, lat, radius]
END;

COMMENT ON FUNCTION udf.adql_circle(double precision, double precision, double precision)
IS 'ADQL CIRCLE: a DALI circle';

CREATE OR REPLACE FUNCTION udf.adql_polygon(vertices double precision[])
RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN array_position(vertices, NULL) IS NULL THEN vertices END;

COMMENT ON FUNCTION udf.adql_polygon(double precision[])
IS 'ADQL POLYGON: a DALI polygon, NULL if a coordinate is';

-- The position of a vector of any length, longitude from 0 to below 360.
CREATE OR REPLACE FUNCTION udf.position_of(
    x double precision, y double precision, z double precision
)
RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
    CASE WHEN atan2d(y, x) < 0 THEN least(atan2d(y, x) + 360, 359.99999999999994)
        ELSE atan2d(y, x) + 0 END,
    atan2d(z, sqrt(x * x + y * y))
];

COMMENT ON FUNCTION udf.position_of(double precision, double precision, double precision)
IS 'longitude and latitude of a vector, degrees';

-- The corners of a box (ADQL 2.1, section 4.2.9): arms of half the sizes along great circles
-- parallel to the axes at the centre, and sides at right angles to their ends. In the gnomonic
-- projection about the centre that is a rectangle, at the poles too.
CREATE OR REPLACE FUNCTION udf.adql_box(
    long double precision, lat double precision, width double precision, height double precision
)
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $box$
DECLARE
    east  double precision := tand(width / 2);
    north double precision := tand(height / 2);
    corners double precision[] := '{}';
    sign_east int;
    sign_north int;
    x double precision;
    y double precision;
BEGIN
    IF width < 0 OR height < 0 OR width >= 180 OR height >= 180 THEN
        RAISE EXCEPTION 'a box has sizes from 0 to below 180 degrees, not % by %', width, height
            USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    FOR corner IN 0..3 LOOP
        sign_east := CASE WHEN corner IN (1, 2) THEN 1 ELSE -1 END;
        sign_north := CASE WHEN corner IN (2, 3) THEN 1 ELSE -1 END;
        -- The corner in the frame whose x axis is the meridian of the centre, turned to it.
        x := cosd(lat) - sign_north * north * sind(lat);
        y := sign_east * east;
        corners := corners || udf.position_of(
            x * cosd(long) - y * sind(long),
            x * sind(long) + y * cosd(long),
            sind(lat) + sign_north * north * cosd(lat));
    END LOOP;
    RETURN corners;
END
$box$;

COMMENT ON FUNCTION udf.adql_box(
    double precision, double precision, double precision, double precision
)
IS 'ADQL BOX: the polygon of its corners';
