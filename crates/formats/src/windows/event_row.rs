//! Windows events as rows: from an `.evtx` record or from Winlogbeat's document to `SecurityEvent`, `Event` or
//! `WindowsEvent`.

use bartizan_base::Ticks;
use serde_json::{Map, Value, json};

use super::EventFacts;

/// Values of one event that are kept.
const DATA_MAX: usize = 500;

/// The table an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventTable {
    /// The Security channel and AppLocker's.
    SecurityEvent,
    /// The System and Application channels.
    Event,
    /// All others.
    WindowsEvent,
}

impl EventTable {
    /// The table's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SecurityEvent => "SecurityEvent",
            Self::Event => "Event",
            Self::WindowsEvent => "WindowsEvent",
        }
    }
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowsEvent {
    pub facts: EventFacts,
    pub time: Option<Ticks>,
    pub version: Option<i64>,
    pub record_id: String,
    pub process_id: Option<i64>,
    pub thread_id: Option<i64>,
    pub user_id: String,
    pub activity_id: String,
    /// As the source wrote them: a hexadecimal number, or names.
    pub keywords: String,
    /// Named values of `EventData` or `UserData`; values without a name are called `Data1`, `Data2` …
    pub data: Vec<(String, Value)>,
    /// The text in words, where the source has it.
    pub message: String,
}

impl WindowsEvent {
    /// Reads a record of an `.evtx` file in the JSON form of the `evtx` crate; `None` when it is none.
    pub fn of_evtx(record: &Value) -> Option<Self> {
        let event = record.get("Event")?;
        let system = event.get("System")?;
        let attribute = |name: &str, attribute: &str| &system[name]["#attributes"][attribute];
        let keywords = text(&system["Keywords"]);
        let facts = EventFacts {
            channel: text(&system["Channel"]),
            provider: text(attribute("Provider", "Name")),
            event_id: u32::try_from(number(&system["EventID"])?).ok()?,
            level: unsigned(&system["Level"]),
            task: unsigned(&system["Task"]),
            opcode: unsigned(&system["Opcode"]),
            keywords: hexadecimal(&keywords).unwrap_or(0),
            computer: text(&system["Computer"]),
        };
        let mut data = Vec::new();
        for part in ["EventData", "UserData"] {
            collect(&event[part], "", &mut data);
        }
        Some(Self {
            facts,
            time: Ticks::parse(&text(attribute("TimeCreated", "SystemTime"))).ok(),
            version: number(&system["Version"]),
            record_id: text(&system["EventRecordID"]),
            process_id: number(attribute("Execution", "ProcessID")),
            thread_id: number(attribute("Execution", "ThreadID")),
            user_id: text(attribute("Security", "UserID")),
            activity_id: text(attribute("Correlation", "ActivityID")),
            keywords,
            data,
            message: String::new(),
        })
    }

    /// Reads a document of Winlogbeat; `None` when it is none.
    pub fn of_winlogbeat(document: &Value) -> Option<Self> {
        let log = document.get("winlog")?;
        let channel = text(&log["channel"]);
        let event_id = u32::try_from(number(&log["event_id"])?).ok()?;
        let level = document["log"]["level"].as_str().unwrap_or_default().to_ascii_lowercase();
        let keywords: Vec<String> = log["keywords"].as_array().into_iter().flatten().map(text).collect();
        let facts = EventFacts {
            channel,
            provider: text(&log["provider_name"]),
            event_id,
            level: match level.as_str() {
                "critical" => 1,
                "error" => 2,
                "warning" => 3,
                "information" | "info" => 4,
                "verbose" => 5,
                _ => 0,
            },
            // Winlogbeat has the names of task and opcode, not their numbers.
            task: unsigned(&log["task"]),
            opcode: unsigned(&log["opcode"]),
            keywords: keywords.iter().fold(0, |bits, name| bits | keyword_bits(name)),
            computer: text(&log["computer_name"]),
        };
        let mut data = Vec::new();
        for part in ["event_data", "user_data"] {
            collect(&log[part], "", &mut data);
        }
        Some(Self {
            facts,
            time: Ticks::parse(&text(&document["@timestamp"])).ok(),
            version: number(&log["version"]),
            record_id: text(&log["record_id"]),
            process_id: number(&log["process"]["pid"]),
            thread_id: number(&log["process"]["thread"]["id"]),
            user_id: text(&log["user"]["identifier"]),
            activity_id: text(&log["activity_id"]),
            keywords: keywords.join(", "),
            data,
            message: text(&document["message"]),
        })
    }

    /// Where the event belongs.
    pub fn table(&self) -> EventTable {
        let channel = self.facts.channel.to_ascii_lowercase();
        match channel.as_str() {
            "security" => EventTable::SecurityEvent,
            "system" | "application" => EventTable::Event,
            _ if channel.starts_with("microsoft-windows-applocker/") => EventTable::SecurityEvent,
            _ => EventTable::WindowsEvent,
        }
    }

    /// The row of [`WindowsEvent::table`]. `has` says which columns the table has: values of the event
    /// that have a column of their own go there too.
    pub fn row(&self, has: impl Fn(&str) -> bool) -> Map<String, Value> {
        self.row_of(self.table(), has)
    }

    /// The row of a table of the caller's choice.
    pub fn row_of(&self, table: EventTable, has: impl Fn(&str) -> bool) -> Map<String, Value> {
        let mut row = Map::new();
        let mut set = |column: &str, value: Value| {
            let absent = value.is_null() || value.as_str() == Some("");
            if !absent && has(column) {
                row.insert(column.to_owned(), value);
            }
        };
        set("TimeGenerated", json!(self.time));
        set("Computer", json!(self.facts.computer));
        set("EventID", json!(self.facts.event_id));
        set("EventLevelName", json!(level_name(self.facts.level)));
        match table {
            EventTable::SecurityEvent => self.security(&mut set),
            EventTable::Event => {
                set("EventLog", json!(self.facts.channel));
                set("Source", json!(self.facts.provider));
                set("EventLevel", json!(self.facts.level));
                set("EventCategory", json!(self.facts.task));
                set("RenderedDescription", json!(self.message));
                set("EventData", json!(self.data_xml()));
                set("ParameterXml", json!(self.parameters_xml()));
                set("UserName", json!(self.user_id));
            }
            EventTable::WindowsEvent => {
                set("EventLevel", json!(self.facts.level));
                set("Provider", json!(self.facts.provider));
                set("EventData", Value::Object(self.data.iter().cloned().collect()));
                self.system(&mut set);
            }
        }
        set("SourceSystem", json!("Windows"));
        row
    }

    fn system(&self, set: &mut impl FnMut(&str, Value)) {
        set("Channel", json!(self.facts.channel));
        set("Task", json!(self.facts.task));
        set("Opcode", json!(self.facts.opcode.to_string()));
        set("Keywords", json!(self.keywords));
        set("Version", json!(self.version));
        set("EventRecordId", json!(self.record_id));
        set("SystemProcessId", json!(self.process_id));
        set("SystemThreadId", json!(self.thread_id));
        set("SystemUserId", json!(self.user_id));
        set("Correlation", json!(self.activity_id));
    }

    fn security(&self, set: &mut impl FnMut(&str, Value)) {
        // First what the event says itself; what is worked out from it never covers that.
        for (name, value) in &self.data {
            if !SYSTEM_COLUMNS.contains(&name.as_str()) {
                set(name, json!(text(value)));
            }
        }
        self.system(set);
        set("Level", json!(self.facts.level.to_string()));
        set("EventSourceName", json!(self.facts.provider));
        set("EventData", json!(self.data_xml()));
        let first_line = self.message.lines().next().unwrap_or_default().trim();
        let activity = match first_line {
            "" => self.facts.event_id.to_string(),
            line => format!("{} - {line}", self.facts.event_id),
        };
        set("Activity", json!(activity));
        let subject = self.account("SubjectDomainName", "SubjectUserName");
        let target = self.account("TargetDomainName", "TargetUserName");
        let about_target = !target.is_empty() && SIGN_INS.contains(&self.facts.event_id);
        let account = if about_target || subject.is_empty() { target.clone() } else { subject.clone() };
        if !account.is_empty() {
            set("AccountType", json!(if account.ends_with('$') { "Machine" } else { "User" }));
            let (domain, name) = account.rsplit_once('\\').unwrap_or(("", &account));
            set("AccountDomain", json!(domain));
            set("AccountName", json!(name));
        }
        set("Account", json!(account));
        set("SubjectAccount", json!(subject));
        set("TargetAccount", json!(target));
        if let Ok(logon) = self.datum("LogonType").parse::<i64>() {
            set("LogonTypeName", json!(logon_name(logon)));
        }
        let program = [self.datum("NewProcessName"), self.datum("ProcessName")];
        let program = program.iter().find(|path| !path.is_empty()).cloned().unwrap_or_default();
        set("Process", json!(program.rsplit('\\').next().unwrap_or_default()));
    }

    fn datum(&self, name: &str) -> String {
        self.data.iter().find(|(known, _)| known == name).map(|(_, value)| text(value)).unwrap_or_default()
    }

    /// `DOMAIN\name`; Windows writes `-` for what is not known.
    fn account(&self, domain: &str, name: &str) -> String {
        let known = |value: String| if value == "-" { String::new() } else { value };
        match (known(self.datum(domain)), known(self.datum(name))) {
            (_, name) if name.is_empty() => String::new(),
            (domain, name) if domain.is_empty() => name,
            (domain, name) => format!("{domain}\\{name}"),
        }
    }

    fn data_xml(&self) -> String {
        if self.data.is_empty() {
            return String::new();
        }
        let values = self
            .data
            .iter()
            .map(|(name, value)| format!("<Data Name=\"{}\">{}</Data>", escape(name), escape(&text(value))));
        format!("<EventData>{}</EventData>", values.collect::<String>())
    }

    fn parameters_xml(&self) -> String {
        self.data.iter().map(|(_, value)| format!("<Param>{}</Param>", escape(&text(value)))).collect()
    }
}

/// Columns about the record itself, which a value of the same name must not cover.
const SYSTEM_COLUMNS: &[&str] = &[
    "TimeGenerated",
    "Computer",
    "EventID",
    "Channel",
    "EventData",
    "EventRecordId",
    "Type",
    "TenantId",
    "SourceSystem",
    "_ResourceId",
    "_SubscriptionId",
];

/// Events about who signs in, where the account in question is the target.
const SIGN_INS: &[u32] = &[4624, 4625, 4634, 4647, 4648, 4768, 4769, 4771, 4776, 4778, 4779, 4800, 4801];

fn level_name(level: u64) -> &'static str {
    match level {
        0 => "LogAlways",
        1 => "Critical",
        2 => "Error",
        3 => "Warning",
        4 => "Information",
        5 => "Verbose",
        _ => "",
    }
}

/// The documented names of logon types.
fn logon_name(logon: i64) -> String {
    let name = match logon {
        0 => "System",
        2 => "Interactive",
        3 => "Network",
        4 => "Batch",
        5 => "Service",
        7 => "Unlock",
        8 => "NetworkCleartext",
        9 => "NewCredentials",
        10 => "RemoteInteractive",
        11 => "CachedInteractive",
        12 => "CachedRemoteInteractive",
        13 => "CachedUnlock",
        _ => return logon.to_string(),
    };
    format!("{logon} - {name}")
}

/// The bits of the keywords that Winlogbeat names.
fn keyword_bits(name: &str) -> u64 {
    match name {
        "Audit Failure" => 0x0010_0000_0000_0000,
        "Audit Success" => 0x0020_0000_0000_0000,
        "Classic" => 0x0080_0000_0000_0000,
        _ => 0,
    }
}

/// The named values below `value`, nested ones under `outer.inner`.
fn collect(value: &Value, prefix: &str, out: &mut Vec<(String, Value)>) {
    let Some(members) = value.as_object() else { return };
    for (name, value) in members {
        if out.len() >= DATA_MAX {
            return;
        }
        match (name.as_str(), value) {
            ("#attributes", _) | (_, Value::Null) => {}
            // Values without names, of old programs.
            ("Data", Value::Object(_) | Value::Array(_)) | ("#text", Value::Array(_)) => {
                let unnamed = value.get("#text").unwrap_or(value);
                let values = unnamed.as_array().cloned().unwrap_or_else(|| vec![unnamed.clone()]);
                for (at, value) in values.into_iter().enumerate().take(DATA_MAX) {
                    out.push((format!("Data{}", at + 1), value));
                }
            }
            (_, Value::Object(inner)) => match inner.get("#text") {
                Some(text) => out.push((joined(prefix, name), text.clone())),
                // `UserData` wraps its values in an element named after the event.
                None => collect(value, prefix, out),
            },
            _ => out.push((joined(prefix, name), value.clone())),
        }
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// A value as text; an element with attributes holds it in `#text`.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(members) => members.get("#text").map(text).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn number(value: &Value) -> Option<i64> {
    let text = text(value);
    text.trim().parse().ok().or_else(|| i64::try_from(hexadecimal(&text)?).ok())
}

fn unsigned(value: &Value) -> u64 {
    number(value).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evtx() -> Value {
        json!({"Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
                "EventID": {"#attributes": {"Qualifiers": ""}, "#text": 4625}, "Version": 0, "Level": 0, "Task": 12544,
                "Opcode": 0, "Keywords": "0x8010000000000000",
                "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05.123456Z"}},
                "EventRecordID": 77, "Correlation": null,
                "Execution": {"#attributes": {"ProcessID": 4, "ThreadID": 8}},
                "Channel": "Security", "Computer": "dc1.example", "Security": null,
            },
            "EventData": {
                "SubjectUserName": "-", "SubjectDomainName": "-", "TargetUserName": "admin", "TargetDomainName": "EX",
                "LogonType": 3, "IpAddress": "192.0.2.9", "SubStatus": "0xc000006a", "Computer": "lies", "Odd": "<&>",
                "ProcessName": "C:\\Windows\\System32\\svchost.exe",
            },
        }})
    }

    #[test]
    fn a_failed_sign_in_becomes_a_security_event() {
        let event = WindowsEvent::of_evtx(&evtx()).unwrap();
        assert_eq!(event.table(), EventTable::SecurityEvent);
        assert_eq!(event.facts.keywords, 0x8010_0000_0000_0000);
        let row = Value::Object(event.row(|column| column != "Odd"));
        for (column, expected) in [
            ("TimeGenerated", json!("2026-01-02T03:04:05.123456Z")),
            ("EventID", json!(4625)),
            ("Computer", json!("dc1.example")),
            ("TargetUserName", json!("admin")),
            ("Account", json!("EX\\admin")),
            ("TargetAccount", json!("EX\\admin")),
            ("AccountType", json!("User")),
            ("LogonTypeName", json!("3 - Network")),
            ("IpAddress", json!("192.0.2.9")),
            ("Process", json!("svchost.exe")),
            ("Activity", json!("4625")),
        ] {
            assert_eq!(row[column], expected, "{column}");
        }
        assert_eq!((row.get("SubjectAccount"), row.get("Odd")), (None, None));
        assert!(row["EventData"].as_str().unwrap().contains("<Data Name=\"Odd\">&lt;&amp;&gt;</Data>"));
    }

    #[test]
    fn winlogbeat_says_the_same() {
        let document = json!({
            "@timestamp": "2026-01-02T03:04:05.123Z", "message": "An account failed to log on.\n\nSubject:",
            "log": {"level": "information"},
            "winlog": {
                "channel": "Security", "event_id": "4625", "provider_name": "Microsoft-Windows-Security-Auditing",
                "record_id": 77, "computer_name": "dc1.example", "keywords": ["Audit Failure"], "task": "Logon",
                "process": {"pid": 4, "thread": {"id": 8}},
                "event_data": {"TargetUserName": "admin", "TargetDomainName": "EX", "LogonType": "3"},
            },
        });
        let event = WindowsEvent::of_winlogbeat(&document).unwrap();
        let row = Value::Object(event.row(|_| true));
        assert_eq!(row["Account"], "EX\\admin");
        assert_eq!(row["Activity"], "4625 - An account failed to log on.");
        assert_eq!((row["SystemProcessId"].clone(), row["EventRecordId"].clone()), (json!(4), json!("77")));
        assert_eq!(WindowsEvent::of_winlogbeat(&json!({"message": "x"})), None);
    }

    #[test]
    fn other_channels_go_elsewhere() {
        let mut record = evtx();
        record["Event"]["System"]["Channel"] = "System".into();
        record["Event"]["EventData"] = json!({"Data": {"#text": ["one", "two"]}});
        let event = WindowsEvent::of_evtx(&record).unwrap();
        let row = Value::Object(event.row(|_| true));
        assert_eq!(event.table(), EventTable::Event);
        assert_eq!(row["ParameterXml"], "<Param>one</Param><Param>two</Param>");
        record["Event"]["System"]["Channel"] = "Microsoft-Windows-Sysmon/Operational".into();
        record["Event"]["EventData"] = Value::Null;
        record["Event"]["UserData"] =
            json!({"Wrapper": {"#attributes": {"xmlns": "x"}, "Name": "v", "Deep": {"#text": 5}}});
        let event = WindowsEvent::of_evtx(&record).unwrap();
        assert_eq!(event.table(), EventTable::WindowsEvent);
        assert_eq!(event.row(|_| true)["EventData"], json!({"Name": "v", "Deep": 5}));
        for odd in
            [json!({}), json!({"Event": {}}), json!({"Event": {"System": {"EventID": "x"}}}), json!([])]
        {
            assert_eq!(WindowsEvent::of_evtx(&odd), None, "{odd}");
        }
    }
}
