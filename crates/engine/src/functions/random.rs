//! Values that differ from row to row.

use rand::Rng;

use super::convert::to_long;
use super::kernel::{Entry, strict};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    strict("rand", |args, _| {
        let mut source = rand::rng();
        match args.first() {
            None => Value::Real(source.random()),
            Some(bound) => match to_long(bound) {
                // A whole number below the bound, as a real; no bound leaves only 0.
                Some(bound) => Value::Real(source.random_range(0..bound.max(1)) as f64),
                None => Value::Null,
            },
        }
    }),
    strict("new_guid", |_, _| Value::Guid(uuid::Uuid::new_v4().to_string().into())),
];
