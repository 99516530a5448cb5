//! Points, lines, polygons and grid cells on the sphere.
