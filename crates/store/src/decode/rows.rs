//! Reads the rows of a body: one pass over the text, every value from there straight into its column's builder.

use bartizan_schema::KqlType;

use super::cell::Cell;
use super::column::{ColumnBuilder, Pushed};
use super::json::{COLON, NAME, Scanner, Wrong};
use super::{Layout, malformed};
use crate::error::StoreError;

/// Names of members that are remembered; rows with more of them are looked up.
const KNOWN_MAX: usize = 512;

/// What reading a body found out beside the values.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) rejected_cells: u64,
    pub(super) unknown_fields: u64,
    /// One per row.
    pub(super) billed_bytes: Vec<f64>,
}

/// Fills the builders of a table from a body.
pub(super) struct RowReader<'b> {
    layout: &'b Layout,
    builders: &'b mut [ColumnBuilder],
    counts: Counts,
    /// What stood before the values of the row before: comma, name and colon as they were written, with the
    /// column. Rows of one sender have the same fields in the same order, so that one comparison mostly
    /// replaces reading and looking up the name.
    known: Vec<(Box<[u8]>, Option<usize>)>,
    /// Where texts with escapes are put together.
    scratch: String,
}

impl<'b> RowReader<'b> {
    pub(super) fn new(layout: &'b Layout, builders: &'b mut [ColumnBuilder], rows: usize) -> Self {
        let counts = Counts { billed_bytes: Vec::with_capacity(rows), ..Counts::default() };
        Self { layout, builders, counts, known: Vec::new(), scratch: String::new() }
    }

    pub(super) fn finish(self) -> Counts {
        self.counts
    }

    /// An array of objects, or objects on lines of their own.
    pub(super) fn read_body(&mut self, text: &str) -> Result<(), StoreError> {
        let mut scanner = Scanner::new(text, 0);
        let read = match scanner.token() {
            Some(b'[') => self.read_array(&mut scanner),
            _ => self.read_lines(text),
        };
        read.map_err(|Wrong { position, reason }| malformed(position, reason))
    }

    fn read_array(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Wrong> {
        scanner.expect(b'[', "")?;
        if scanner.token() == Some(b']') {
            scanner.expect(b']', "")?;
        } else {
            loop {
                self.read_row(scanner, 2)?;
                match scanner.token() {
                    Some(b',') => scanner.expect(b',', "")?,
                    _ => break scanner.expect(b']', "a comma or the array's end is missing")?,
                }
            }
        }
        end(scanner)
    }

    fn read_lines(&mut self, text: &str) -> Result<(), Wrong> {
        let mut from = 0;
        while from < text.len() {
            let to = memchr::memchr(b'\n', &text.as_bytes()[from..]).map_or(text.len(), |len| from + len);
            let mut scanner = Scanner::new(&text[..to], from);
            if scanner.token().is_some() {
                self.read_row(&mut scanner, 1)?;
                end(&mut scanner)?;
            }
            from = to + 1;
        }
        Ok(())
    }

    /// Reads an object that, with itself, is `depth` deep.
    fn read_row(&mut self, scanner: &mut Scanner<'_>, depth: u32) -> Result<(), Wrong> {
        scanner.expect(b'{', "a row is an object, and none starts here")?;
        let row = self.counts.billed_bytes.len();
        let (mut place, mut billed) = (0, 0);
        loop {
            let at = match self.known.get(place) {
                Some((written, at)) if scanner.take(written) => *at,
                _ => match self.read_name(scanner, place)? {
                    Some(at) => at,
                    None => break,
                },
            };
            place += 1;
            match at {
                Some(at) => billed += self.read_value(scanner, row, at, depth)?,
                None => {
                    self.counts.unknown_fields += 1;
                    scanner.skip(depth)?;
                }
            }
        }
        self.counts.billed_bytes.push(billed as f64);
        Ok(())
    }

    /// Passes over what stands before the value at `place` of a row and finds its column. The row ends instead
    /// where there is no outer answer.
    fn read_name(&mut self, scanner: &mut Scanner<'_>, place: usize) -> Result<Option<Option<usize>>, Wrong> {
        let from = scanner.position();
        match scanner.token() {
            Some(b'}') => {
                scanner.expect(b'}', "")?;
                return Ok(None);
            }
            Some(b',') if place > 0 => scanner.expect(b',', "")?,
            Some(b'"') if place == 0 => {}
            found => return Err(scanner.unexpected(found, "a comma or the object's end is missing")),
        }
        match scanner.token() {
            Some(b'"') => {}
            found => return Err(scanner.unexpected(found, NAME)),
        }
        let at = self.layout.position(scanner.string(&mut self.scratch)?);
        scanner.expect(b':', COLON)?;
        scanner.token();
        let written = || scanner.since(from).as_bytes().into();
        match self.known.get_mut(place) {
            Some(known) => *known = (written(), at),
            None if place < KNOWN_MAX => self.known.push((written(), at)),
            None => {}
        }
        Ok(Some(at))
    }

    /// Stores the value that follows; returns its size for metering.
    fn read_value(
        &mut self,
        scanner: &mut Scanner<'_>,
        row: usize,
        at: usize,
        depth: u32,
    ) -> Result<usize, Wrong> {
        let builder = &mut self.builders[at];
        let pushed = match scanner.token() {
            Some(b'"') => builder.push(row, Cell::Text(scanner.string(&mut self.scratch)?)),
            // The sender's own JSON text is kept.
            Some(b'{' | b'[' | b'-' | b'0'..=b'9') if builder.ty() == KqlType::Dynamic => {
                builder.push(row, Cell::Nested(scanner.skip(depth)?))
            }
            Some(b'{' | b'[') => {
                let position = scanner.position();
                // The text of a value where a scalar was declared is written anew, without spaces.
                let value: serde_json::Value = serde_json::from_str(scanner.skip(depth)?)
                    .map_err(|_| Wrong { position, reason: "an array or object cannot be read" })?;
                builder.push(row, Cell::Nested(&value.to_string()))
            }
            Some(b'-' | b'0'..=b'9') => builder.push(row, scanner.number()?),
            _ => builder.push(row, scanner.literal()?),
        };
        match pushed {
            Pushed::Stored { size_bytes } => return Ok(size_bytes),
            Pushed::Absent => {}
            Pushed::Rejected => self.counts.rejected_cells += 1,
        }
        Ok(0)
    }
}

/// Nothing but white space may follow.
fn end(scanner: &mut Scanner<'_>) -> Result<(), Wrong> {
    match scanner.token() {
        None => Ok(()),
        found => Err(scanner.unexpected(found, "something follows after the end")),
    }
}
