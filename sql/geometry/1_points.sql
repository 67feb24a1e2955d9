-- Positions on the sphere: degrees in, great circles, no special case at poles or longitude 0.
--
-- Longitudes may be of any range. What is no position (not finite, a latitude beyond a pole) is
-- found by no query, instead of ending all of them. Most functions of this file are inlined into
-- queries and index expressions, which is why they test for NULL with CASE and not by STRICT.
--
-- PostgreSQL refuses products that are too small for a double. So what is multiplied later is
-- rounded to a grid first, by adding a power of two and taking it away: 2^-10 (0.0009765625) for
-- degrees, which leaves multiples of 1e-19 and every larger digit, 1 for vectors, multiples of
-- 1e-16.

-- The point in the plane that the GiST index for searches by position is over. PostgreSQL sorts
-- points when it builds such an index, which is ten times faster than inserting vectors in space.
CREATE OR REPLACE FUNCTION udf.position(long double precision, lat double precision)
RETURNS point
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN abs(lat) <= 90 AND abs(long) < 1e12 THEN point(
        ((long + 0.0009765625) - 0.0009765625)
        - 360 * floor(((long + 0.0009765625) - 0.0009765625) / 360),
        lat
    )
END;

COMMENT ON FUNCTION udf.position(double precision, double precision)
IS 'a position as a point that GiST indexes, longitude from 0 to 360';

CREATE OR REPLACE FUNCTION udf.unit_vector(long double precision, lat double precision)
RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN abs(lat) <= 90 AND abs(long) < 1e12
        THEN ARRAY[
            (cosd(lat) * cosd((long + 0.0009765625) - 0.0009765625) + 1) - 1,
            (cosd(lat) * sind((long + 0.0009765625) - 0.0009765625) + 1) - 1,
            (sind(lat) + 1) - 1
        ]
END;

COMMENT ON FUNCTION udf.unit_vector(double precision, double precision)
IS 'unit vector of a position';

-- Vincenty's formula (Survey Review 23, 88, 1975) on the sphere: exact to rounding at any distance,
-- where haversines lose half the digits near the antipode and cosines near the point itself.
CREATE OR REPLACE FUNCTION udf.arc(
    dlong double precision, lat1 double precision, lat2 double precision
)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN atan2d(
    sqrt(
        (cosd(lat2) * sind(dlong)) * (cosd(lat2) * sind(dlong))
        + (cosd(lat1) * sind(lat2) - sind(lat1) * cosd(lat2) * cosd(dlong))
        * (cosd(lat1) * sind(lat2) - sind(lat1) * cosd(lat2) * cosd(dlong))
    ),
    sind(lat1) * sind(lat2) + cosd(lat1) * cosd(lat2) * cosd(dlong)
);

COMMENT ON FUNCTION udf.arc(double precision, double precision, double precision)
IS 'great-circle distance by difference of longitude and latitudes, degrees';

CREATE OR REPLACE FUNCTION udf.separation(
    long1 double precision, lat1 double precision, long2 double precision, lat2 double precision
)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN abs(lat1) <= 90 AND abs(lat2) <= 90 AND abs(long1) < 1e12 AND abs(long2) < 1e12
        THEN udf.arc(
            (long2 - long1 + 0.0009765625) - 0.0009765625,
            (lat1 + 0.0009765625) - 0.0009765625,
            (lat2 + 0.0009765625) - 0.0009765625
        )
END;

COMMENT ON FUNCTION udf.separation(
    double precision, double precision, double precision, double precision
)
IS 'great-circle distance of two positions, degrees';

-- Longitudes and latitudes within a radius, and a little more than any rounding. The centre is
-- between 0 and 360, the sides may lie beyond. A cap that holds a pole has all longitudes; of
-- others the extreme longitudes are asin(sin r / cos lat) from the centre. It only narrows a search
-- down: who uses it tests the distance itself.
CREATE OR REPLACE FUNCTION udf.cone_box(
    long double precision, lat double precision, radius double precision
)
RETURNS box
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $cone$
DECLARE
    r constant double precision := least(greatest(radius, 0), 180) + 1e-9;
    centre constant point := udf.position(long, lat);
    reach double precision := 180;
BEGIN
    IF abs(lat) + r < 90 THEN
        reach := asind(least(sind(r) / cosd(lat), 1)) + 1e-9;
    END IF;
    RETURN box(point(centre[0] - reach, lat - r), point(centre[0] + reach, lat + r));
END
$cone$;

COMMENT ON FUNCTION udf.cone_box(double precision, double precision, double precision)
IS 'longitudes and latitudes within a radius of a position';

CREATE OR REPLACE FUNCTION udf.box_turned(b box, degrees double precision)
RETURNS box
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN box(b[0] + point(degrees, 0), b[1] + point(degrees, 0));

COMMENT ON FUNCTION udf.box_turned(box, double precision)
IS 'a box at other longitudes';

-- The part of a box from `cone_box` that is beyond 0 or 360, where positions have it; NULL where
-- there is none, which makes the condition that uses it vanish from the plan.
CREATE OR REPLACE FUNCTION udf.box_wrapped(b box)
RETURNS box
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN (b[1])[0] < 0 THEN udf.box_turned(b, 360)
    WHEN (b[0])[0] > 360 THEN udf.box_turned(b, -360)
END;

COMMENT ON FUNCTION udf.box_wrapped(box)
IS 'the part of a box that is beyond longitude 0 or 360';

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
    east  double precision := (tand(width / 2) + 1) - 1;
    north double precision := (tand(height / 2) + 1) - 1;
    turn constant double precision := (long + 0.0009765625) - 0.0009765625;
    sine constant double precision := (sind(lat) + 1) - 1;
    cosine constant double precision := (cosd(lat) + 1) - 1;
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
        x := cosine - sign_north * north * sine;
        y := sign_east * east;
        corners := corners || udf.position_of(
            (x * cosd(turn) - y * sind(turn) + 1) - 1,
            (x * sind(turn) + y * cosd(turn) + 1) - 1,
            (sine + sign_north * north * cosine + 1) - 1);
    END LOOP;
    RETURN corners;
END
$box$;

COMMENT ON FUNCTION udf.adql_box(
    double precision, double precision, double precision, double precision
)
IS 'ADQL BOX: the polygon of its corners';
