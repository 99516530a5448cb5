//! Custom tables whose shape is ours: of protocols that Log Analytics has no table for. They are made with
//! the first rows that need them, for senders that have no right to make tables.

use bartizan_api::ApiError;
use bartizan_records::Resource;
use bartizan_schema::{Column, KqlType, Table, TableKind};

use crate::app::App;
use crate::http::Failure;
use crate::logs::destination::workspaces_of;

/// A table of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnTable {
    /// OpenTelemetry log records.
    OTelLogs,
    /// Documents that came by Elasticsearch's bulk protocol.
    BeatsLogs,
}

impl OwnTable {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OTelLogs => "OTelLogs_CL",
            Self::BeatsLogs => "BeatsLogs_CL",
        }
    }

    pub(super) fn stream(self) -> String {
        format!("Custom-{}", self.name())
    }

    fn columns(self) -> &'static [(&'static str, KqlType, &'static str)] {
        use KqlType::{DateTime, Dynamic, Int, Long, String};
        match self {
            Self::OTelLogs => &[
                ("TimeGenerated", DateTime, "Time of the record, else when it was observed or arrived."),
                ("ObservedTime", DateTime, "When the collector saw it."),
                ("SeverityNumber", Int, "1 (trace) to 24 (fatal)."),
                ("SeverityText", String, "The source's own name of the severity."),
                ("Message", String, "The body as text."),
                ("Body", Dynamic, "The body with its structure."),
                ("Attributes", Dynamic, "Attributes of the record."),
                ("ResourceAttributes", Dynamic, "Attributes of what produced it."),
                ("ServiceName", String, "`service.name` of the resource."),
                ("Computer", String, "`host.name` of the resource."),
                ("ScopeName", String, "Name of the logger."),
                ("ScopeVersion", String, "Version of the logger."),
                ("ScopeAttributes", Dynamic, "Attributes of the logger."),
                ("TraceId", String, "Trace, in hexadecimal."),
                ("SpanId", String, "Span, in hexadecimal."),
                ("EventName", String, "Name of the event, where the record is one."),
                ("Flags", Long, "Trace flags."),
                ("DroppedAttributesCount", Long, "Attributes that the sender left out."),
            ],
            Self::BeatsLogs => &[
                ("TimeGenerated", DateTime, "`@timestamp` of the document."),
                ("Computer", String, "`host.name`, or what the shipper calls itself."),
                ("Message", String, "`message` or `log`."),
                ("Level", String, "`log.level` or `level`."),
                ("Dataset", String, "`event.dataset`."),
                ("FilePath", String, "`log.file.path`."),
                ("Agent", String, "`agent.type` and `agent.version`."),
                ("Index", String, "The index that the shipper named."),
                ("Document", Dynamic, "The whole document."),
            ],
        }
    }
}

/// The default rule, through which rows of `table` go; makes the table where it is not there.
pub(super) async fn rule(app: &App, table: OwnTable) -> Result<Resource, Failure> {
    let rule = app.records.get(&app.home.default_rule).await?;
    let rule = rule.ok_or_else(|| ApiError::not_found(app.home.default_rule.as_str()))?;
    for workspace in workspaces_of(app, &rule) {
        if app.store.table(workspace.id, table.name()).is_some() {
            continue;
        }
        let column = |(name, ty, description): &(&str, KqlType, &str)| {
            let description = (*description).to_owned();
            Column { name: (*name).to_owned(), ty: *ty, description }
        };
        let declared = Table {
            name: table.name().to_owned(),
            description: "Made by the server with the first rows.".to_owned(),
            kind: TableKind::Custom,
            categories: Vec::new(),
            retention_days: 90,
            columns: table.columns().iter().map(column).collect(),
        };
        app.store.create_table(workspace.id, declared).await?;
    }
    Ok(rule)
}
