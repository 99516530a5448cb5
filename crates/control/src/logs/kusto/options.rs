//! The properties of a request: its options and the values of its query parameters.

use std::collections::HashMap;
use std::time::Duration;

use bartizan_api::ApiError;
use bartizan_base::Ticks;
use bartizan_engine::QueryLimits;
use serde_json::Value;

/// The longest that a query may run, as in Kusto ten minutes by default.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// Parameters of one query.
const PARAMETERS_MAX: usize = 1_000;
/// Options that would change the answer and are not served. All others are hints, and passed over.
const REFUSED: &[&str] =
    &["query_now", "query_take_max_records", "query_cursor_current", "query_cursor_after_default"];

/// What a request's properties ask for.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) limits: QueryLimits,
    /// `TimeGenerated` is at or after the first and before the second.
    pub(super) timespan: Option<(Ticks, Ticks)>,
    /// The values of `declare query_parameters`, by name.
    pub(super) parameters: HashMap<String, String>,
}

impl Options {
    /// Reads the properties: an object, the text of one, or nothing.
    pub(super) fn read(properties: &Value) -> Result<Self, ApiError> {
        let parsed: Value;
        let properties = match properties.as_str() {
            Some(text) => {
                parsed = serde_json::from_str(text)
                    .map_err(|error| ApiError::field("properties", format!("no JSON: {error}")))?;
                &parsed
            }
            None => properties,
        };
        let mut out = Self { parameters: parameters(&properties["Parameters"])?, ..Self::default() };
        let options = &properties["Options"];
        let wrong = |name: &str, text: &str| ApiError::field(&format!("properties.Options.{name}"), text);
        let members = options.as_object().into_iter().flatten();
        for (name, value) in members.filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "servertimeout" => {
                    let time = value.as_str().and_then(time);
                    let time =
                        time.ok_or_else(|| wrong(name, "`servertimeout` is a time such as 00:04:00"))?;
                    out.limits.timeout = time.clamp(Duration::from_secs(1), TIMEOUT_MAX);
                }
                "truncationmaxrecords" => {
                    out.limits.rows =
                        out.limits.rows.min(number(value).ok_or_else(|| wrong(name, "it is no number"))?);
                }
                "truncationmaxsize" => {
                    out.limits.bytes =
                        out.limits.bytes.min(number(value).ok_or_else(|| wrong(name, "it is no number"))?);
                }
                "query_datetimescope_from" => {
                    let from = moment(value).ok_or_else(|| wrong(name, "it is no date"))?;
                    out.timespan = Some((from, out.timespan.map_or(Ticks::MAX, |(_, to)| to)));
                }
                "query_datetimescope_to" => {
                    let to = moment(value).ok_or_else(|| wrong(name, "it is no date"))?;
                    out.timespan = Some((out.timespan.map_or(Ticks(0), |(from, _)| from), to));
                }
                "query_datetimescope_column" if value != "TimeGenerated" => {
                    return Err(wrong(name, "the column of a query's time span is `TimeGenerated`"));
                }
                "query_language" if !["kql", "csl", "kusto"].iter().any(|known| value == known) => {
                    return Err(wrong(name, "queries are written in `kql`"));
                }
                name if REFUSED.contains(&name) => {
                    return Err(wrong(name, "this option is not supported; leave it out"));
                }
                _ => {}
            }
        }
        Ok(out)
    }
}

fn parameters(values: &Value) -> Result<HashMap<String, String>, ApiError> {
    let path = "properties.Parameters";
    let values = match values {
        Value::Null => return Ok(HashMap::new()),
        Value::Object(values) if values.len() <= PARAMETERS_MAX => values,
        Value::Object(_) => {
            return Err(ApiError::field(path, format!("a query has at most {PARAMETERS_MAX} parameters")));
        }
        _ => return Err(ApiError::field(path, "parameters are an object: names and their values")),
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        // A number or a truth value is written in KQL as it is in JSON.
        value => value.to_string(),
    };
    Ok(values.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

fn number(value: &Value) -> Option<u64> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(number.max(1))
}

fn moment(value: &Value) -> Option<Ticks> {
    let text = value.as_str()?.trim();
    let text = text.strip_prefix("datetime(").and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    Ticks::parse(text).ok()
}

/// `[d.]hh:mm:ss[.fraction]`; the fraction is passed over.
fn time(text: &str) -> Option<Duration> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let whole = |part: &str| part.split('.').next()?.parse::<u64>().ok().filter(|part| *part < 1_000);
    let (days, hours, minutes, seconds) =
        (whole(days)?, whole(hours)?, whole(parts.next()?)?, whole(parts.next()?)?);
    let seconds = days * 86_400 + hours * 3_600 + minutes * 60 + seconds;
    parts.next().is_none().then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_as_clients_write_them() {
        for (text, seconds) in [("00:04:00", 240), ("0:04:30.5000000", 270), ("1.00:00:01", 86_401)] {
            assert_eq!(time(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "4", "4m", "00:04", "00:04:00:00", "x:00:00", "00:99999:00"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn options_are_read_from_an_object_and_from_its_text() {
        let object = json!({
            "Options": {"servertimeout": "00:00:30", "truncationmaxrecords": 7, "query_datetimescope_to": "2026-01-02",
                "deferpartialqueryfailures": true},
            "Parameters": {"n": 5, "s": "text", "b": true},
        });
        for properties in [object.clone(), json!(object.to_string())] {
            let read = Options::read(&properties).unwrap();
            assert_eq!((read.limits.timeout, read.limits.rows), (Duration::from_secs(30), 7));
            assert_eq!(read.timespan, Some((Ticks(0), Ticks::parse("2026-01-02").unwrap())));
            let given = ["n", "s", "b"].map(|name| read.parameters[name].as_str());
            assert_eq!(given, ["5", "text", "true"]);
        }
        assert_eq!(Options::read(&Value::Null).unwrap().limits, QueryLimits::default());
    }

    #[test]
    fn what_would_change_the_answer_is_refused_by_name() {
        for (option, value) in [
            ("servertimeout", json!("soon")),
            ("truncationmaxrecords", json!("many")),
            ("query_now", json!("2026-01-01")),
            ("query_language", json!("sql")),
            ("query_datetimescope_column", json!("Other")),
            ("query_datetimescope_from", json!("yesterday")),
        ] {
            let error = Options::read(&json!({"Options": {option: value}})).unwrap_err();
            assert!(error.target.as_deref().is_some_and(|target| target.ends_with(option)), "{option}");
        }
        assert!(Options::read(&json!("{")).is_err());
        assert!(Options::read(&json!({"Parameters": [1]})).is_err());
    }
}
