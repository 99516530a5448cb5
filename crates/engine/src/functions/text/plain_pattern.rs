//! `parse` patterns without a regular expression: texts are searched, and what lies between them is captured.
//!
//! This finds what the regular expression of the same pattern finds, many times faster. It tries what is
//! shortest first, as the expression's lazy stars do, and goes back where that leads nowhere. Subjects that
//! take too many steps, or have letters outside ASCII, are left to the expression.

use bartizan_kql::bound::{ParseMode, ParsePart};
use bartizan_schema::KqlType;
use memchr::memmem::Finder;

/// Steps for one subject. Without backtracking there are as many as the pattern has pieces.
const STEPS_MAX: usize = 1 << 12;

#[derive(Debug)]
enum Piece {
    /// Whatever comes; a column, when the flag is set.
    Any(bool),
    Text(Box<Finder<'static>>),
    /// A whole number, into a column.
    Digits,
    /// All that is left, into a column.
    Rest,
    /// Nothing is left.
    End,
}

#[derive(Debug)]
pub(super) struct PlainPattern {
    pieces: Vec<Piece>,
}

/// The subject has to be matched by the regular expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undecided;

impl PlainPattern {
    /// `None` when the pattern needs a regular expression. `types` are those of the output columns.
    pub(super) fn new(mode: ParseMode, parts: &[ParsePart], types: &[KqlType]) -> Option<Self> {
        if mode == ParseMode::Regex {
            return None;
        }
        let mut pieces = Vec::with_capacity(parts.len() + 1);
        for (at, part) in parts.iter().enumerate() {
            let next = parts.get(at + 1);
            pieces.push(match part {
                ParsePart::Star => Piece::Any(false),
                ParsePart::Text(text) if text.is_empty() => return None,
                ParsePart::Text(text) => Piece::Text(Box::new(Finder::new(text).into_owned())),
                ParsePart::Column { output } => {
                    let whole = matches!(types.get(*output)?, KqlType::Int | KqlType::Long);
                    let bounded = matches!(next, Some(ParsePart::Text(_)));
                    match next {
                        // a number or nothing
                        _ if whole && mode == ParseMode::Relaxed && !bounded => return None,
                        _ if whole && mode != ParseMode::Relaxed => {
                            // The digits end where they must: what follows cannot begin with one of them.
                            let sure = match next {
                                None => true,
                                Some(ParsePart::Text(text)) => !text.starts_with(|c: char| c.is_numeric()),
                                Some(_) => false,
                            };
                            if !sure {
                                return None;
                            }
                            Piece::Digits
                        }
                        None => Piece::Rest,
                        Some(_) => Piece::Any(true),
                    }
                }
            });
        }
        if matches!(parts.last(), Some(ParsePart::Text(_))) {
            pieces.push(Piece::End);
        }
        Some(Self { pieces })
    }

    /// Puts the captures of the subject into `found`, in order; whether it matches.
    pub(super) fn captures<'t>(&self, subject: &'t str, found: &mut Vec<&'t str>) -> Result<bool, Undecided> {
        found.clear();
        if !subject.is_ascii() {
            return Err(Undecided);
        }
        let mut steps = 0;
        Walk { subject, steps: &mut steps, found }.matches(&self.pieces, 0)
    }
}

struct Walk<'w, 't> {
    subject: &'t str,
    steps: &'w mut usize,
    found: &'w mut Vec<&'t str>,
}

impl Walk<'_, '_> {
    /// Whether the pieces match from `at` on. Captures stay in `found` only when they do.
    fn matches(&mut self, pieces: &[Piece], at: usize) -> Result<bool, Undecided> {
        *self.steps += 1;
        if *self.steps > STEPS_MAX {
            return Err(Undecided);
        }
        let Some((first, after)) = pieces.split_first() else { return Ok(true) };
        let rest = &self.subject.as_bytes()[at..];
        match first {
            Piece::End => Ok(rest.is_empty()),
            Piece::Rest => {
                self.found.push(&self.subject[at..]);
                Ok(true)
            }
            Piece::Text(text) => {
                let text = text.needle();
                if rest.starts_with(text) { self.matches(after, at + text.len()) } else { Ok(false) }
            }
            Piece::Digits => {
                let sign = usize::from(rest.first() == Some(&b'-'));
                let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if digits == 0 {
                    return Ok(false);
                }
                self.capturing(true, at, at + sign + digits, after, at + sign + digits)
            }
            Piece::Any(captures) => match after.split_first() {
                None => Ok(true),
                Some((Piece::Text(text), after)) => {
                    let mut from = at;
                    while let Some(place) = text.find(&self.subject.as_bytes()[from..]) {
                        let start = from + place;
                        if self.capturing(*captures, at, start, after, start + text.needle().len())? {
                            return Ok(true);
                        }
                        from = start + 1;
                    }
                    Ok(false)
                }
                Some(_) => {
                    for end in at..=self.subject.len() {
                        if self.capturing(*captures, at, end, after, end)? {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                }
            },
        }
    }

    /// Captures `from..to` and goes on at `next`; gives the capture back when that leads nowhere.
    fn capturing(
        &mut self,
        captures: bool,
        from: usize,
        to: usize,
        after: &[Piece],
        next: usize,
    ) -> Result<bool, Undecided> {
        let before = self.found.len();
        if captures {
            self.found.push(&self.subject[from..to]);
        }
        let matched = self.matches(after, next)?;
        if !matched {
            self.found.truncate(before);
        }
        Ok(matched)
    }
}
