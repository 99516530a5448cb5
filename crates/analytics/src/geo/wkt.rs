//! Well-known text, the older spelling of geometries: `POLYGON ((0 0, 2 0, 2 2, 0 0))`.

use super::place::Place;
use super::shape::{Path, Shape};

/// Collections inside collections that are read; deeper ones are refused.
const DEPTH_MAX: usize = 16;

/// Reads a geometry. None when the text is not one.
pub fn read(text: &str) -> Option<Shape> {
    let mut reader = Reader { rest: text.trim() };
    let shape = reader.shape(0)?;
    reader.rest.trim().is_empty().then_some(shape)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn shape(&mut self, depth: usize) -> Option<Shape> {
        let name = self.word()?.to_ascii_uppercase();
        // "POINT Z (1 2 3)": heights are allowed and passed over
        if !self.rest.trim_start().starts_with('(')
            && !matches!(self.word()?, "Z" | "z" | "M" | "m" | "ZM" | "zm")
        {
            return None;
        }
        Some(match name.as_str() {
            "POINT" => {
                let mut path = self.list(Self::place)?;
                if path.len() != 1 {
                    return None;
                }
                Shape::Point(path.remove(0))
            }
            "LINESTRING" => Shape::Line(self.path()?),
            "POLYGON" => Shape::Polygon(self.list(Self::path)?),
            "MULTIPOINT" => Shape::MultiPoint(self.list(Self::wrapped_place)?),
            "MULTILINESTRING" => Shape::MultiLine(self.list(Self::path)?),
            "MULTIPOLYGON" => Shape::MultiPolygon(self.list(|reader| reader.list(Self::path))?),
            "GEOMETRYCOLLECTION" if depth < DEPTH_MAX => {
                Shape::Collection(self.list(|reader| reader.shape(depth + 1))?)
            }
            _ => return None,
        })
    }

    fn word(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        let end = text.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(text.len());
        self.rest = &text[end..];
        (end > 0).then(|| &text[..end])
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest.trim_start().strip_prefix(wanted);
        if let Some(rest) = found {
            self.rest = rest;
        }
        found.is_some()
    }

    /// `(item, item …)`.
    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        if !self.eat('(') {
            return None;
        }
        let mut items = vec![each(self)?];
        while self.eat(',') {
            items.push(each(self)?);
        }
        self.eat(')').then_some(items)
    }

    fn path(&mut self) -> Option<Path> {
        self.list(Self::place)
    }

    /// The places of a multipoint may each have their own brackets.
    fn wrapped_place(&mut self) -> Option<Place> {
        let wrapped = self.eat('(');
        let place = self.place()?;
        (!wrapped || self.eat(')')).then_some(place)
    }

    fn place(&mut self) -> Option<Place> {
        let place = Place::new(self.number()?, self.number()?)?;
        while self.rest.trim_start().starts_with(|next: char| !matches!(next, ',' | ')' | '(')) {
            self.number()?;
        }
        Some(place)
    }

    fn number(&mut self) -> Option<f64> {
        let text = self.rest.trim_start();
        let end = text
            .find(|next: char| next.is_whitespace() || matches!(next, ',' | ')' | '('))
            .unwrap_or(text.len());
        self.rest = &text[end..];
        text[..end].parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::geojson;
    use super::*;

    fn check(wkt: &str, json: &str) {
        assert_eq!(geojson::write(&read(wkt).unwrap()), json);
    }

    #[test]
    fn each_kind() {
        check("point(1 -2.5)", r#"{"type":"Point","coordinates":[1,-2.5]}"#);
        check("POINT Z (1 2 3)", r#"{"type":"Point","coordinates":[1,2]}"#);
        check("LINESTRING (1 2, 3 4)", r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#);
        check("MULTIPOINT ((1 2), 3 4)", r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#);
        check(
            "POLYGON ((0 0, 2 0, 2 2, 0 0))",
            r#"{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,0]]]}"#,
        );
        check(
            "GEOMETRYCOLLECTION (POINT (1 1), MULTILINESTRING ((0 0, 1 1)))",
            r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,1]},{"type":"MultiLineString","coordinates":[[[0,0],[1,1]]]}]}"#,
        );
    }

    #[test]
    fn what_is_no_geometry() {
        for text in [
            "",
            "LINESTRING",
            "POINT (1)",
            "POINT (1 2",
            "POINT (1 2) x",
            "POINT (200 0)",
            "CIRCLE (1 1)",
            "POINT ()",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let deep = format!("{}POINT (1 1){}", "GEOMETRYCOLLECTION (".repeat(100_000), ")".repeat(100_000));
        assert_eq!(read(&deep), None);
    }
}
