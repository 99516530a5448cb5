//! Geohash cells: halving longitude and latitude in turn, five halvings to a letter.

use super::place::Place;
use super::shape::Shape;

const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// Letters a hash may have.
pub const LETTERS_MAX: i64 = 18;
/// Letters when nothing is said.
pub const LETTERS_DEFAULT: i64 = 5;

/// A cell: its bounds in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

/// The hash of the cell that holds a place.
pub fn of(place: Place, letters: i64) -> Option<String> {
    if !(1..=LETTERS_MAX).contains(&letters) {
        return None;
    }
    let (mut west, mut east, mut south, mut north) = (-180.0, 180.0, -90.0, 90.0);
    let mut text = String::new();
    let mut of_longitude = true;
    for _ in 0..letters {
        let mut letter = 0;
        for _ in 0..5 {
            let (low, high, value) = if of_longitude {
                (&mut west, &mut east, place.longitude)
            } else {
                (&mut south, &mut north, place.latitude)
            };
            let middle = (*low + *high) / 2.0;
            let upper = value >= middle;
            letter = letter * 2 + usize::from(upper);
            *(if upper { low } else { high }) = middle;
            of_longitude = !of_longitude;
        }
        text.push(char::from(LETTERS[letter]));
    }
    Some(text)
}

fn cell(hash: &str) -> Option<Cell> {
    if hash.is_empty() || hash.len() > LETTERS_MAX as usize {
        return None;
    }
    let (mut west, mut east, mut south, mut north) = (-180.0, 180.0, -90.0, 90.0);
    let mut of_longitude = true;
    for byte in hash.bytes() {
        let letter = LETTERS.iter().position(|known| *known == byte.to_ascii_lowercase())?;
        for bit in (0..5).rev() {
            let (low, high) = if of_longitude { (&mut west, &mut east) } else { (&mut south, &mut north) };
            let middle: f64 = (*low + *high) / 2.0;
            *(if letter >> bit & 1 == 1 { low } else { high }) = middle;
            of_longitude = !of_longitude;
        }
    }
    Some(Cell { west, east, south, north })
}

/// The middle of a cell.
pub fn centre(hash: &str) -> Option<Place> {
    let cell = cell(hash)?;
    Place::new((cell.west + cell.east) / 2.0, (cell.south + cell.north) / 2.0)
}

/// A cell as a polygon, from its south-western corner.
pub fn polygon(hash: &str) -> Option<Shape> {
    let Cell { west, east, south, north } = cell(hash)?;
    let corners = [(west, south), (east, south), (east, north), (west, north), (west, south)];
    let ring = corners.into_iter().map(|(longitude, latitude)| Place { longitude, latitude }).collect();
    Some(Shape::Polygon(vec![ring]))
}

/// The cells around a cell, in the order that the reference gives them. At a pole there are fewer.
pub fn neighbours(hash: &str) -> Option<Vec<String>> {
    let cell = cell(hash)?;
    let (width, height) = (cell.east - cell.west, cell.north - cell.south);
    let middle = centre(hash)?;
    let mut found: Vec<String> = Vec::new();
    for (east, north) in NEIGHBOURS {
        let latitude = middle.latitude + north * height;
        if latitude.abs() > 90.0 {
            continue;
        }
        let longitude = (middle.longitude + east * width + 540.0).rem_euclid(360.0) - 180.0;
        let hash = of(Place { longitude, latitude }, hash.len() as i64)?;
        if !found.contains(&hash) {
            found.push(hash);
        }
    }
    Some(found)
}

/// Steps to the neighbours, in the order of the result.
const NEIGHBOURS: [(f64, f64); 8] =
    [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, -1.0)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_textbook_hash() {
        let place = Place::new(-5.6, 42.6).unwrap();
        assert_eq!(of(place, 5).as_deref(), Some("ezs42"));
        let back = centre("ezs42").unwrap();
        assert!((back.longitude + 5.603).abs() < 1e-3 && (back.latitude - 42.605).abs() < 1e-3);
        assert_eq!(of(place, 0), None);
        assert_eq!(of(place, 19), None);
    }

    #[test]
    fn hashes_that_are_none() {
        for text in ["", "a", "hello world", "0123456789012345678"] {
            assert_eq!(centre(text), None, "{text}");
            assert_eq!(neighbours(text), None);
        }
    }

    #[test]
    fn cells_around_cells() {
        let near = ["sunnt", "sunpj", "sunnx", "sunpn", "sunnv", "sunpp", "sunnz", "sunnw"];
        assert_eq!(neighbours("sunny").unwrap(), near);
        assert!(neighbours("u").unwrap().len() >= 5);
    }
}
