//! Sketches as dynamics: `{"hll": "…"}` and `{"tdigest": "…", "type": "long"}`, where the text is the
//! sketch's stored form in base64; and the functions over them.

use bartizan_analytics::sketch::{Hll, TDigest};
use bartizan_schema::KqlType;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value as Tree;

use super::convert;
use super::dynamic::{elements, nesting, to_json};
use super::kernel::{Entry, seeing_nulls, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("dcount_hll", |args, _| hll(&args[0]).map_or(Value::Null, |set| Value::Long(set.count() as i64))),
    seeing_nulls("hll_merge", |args, _| {
        let merged = args.iter().filter_map(hll).reduce(|mut all, set| {
            all.merge(&set);
            all
        });
        merged.map_or(Value::Null, |set| Value::dynamic(write_hll(&set)))
    }),
    seeing_nulls("tdigest_merge", |args, _| {
        let merged = args.iter().filter_map(digest).reduce(|(mut all, ty), (digest, _)| {
            all.merge(&digest);
            (all, ty)
        });
        merged.map_or(Value::Null, |(mut digest, ty)| {
            digest.settle();
            Value::dynamic(write_digest(&digest, ty))
        })
    }),
    seeing_nulls("hll_isvalid", |args, _| Value::Bool(hll(&args[0]).is_some())),
    seeing_nulls("tdigest_isvalid", |args, _| Value::Bool(digest(&args[0]).is_some())),
    strict("percentile_tdigest", |args, scratch| {
        let (Some((digest, ty)), Some(percent)) = (digest(&args[0]), number(&args[1])) else {
            return Value::Null;
        };
        let found = value_of(digest.percentile(percent), ty);
        match scratch.wanted {
            Some(wanted) if wanted != KqlType::Dynamic => convert::convert(found, wanted),
            _ if found.is_null() => Value::Null,
            _ => Value::dynamic(to_json(&found)),
        }
    }),
    strict("percentiles_array_tdigest", |args, _| {
        let Some((digest, ty)) = digest(&args[0]) else { return Value::Null };
        let listed = match &args[1] {
            Value::Dynamic(json) => {
                elements(json).unwrap_or_default().iter().filter_map(Tree::as_f64).collect()
            }
            _ => args[1..].iter().filter_map(number).collect::<Vec<_>>(),
        };
        let values = listed.iter().map(|percent| to_json(&value_of(digest.percentile(*percent), ty)));
        Value::dynamic(format!("[{}]", values.collect::<Vec<_>>().join(",")))
    }),
    strict("rank_tdigest", |args, _| match (digest(&args[0]), number(&args[1])) {
        (Some((digest, _)), Some(value)) => Value::Real(digest.rank(value)),
        _ => Value::Null,
    }),
    strict("percentrank_tdigest", |args, _| match (digest(&args[0]), number(&args[1])) {
        (Some((digest, _)), Some(value)) if !digest.is_empty() => {
            Value::Real(100.0 * digest.rank(value) / digest.total())
        }
        _ => Value::Null,
    }),
];

/// The dynamic that stands for a set.
pub(crate) fn write_hll(set: &Hll) -> String {
    format!("{{\"hll\":\"{}\"}}", BASE64_STANDARD.encode(set.to_bytes()))
}

/// The set that a dynamic stands for, if it stands for one.
pub(crate) fn read_hll(json: &str) -> Option<Hll> {
    let text = nesting::get(json, ["hll"])?;
    let text: String = sonic_rs::from_str(text.as_raw_str()).ok()?;
    Hll::from_bytes(&BASE64_STANDARD.decode(text).ok()?)
}

/// The dynamic that stands for a settled digest of values of `ty`.
pub(crate) fn write_digest(digest: &TDigest, ty: KqlType) -> String {
    let text = BASE64_STANDARD.encode(digest.to_bytes());
    format!("{{\"tdigest\":\"{text}\",\"type\":\"{}\"}}", ty.name())
}

/// The digest that a dynamic stands for and the type of its values.
pub(crate) fn read_digest(json: &str) -> Option<(TDigest, KqlType)> {
    let field = |name| {
        let text = nesting::get(json, [name])?;
        sonic_rs::from_str::<String>(text.as_raw_str()).ok()
    };
    let ty = field("type")?.parse().ok()?;
    TDigest::from_bytes(&BASE64_STANDARD.decode(field("tdigest")?).ok()?).map(|digest| (digest, ty))
}

fn hll(value: &Value<'_>) -> Option<Hll> {
    match value {
        Value::Dynamic(json) => read_hll(json),
        _ => None,
    }
}

fn digest(value: &Value<'_>) -> Option<(TDigest, KqlType)> {
    match value {
        Value::Dynamic(json) => read_digest(json),
        _ => None,
    }
}

/// 2020-01-01 in ticks. A digest keeps floats, and those count single ticks exactly for 28 years to both
/// sides of this moment, but only every sixty-fourth tick as counted from year 1.
const NEAR: i64 = 637_134_336_000_000_000;

/// A moment as a digest keeps it.
pub(crate) fn from_ticks(ticks: i64) -> f64 {
    ticks.saturating_sub(NEAR) as f64
}

/// A value as a digest keeps it.
pub(crate) fn number(value: &Value<'_>) -> Option<f64> {
    Some(match super::dynamic::unwrap_ref(value) {
        Value::Int(value) => f64::from(value),
        Value::Long(value) | Value::TimeSpan(value) => value as f64,
        Value::DateTime(ticks) => from_ticks(ticks),
        Value::Real(value) => value,
        _ => return None,
    })
}

/// What a digest gives back, as a value of `ty`.
pub(crate) fn value_of(number: Option<f64>, ty: KqlType) -> Value<'static> {
    let Some(number) = number else { return Value::Null };
    let whole = number.round() as i64;
    match ty {
        KqlType::Int => Value::Int(number.round() as i32),
        KqlType::Long => Value::Long(whole),
        KqlType::TimeSpan => Value::TimeSpan(whole),
        KqlType::DateTime => Value::DateTime(whole.saturating_add(NEAR)),
        _ => Value::Real(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::Ticks;

    #[test]
    fn moments_come_back_to_the_tick() {
        for text in ["2026-03-01T12:34:56.7890123Z", "1999-12-31T23:59:59.9999999Z"] {
            let ticks = Ticks::parse(text).unwrap().0;
            assert_eq!(value_of(Some(from_ticks(ticks)), KqlType::DateTime), Value::DateTime(ticks));
        }
        assert_eq!(NEAR, Ticks::parse("2020-01-01T00:00:00Z").unwrap().0);
    }
}
