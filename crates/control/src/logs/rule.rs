//! A data collection rule as the doors use it: which streams it takes, what it does to their rows, and
//! where they go. Reading and checking are one thing here, so that a rule that was stored can be run.

use std::sync::Arc;

use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_engine::Transform;
use bartizan_formats::windows::{EventFacts, EventQuery};
use bartizan_kql::Severity;
use bartizan_kql::bound::ColumnSchema;
use bartizan_records::Resource;
use bartizan_schema::{Column, KqlType, Table};
use serde_json::{Value, json};

use crate::app::App;
use crate::http::Failure;
use crate::logs::destination::{Destination, destinations_of, named_by};
use crate::logs::{SERVER_TABLES, Workspace, position};

/// The resource type of data collection rules.
pub(crate) const RULE_TYPE: &str = "Microsoft.Insights/dataCollectionRules";

/// Streams a rule may declare, columns of one, flows, and bytes of one transformation; Azure's limits.
const STREAMS_MAX: usize = 20;
const COLUMNS_MAX: usize = 300;
const FLOWS_MAX: usize = 10;
const TRANSFORM_BYTES_MAX: usize = 15_360;
/// Where the flow at `at` is in the body.
fn flow_path(at: usize, member: &str) -> String {
    format!("properties.dataFlows[{at}].{member}")
}

/// One flow of a rule: where the rows of a stream go.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    /// Its place in `dataFlows`.
    pub(crate) at: usize,
    /// The table of each workspace that the flow goes to; there is at least one, and all have one name.
    pub(crate) places: Vec<Place>,
    /// `None` for `source`, which leaves rows as they are.
    pub(crate) transform: Option<Transform>,
}

impl Flow {
    /// The name of its tables.
    pub(crate) fn table(&self) -> &str {
        self.places.first().map_or("", |place| &place.table.name)
    }
}

/// A table of a workspace.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) workspace: Workspace,
    pub(crate) table: Arc<Table>,
}

/// A table that a rule needs and a workspace does not have yet.
#[derive(Clone, Debug)]
pub(crate) struct NewTable {
    pub(crate) workspace: Workspace,
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
}

/// The flows that take `stream`; a rule without flows sends each stream to the table of its name.
pub(crate) fn flows_of(app: &App, rule: &Resource, stream: &str) -> Result<Vec<Flow>, Failure> {
    let destinations = destinations_of(app, rule)?;
    let places = |destinations: &[&Destination], output: &str| {
        let place = |destination: &&Destination| {
            let workspace = destination.workspace.clone();
            let table = known_table(app, &workspace, output).ok_or_else(|| unknown_stream(rule, output))?;
            Ok(Place { workspace, table })
        };
        destinations.iter().map(place).collect::<Result<Vec<_>, Failure>>()
    };
    let flows = list(rule.property("dataFlows"));
    if flows.is_empty() {
        let all: Vec<&Destination> = destinations.iter().collect();
        return Ok(vec![Flow { at: 0, places: places(&all, stream)?, transform: None }]);
    }
    let mut out = Vec::new();
    for (at, flow) in flows.iter().enumerate() {
        let Some(name) = texts(&flow["streams"]).find(|name| name.eq_ignore_ascii_case(stream)) else {
            continue;
        };
        let output = flow["outputStream"].as_str().unwrap_or(name);
        let named = named_by(&destinations, flow);
        if named.is_empty() {
            return Err(unknown_stream(rule, stream));
        }
        let places = places(&named, output)?;
        let transform = match transform_text(flow) {
            None => None,
            Some(text) => {
                let declarations = rule.property("streamDeclarations").unwrap_or(&Value::Null);
                Some(Transform::new(columns_of(app, &named, declarations, name)?, text))
            }
        };
        out.push(Flow { at, places, transform });
    }
    if out.is_empty() { Err(unknown_stream(rule, stream)) } else { Ok(out) }
}

/// Checks `properties` of a rule that sends to `destinations`, and says which tables it needs that are not there.
pub(crate) fn check(
    app: &App,
    properties: &Value,
    destinations: &[Destination],
) -> Result<Vec<NewTable>, Failure> {
    let declarations = &properties["streamDeclarations"];
    check_declarations(declarations)?;
    let path = "properties.dataFlows";
    let flows = match &properties["dataFlows"] {
        Value::Null => &[][..],
        Value::Array(flows) if flows.len() <= FLOWS_MAX => flows,
        Value::Array(_) => return Err(wrong(path, format!("a rule has at most {FLOWS_MAX} data flows"))),
        _ => return Err(wrong(path, "`dataFlows` must be a list")),
    };
    let mut needed: Vec<NewTable> = Vec::new();
    for (at, flow) in flows.iter().enumerate() {
        for table in check_flow(app, declarations, destinations, at, flow)? {
            let same = |known: &&mut NewTable| {
                known.workspace.id == table.workspace.id && known.name.eq_ignore_ascii_case(&table.name)
            };
            match needed.iter_mut().find(same) {
                None => needed.push(table),
                Some(known) => merge_columns(known, table, at)?,
            }
        }
    }
    check_sources(&properties["dataSources"], flows)?;
    Ok(needed)
}

/// The transformation of a portal's preview: columns as a declaration has them.
pub(crate) fn preview(columns: &Value, text: &str) -> Result<Transform, Failure> {
    let columns = declared_columns("columns", columns)?;
    check_length("transformKql", text)?;
    Ok(Transform::new(columns, text))
}

/// The findings of a transformation that cannot run, as an error at `path`.
pub(crate) fn refuse(path: &str, text: &str, findings: &[bartizan_kql::Diagnostic]) -> Failure {
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    let details = errors.iter().map(|finding| {
        let (line, column) = position(text, finding.span.start);
        json!({
            "code": finding.code, "message": finding.message, "hint": finding.hint,
            "start": finding.span.start, "end": finding.span.end, "line": line, "pos": column,
        })
    });
    let details = details.collect();
    let message = match errors.first() {
        Some(first) => {
            let (line, column) = position(text, first.span.start);
            let hint = first.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!(
                "the transformation cannot be used: {} ({}, line {line}, column {column}){hint}",
                first.message, first.code
            )
        }
        None => "the transformation cannot be used".to_owned(),
    };
    let error = ApiError::coded(ErrorKind::Invalid, "InvalidTransformQuery", message);
    Failure(ApiError { target: Some(path.to_owned()), details, ..error })
}

fn check_flow(
    app: &App,
    declarations: &Value,
    destinations: &[Destination],
    at: usize,
    flow: &Value,
) -> Result<Vec<NewTable>, Failure> {
    let streams: Vec<&str> = texts(&flow["streams"]).collect();
    if streams.is_empty() {
        return Err(wrong(&flow_path(at, "streams"), "each flow needs `streams`"));
    }
    if let Some(name) =
        texts(&flow["destinations"]).find(|name| !destinations.iter().any(|known| known.name == *name))
    {
        let text = format!("there is no destination `{name}`; `properties.destinations` names them");
        return Err(wrong(&flow_path(at, "destinations"), text));
    }
    if !flow["builtInTransform"].is_null() {
        return Err(wrong(
            &flow_path(at, "builtInTransform"),
            "`builtInTransform` is not supported; use `transformKql`",
        ));
    }
    let text = transform_text(flow);
    if (text.is_some() || flow["outputStream"].is_string()) && streams.len() > 1 {
        let text = "a flow with `transformKql` or `outputStream` takes one stream; write one flow for each";
        return Err(wrong(&flow_path(at, "streams"), text));
    }
    let home = [Destination { name: String::new(), workspace: app.home_workspace() }];
    let named = named_by(if destinations.is_empty() { &home } else { destinations }, flow);
    let mut needed = Vec::new();
    for stream in streams {
        let output = flow["outputStream"].as_str().unwrap_or(stream);
        let columns = columns_of(app, &named, declarations, stream)?;
        let columns = match text {
            None => columns,
            Some(text) => transformed_columns(app, at, columns, text)?,
        };
        for destination in &named {
            needed.extend(check_output(app, at, &destination.workspace, output, columns.clone())?);
        }
    }
    Ok(needed)
}

fn transformed_columns(
    app: &App,
    at: usize,
    columns: Vec<Column>,
    text: &str,
) -> Result<Vec<Column>, Failure> {
    let path = flow_path(at, "transformKql");
    check_length(&path, text)?;
    let checked = app.engine.check_transform(&Transform::new(columns, text));
    let columns = checked.columns.ok_or_else(|| refuse(&path, text, &checked.diagnostics))?;
    let time = columns.iter().find(|column| column.name == "TimeGenerated");
    if time.is_none_or(|time| time.ty != KqlType::DateTime) {
        let text = "the transformation must give a column `TimeGenerated` of type datetime; \
                    add for example `| extend TimeGenerated = now()`";
        return Err(Failure(ApiError {
            target: Some(path),
            ..ApiError::coded(ErrorKind::Invalid, "InvalidTransformOutput", text)
        }));
    }
    Ok(columns.into_iter().map(|ColumnSchema { name, ty }| Column::new(name, ty)).collect())
}

/// Checks that `columns` fit the table of `output`; gives the table when it is a custom one to be made.
fn check_output(
    app: &App,
    at: usize,
    workspace: &Workspace,
    output: &str,
    columns: Vec<Column>,
) -> Result<Option<NewTable>, Failure> {
    let path = flow_path(at, "outputStream");
    let name = table_name(output).ok_or_else(|| {
        let shown: String = output.chars().take(80).collect();
        wrong(&path, format!("`{shown}` is no stream: it begins with `Microsoft-` or `Custom-`"))
    })?;
    if SERVER_TABLES.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(wrong(&path, format!("rows of `{name}` are written by the server only")));
    }
    if let Some(table) = app.store.table(workspace.id, name) {
        for column in &columns {
            check_column(&path, &table, column)?;
        }
        return Ok(None);
    }
    if !name.ends_with("_CL") {
        let text =
            format!("there is no table `{name}`; a rule makes custom tables, whose names end in `_CL`");
        return Err(wrong(&path, text));
    }
    Ok(Some(NewTable { workspace: workspace.clone(), name: name.to_owned(), columns }))
}

fn check_column(path: &str, table: &Table, column: &Column) -> Result<(), Failure> {
    let refuse = |text: String| {
        let error = ApiError::coded(ErrorKind::Invalid, "InvalidTransformOutput", text);
        Failure(ApiError { target: Some(path.to_owned()), ..error })
    };
    match table.column(&column.name) {
        // Numbers, texts and dynamic values convert where the value allows it; others never do.
        Some(known) if known.ty == column.ty || converts(column.ty, known.ty) => Ok(()),
        Some(known) => Err(refuse(format!(
            "column `{}` is {} here and {} in table `{}`; convert it with to{}()",
            column.name,
            column.ty,
            known.ty,
            table.name,
            known.ty.name()
        ))),
        None => Err(refuse(format!(
            "table `{}` has no column `{}`; drop it with project-away, or add it to the table first",
            table.name, column.name
        ))),
    }
}

fn converts(from: KqlType, to: KqlType) -> bool {
    use KqlType::{Decimal, Dynamic, Guid, Int, Long, Real, String};
    matches!(
        (from, to),
        (_, String)
            | (String | Dynamic, _)
            | (Int | Long | Real | Decimal, Int | Long | Real | Decimal)
            | (Guid, Dynamic)
    )
}

fn merge_columns(known: &mut NewTable, other: NewTable, at: usize) -> Result<(), Failure> {
    for column in other.columns {
        match known.columns.iter().find(|own| own.name == column.name) {
            Some(own) if own.ty != column.ty => {
                let text = format!(
                    "column `{}` of `{}` is {} here and {} in another flow",
                    column.name, known.name, column.ty, own.ty
                );
                return Err(wrong(&flow_path(at, "transformKql"), text));
            }
            Some(_) => {}
            None => known.columns.push(column),
        }
    }
    Ok(())
}

fn check_declarations(declarations: &Value) -> Result<(), Failure> {
    let path = "properties.streamDeclarations";
    let declared = match declarations {
        Value::Null => return Ok(()),
        Value::Object(declared) if declared.len() <= STREAMS_MAX => declared,
        Value::Object(_) => {
            return Err(wrong(path, format!("a rule declares at most {STREAMS_MAX} streams")));
        }
        _ => {
            return Err(wrong(
                path,
                "`streamDeclarations` must be an object: stream name → `{\"columns\": […]}`",
            ));
        }
    };
    for (name, stream) in declared {
        let path = format!("{path}.{}", name.chars().take(80).collect::<String>());
        let own = name.get(.."Custom-".len()).is_some_and(|head| head.eq_ignore_ascii_case("Custom-"));
        if !own || name.len() == "Custom-".len() {
            return Err(wrong(&path, "a declared stream's name begins with `Custom-`"));
        }
        declared_columns(&format!("{path}.columns"), &stream["columns"])?;
    }
    Ok(())
}

fn declared_columns(path: &str, columns: &Value) -> Result<Vec<Column>, Failure> {
    let columns = columns.as_array().filter(|columns| !columns.is_empty());
    let columns =
        columns.ok_or_else(|| wrong(path, "a stream needs `columns`, each with `name` and `type`"))?;
    if columns.len() > COLUMNS_MAX {
        return Err(wrong(path, format!("a stream has at most {COLUMNS_MAX} columns")));
    }
    let mut out: Vec<Column> = Vec::new();
    for column in columns {
        let name = column["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Err(wrong(path, "each column needs a `name`"));
        }
        let ty = column["type"].as_str().unwrap_or_default().to_ascii_lowercase();
        let ty: KqlType = ty.parse().map_err(|error| wrong(path, format!("column `{name}`: {error}")))?;
        if out.iter().any(|known| known.name == name) {
            return Err(wrong(path, format!("column `{name}` is declared twice")));
        }
        out.push(Column::new(name, ty));
    }
    Ok(out)
}

/// Syslog facilities a rule may name; `*` is all of them.
const FACILITIES: [&str; 25] = [
    "*", "alert", "audit", "auth", "authpriv", "clock", "cron", "daemon", "ftp", "kern", "local0", "local1",
    "local2", "local3", "local4", "local5", "local6", "local7", "lpr", "mail", "news", "ntp", "syslog",
    "user", "uucp",
];
/// Syslog levels a rule may name.
const LEVELS: [&str; 9] =
    ["*", "Debug", "Info", "Notice", "Warning", "Error", "Critical", "Alert", "Emergency"];

/// Checks what agents are told to collect. A kind this server knows nothing of is refused, because rows that
/// never come are worse than an error.
fn check_sources(sources: &Value, flows: &[Value]) -> Result<(), Failure> {
    for (kind, entries) in sources.as_object().into_iter().flatten() {
        let path = format!("properties.dataSources.{kind}");
        for (at, entry) in list(Some(entries)).iter().enumerate() {
            let path = format!("{path}[{at}]");
            for stream in texts(&entry["streams"]) {
                let taken = flows
                    .iter()
                    .any(|flow| texts(&flow["streams"]).any(|name| name.eq_ignore_ascii_case(stream)));
                if !taken {
                    return Err(wrong(
                        &format!("{path}.streams"),
                        format!("no data flow takes the stream `{stream}`"),
                    ));
                }
            }
            match kind.as_str() {
                "syslog" => {
                    one_of(&format!("{path}.facilityNames"), &entry["facilityNames"], &FACILITIES)?;
                    one_of(&format!("{path}.logLevels"), &entry["logLevels"], &LEVELS)?;
                }
                "performanceCounters" => {
                    let seconds = &entry["samplingFrequencyInSeconds"];
                    if !seconds.is_null()
                        && !seconds.as_u64().is_some_and(|seconds| (1..=1_800).contains(&seconds))
                    {
                        let text = "`samplingFrequencyInSeconds` is a number from 1 to 1800";
                        return Err(wrong(&format!("{path}.samplingFrequencyInSeconds"), text));
                    }
                }
                "windowsEventLogs" => check_event_queries(&path, entry)?,
                other => {
                    let text = format!(
                        "data sources of kind `{other}` are not supported; `syslog`, `performanceCounters` and \
                         `windowsEventLogs` are"
                    );
                    return Err(wrong(&path, text));
                }
            }
        }
    }
    Ok(())
}

fn check_event_queries(path: &str, entry: &Value) -> Result<(), Failure> {
    let path = format!("{path}.xPathQueries");
    let queries: Vec<&str> = texts(&entry["xPathQueries"]).collect();
    // The event set `None` has no queries and collects nothing.
    if queries.is_empty() && entry["eventSet"].is_null() {
        return Err(wrong(
            &path,
            "`windowsEventLogs` needs `xPathQueries`, such as `Security!*`, or an `eventSet`",
        ));
    }
    for query in queries {
        EventQuery::parse(query).map_err(|why| wrong(&path, format!("`{query}`: {why}")))?;
    }
    Ok(())
}

fn one_of(path: &str, values: &Value, allowed: &[&str]) -> Result<(), Failure> {
    match texts(values).find(|value| !allowed.iter().any(|known| known.eq_ignore_ascii_case(value))) {
        None => Ok(()),
        Some(value) => {
            let shown: String = value.chars().take(80).collect();
            Err(wrong(path, format!("`{shown}` is not one of {}", allowed.join(", "))))
        }
    }
}

/// Whether a rule collects a Windows event: all are, unless it says which.
pub(crate) fn wants_event(rule: &Resource, event: &EventFacts) -> bool {
    let sources = rule.property("dataSources").unwrap_or(&Value::Null);
    let entries = list(sources.get("windowsEventLogs"));
    if entries.is_empty() {
        return true;
    }
    let mut queries = entries.iter().flat_map(|entry| texts(&entry["xPathQueries"]));
    queries.any(|query| EventQuery::parse(query).is_ok_and(|query| query.matches(event)))
}

/// The columns that rows of `stream` have before any transformation.
fn columns_of(
    app: &App,
    destinations: &[&Destination],
    declarations: &Value,
    stream: &str,
) -> Result<Vec<Column>, Failure> {
    let declared = declarations.as_object().into_iter().flatten();
    if let Some((name, stream)) = declared.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(stream)) {
        return declared_columns(
            &format!("properties.streamDeclarations.{name}.columns"),
            &stream["columns"],
        );
    }
    match destinations.iter().find_map(|destination| known_table(app, &destination.workspace, stream)) {
        Some(table) => Ok(table.columns.clone()),
        None => {
            let shown: String = stream.chars().take(80).collect();
            let text =
                format!("the stream `{shown}` is neither declared in `streamDeclarations` nor a table's");
            Err(wrong("properties.dataFlows", text))
        }
    }
}

/// The table a stream is named after: `Microsoft-<Table>` or `Custom-<Table>_CL`.
pub(crate) fn table_name(stream: &str) -> Option<&str> {
    let after = |prefix: &str| {
        let head = stream.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &stream[prefix.len()..])
    };
    after("Microsoft-").or_else(|| after("Custom-")).filter(|name| !name.is_empty())
}

fn known_table(app: &App, workspace: &Workspace, stream: &str) -> Option<Arc<Table>> {
    app.store.table(workspace.id, table_name(stream)?)
}

/// The transformation of a flow, unless it leaves rows as they are.
fn transform_text(flow: &Value) -> Option<&str> {
    flow["transformKql"].as_str().filter(|text| !matches!(text.trim(), "" | "source"))
}

fn check_length(path: &str, text: &str) -> Result<(), Failure> {
    if text.len() > TRANSFORM_BYTES_MAX {
        return Err(wrong(path, format!("a transformation is at most {TRANSFORM_BYTES_MAX} bytes long")));
    }
    Ok(())
}

pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(Some(value)).iter().filter_map(Value::as_str)
}

pub(super) fn wrong(path: &str, text: impl Into<String>) -> Failure {
    ApiError::field(path, text).into()
}

fn unknown_stream(rule: &Resource, stream: &str) -> Failure {
    let shown: String = stream.chars().take(80).collect();
    Failure(ApiError::coded(
        ErrorKind::Invalid,
        "InvalidStream",
        format!("Stream '{shown}' is not one of the rule '{}': no such flow or table.", rule.id.name()),
    ))
}
