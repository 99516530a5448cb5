//! The OData options of `queryResults` and `summarize`, and the rows that they leave.

use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Ticks};
use bartizan_records::ListQuery;
use serde_json::{Map, Value, json};

use super::filter::{Filter, member};
use crate::arm::Call;
use crate::http::{Failure, base_url, query_pairs, query_value};

/// Rows in one answer, as in Azure; the rest follows by `@odata.nextLink`.
const PAGE: usize = 1000;
/// Furthest that `$skiptoken` leads into a sorted answer, which has to be kept until it is sorted.
const SKIP_MAX: usize = 20_000;

/// A row on the wire.
pub(super) type Row = Map<String, Value>;

/// What is asked.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) filter: Filter,
    pub(super) from: Option<Ticks>,
    pub(super) to: Option<Ticks>,
    top: usize,
    skip: usize,
    /// Members and whether they descend.
    order: Vec<(String, bool)>,
    select: Vec<String>,
}

impl Options {
    /// Reads the options of a request.
    ///
    /// # Errors
    /// With the option that cannot be read.
    pub(super) fn read(call: &Call) -> Result<Self, Failure> {
        let value = |name: &str| query_value(&call.parts.uri, name).filter(|text| !text.trim().is_empty());
        if value("$apply").is_some() {
            let text =
                "`$apply` is not supported: filter with `$filter` and count the rows, or ask `summarize`";
            return Err(wrong("InvalidApplyInQueryString", text));
        }
        let filter = Filter::parse(value("$filter").as_deref().unwrap_or_default())
            .map_err(|error| wrong("InvalidFilterInQueryString", &error.to_string()))?;
        let moment = |name: &str| match value(name) {
            None => Ok(None),
            Some(text) => Ticks::parse(&text).map(Some).map_err(|_| {
                let text = format!("`{name}` must be a moment such as 2026-01-02T03:04:05Z");
                wrong("InvalidTimeInQueryString", &text)
            }),
        };
        let number = |name: &str, default: usize| match value(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| wrong("InvalidTopInQueryString", &format!("`{name}` must be a whole number"))),
        };
        let names = |text: Option<String>| -> Vec<String> {
            let text = text.unwrap_or_default();
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        };
        let order = names(value("$orderby")).into_iter().map(|part| {
            let (name, way) = part.split_once(' ').unwrap_or((&part, "asc"));
            match way.trim().to_ascii_lowercase().as_str() {
                "asc" => Ok((name.to_owned(), false)),
                "desc" => Ok((name.to_owned(), true)),
                _ => Err(wrong(
                    "InvalidOrderByInQueryString",
                    &format!("`{part}` is no order such as `timestamp desc`"),
                )),
            }
        });
        let skip = number("$skiptoken", 0)?;
        if skip > SKIP_MAX {
            let text = format!(
                "more than {SKIP_MAX} rows are not paged through; narrow `$filter`, `$from` and `$to`"
            );
            return Err(wrong("InvalidSkipTokenInQueryString", &text));
        }
        Ok(Self {
            filter,
            from: moment("$from")?,
            to: moment("$to")?,
            top: number("$top", usize::MAX)?,
            skip,
            order: order.collect::<Result<_, _>>()?,
            select: names(value("$select")),
        })
    }

    /// Whether a row is asked for.
    pub(super) fn holds(&self, row: &Row) -> bool {
        let time = || row.get("timestamp").and_then(Value::as_str).and_then(|text| Ticks::parse(text).ok());
        let in_time = (self.from.is_none() && self.to.is_none())
            || time().is_some_and(|time| {
                self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time <= to)
            });
        in_time && self.filter.holds(row)
    }
}

/// Rows as they are found, of which no more are kept than the answer needs.
#[derive(Debug)]
pub(super) struct Rows<'o> {
    options: &'o Options,
    found: Vec<Row>,
    needed: usize,
}

impl<'o> Rows<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        let page = options.top.saturating_sub(options.skip).min(PAGE);
        // One more tells whether there is another page.
        Self { options, found: Vec::new(), needed: options.skip + page + 1 }
    }

    /// Keeps a row when it is asked for; `false` when no more are needed.
    pub(super) fn offer(&mut self, row: Row) -> bool {
        if !self.options.holds(&row) {
            return true;
        }
        self.found.push(row);
        if self.options.order.is_empty() {
            return self.found.len() < self.needed;
        }
        if self.found.len() >= 2 * self.needed.max(PAGE) {
            self.sort();
            self.found.truncate(self.needed);
        }
        true
    }

    fn sort(&mut self) {
        let order = &self.options.order;
        self.found.sort_by(|one, other| {
            let ways = order.iter().map(|(name, descends)| {
                let way = compare(member(one, name), member(other, name));
                if *descends { way.reverse() } else { way }
            });
            ways.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
    }

    /// The answer, in OData's form.
    pub(super) fn answer(mut self, call: &Call, context: &str) -> Value {
        self.sort();
        let Options { top, skip, select, .. } = self.options;
        let page = top.saturating_sub(*skip).min(PAGE);
        let more = self.found.len() > skip + page && skip + page < *top;
        let selected = |mut row: Row| {
            if !select.is_empty() {
                row.retain(|name, _| {
                    name.starts_with('@') || select.iter().any(|asked| asked.eq_ignore_ascii_case(name))
                });
            }
            Value::Object(row)
        };
        let rows: Vec<Value> = self.found.into_iter().skip(*skip).take(page).map(selected).collect();
        let next = more.then(|| next_link(call, skip + page));
        json!({
            "@odata.context": context, "@odata.count": rows.len(), "@odata.nextLink": next, "value": rows,
        })
    }
}

fn compare(one: &Value, other: &Value) -> std::cmp::Ordering {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().unwrap_or_default().total_cmp(&other.as_f64().unwrap_or_default())
        }
        (Value::String(one), Value::String(other)) => match (Ticks::parse(one), Ticks::parse(other)) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            _ => one.to_lowercase().cmp(&other.to_lowercase()),
        },
        (one, other) => one.to_string().cmp(&other.to_string()),
    }
}

/// This request from another row on.
fn next_link(call: &Call, skip: usize) -> String {
    let uri = &call.parts.uri;
    let base = base_url(&call.parts.headers, uri, &call.app.public_url);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in query_pairs(uri).iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken")) {
        query.append_pair(key, value);
    }
    query.append_pair("$skiptoken", &skip.to_string());
    format!("{base}{}?{}", uri.path(), query.finish())
}

/// What is asked about: a place, and the policy that was named at it, if any.
#[derive(Debug)]
pub(super) struct Asked {
    /// As it was named, for the caller's rights and for the answer.
    pub(super) scope: ResourceId,
    /// Where rows are looked for.
    pub(super) place: ResourceId,
    /// Leaves the rows of the named policy.
    pub(super) of_policy: Filter,
}

impl Asked {
    /// Takes `{scope}/providers/Microsoft.PolicyInsights/{policyStates|policyEvents}/{kind}` apart. Rows hang on resources:
    /// those of a policy are all rows, of the place that the policy was named at, that name it.
    pub(super) fn read(call: &Call, on: &ResourceId) -> Self {
        let scope = on.parent().unwrap_or_else(|| call.app.home.subscription_id());
        let member = match scope.resource_type().to_ascii_lowercase().as_str() {
            "microsoft.authorization/policydefinitions" => "policyDefinitionName",
            "microsoft.authorization/policysetdefinitions" => "policySetDefinitionName",
            "microsoft.authorization/policyassignments" => "policyAssignmentName",
            _ => return Self { place: scope.clone(), scope, of_policy: Filter::Everything },
        };
        let of_policy = Filter::equals(member, scope.name());
        Self { place: scope.parent().unwrap_or_else(ListQuery::tenant), scope, of_policy }
    }
}

fn wrong(code: &str, text: &str) -> Failure {
    Failure(ApiError::coded(ErrorKind::Invalid, code, text))
}
