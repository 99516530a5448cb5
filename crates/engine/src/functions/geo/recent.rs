//! Shapes read lately: a polygon that stands in the query is read once, not once a row.

use std::sync::Arc;

use bartizan_analytics::geo::{Lines, Surface};

use super::{lines, surface};
use crate::value::Value;

/// Shapes kept of each kind. Queries name one or two; a lookup table of many gains nothing here.
const KEPT: usize = 8;

/// Shapes by their text.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    surfaces: Recent<Surface>,
    lines: Recent<Lines>,
}

impl Shapes {
    pub(super) fn surface(&mut self, value: &Value<'_>) -> Option<Arc<Surface>> {
        self.surfaces.get(value, surface)
    }

    pub(super) fn lines(&mut self, value: &Value<'_>) -> Option<Arc<Lines>> {
        self.lines.get(value, lines)
    }
}

#[derive(Debug)]
struct Recent<T> {
    kept: Vec<(String, Option<Arc<T>>)>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { kept: Vec::new() }
    }
}

impl<T> Recent<T> {
    fn get(&mut self, value: &Value<'_>, read: fn(&Value<'_>) -> Option<T>) -> Option<Arc<T>> {
        let text = super::json(value)?;
        if let Some(at) = self.kept.iter().position(|(known, _)| known == text) {
            return self.kept[at].1.clone();
        }
        let found = read(value).map(Arc::new);
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push((text.to_owned(), found.clone()));
        found
    }
}
