//! ArcSight's Common Event Format: `CEF:0|vendor|product|version|class|name|severity|key=value key=value`.
//!
//! In the header `\|` and `\\` are escaped; in the extension `\=`, `\\`, `\n` and `\r`. A value ends where the
//! next ` key=` begins, so values hold spaces freely. Keys that the `CommonSecurityLog` table has a column for
//! go there under the column's name; all others go into `AdditionalExtensions`, so that nothing is lost.

use bartizan_base::Ticks;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// Pairs of one message; a line of the size that listeners take has fewer.
const PAIRS_MAX: usize = 1_000;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CefEvent {
    pub vendor: String,
    pub product: String,
    pub version: String,
    pub class_id: String,
    pub name: String,
    pub severity: String,
    /// In the message's order.
    pub extensions: Vec<(String, String)>,
}

/// Why a text is not a CEF message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CefError {
    /// It does not begin with `CEF:` and a version number.
    Prefix,
    /// It has fewer than seven header fields.
    Header { found: usize },
}

impl std::fmt::Display for CefError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prefix => f.write_str("a CEF message begins with `CEF:` and a version"),
            Self::Header { found } => write!(f, "a CEF header has 7 fields between `|`, this one {found}"),
        }
    }
}

/// Where a syslog message holds CEF: the message itself, or what a parser took for tag `CEF` and message.
pub fn within(process: &str, message: &str) -> Option<String> {
    if message.starts_with("CEF:") {
        return Some(message.to_owned());
    }
    let versioned = message.split_once('|').is_some_and(|(version, _)| {
        let version = version.trim();
        !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    (process == "CEF" && versioned).then(|| format!("CEF:{message}"))
}

/// Reads a message.
///
/// # Errors
/// When it has no CEF header. Whatever the extension holds, it is read as far as it has pairs.
pub fn parse(text: &str) -> Result<CefEvent, CefError> {
    let rest = text.strip_prefix("CEF:").ok_or(CefError::Prefix)?;
    let (fields, extension) = header(rest);
    if fields.len() < 7 {
        return Err(CefError::Header { found: fields.len() });
    }
    let version = fields[0].trim();
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(CefError::Prefix);
    }
    let mut fields = fields.into_iter().skip(1);
    let mut next = || fields.next().unwrap_or_default();
    Ok(CefEvent {
        vendor: next(),
        product: next(),
        version: next(),
        class_id: next(),
        name: next(),
        severity: next(),
        extensions: pairs(extension),
    })
}

/// The seven header fields and what follows them.
fn header(text: &str) -> (Vec<String>, &str) {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, escaped @ ('|' | '\\'))) => field.push(escaped),
                Some((_, other)) => {
                    field.push('\\');
                    field.push(other);
                }
                None => field.push('\\'),
            },
            '|' => {
                fields.push(std::mem::take(&mut field));
                if fields.len() == 7 {
                    return (fields, &text[at + 1..]);
                }
            }
            other => field.push(other),
        }
    }
    // A message without extension may leave out the last `|`.
    fields.push(field);
    (fields, "")
}

/// The pairs of an extension.
fn pairs(text: &str) -> Vec<(String, String)> {
    let bytes = text.as_bytes();
    let mut starts: Vec<(usize, usize)> = Vec::new();
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'=' => {
                let key_start =
                    bytes[..at].iter().rposition(|byte| *byte == b' ').map_or(0, |space| space + 1);
                let key = &bytes[key_start..at];
                // A key never begins before the `=` of the pair before it: then this `=` is part of its value.
                let after = starts.last().is_none_or(|(_, equals)| key_start > *equals);
                if after
                    && !key.is_empty()
                    && key.iter().all(|byte| is_key(*byte))
                    && starts.len() < PAIRS_MAX
                {
                    starts.push((key_start, at));
                }
            }
            _ => {}
        }
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|((start, equals), end)| {
            (text[*start..*equals].to_owned(), unescape(text[equals + 1..end].trim_end()))
        })
        .collect()
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(escaped @ ('=' | '\\' | '|')) => out.push(escaped),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

impl CefEvent {
    /// The columns of a `CommonSecurityLog` row that the message fills.
    pub fn row(&self) -> Map<String, Value> {
        let mut row = Map::new();
        let header = [
            ("DeviceVendor", &self.vendor),
            ("DeviceProduct", &self.product),
            ("DeviceVersion", &self.version),
            ("DeviceEventClassID", &self.class_id),
            ("Activity", &self.name),
            ("LogSeverity", &self.severity),
            ("OriginalLogSeverity", &self.severity),
        ];
        row.extend(header.iter().map(|(column, value)| ((*column).to_owned(), json!(value))));
        let mut additional: Vec<String> = Vec::new();
        for (key, value) in &self.extensions {
            let column = column_of(key).filter(|column| !row.contains_key(*column));
            match column.and_then(|column| Some((column, convert(column, value)?))) {
                Some((column, value)) => {
                    row.insert(column.to_owned(), value);
                }
                None => additional.push(format!("{key}={value}")),
            }
            // The same under the column's second name.
            match key.as_str() {
                "externalId" => drop(row.insert("ExtID".to_owned(), json!(value))),
                "cn1" | "cn2" | "cn3" => {
                    let column = format!("FieldDeviceCustomNumber{}", &key[2..]);
                    row.insert(column, json!(value));
                }
                _ => {}
            }
        }
        if !additional.is_empty() {
            row.insert("AdditionalExtensions".to_owned(), json!(additional.join(";")));
        }
        row
    }
}

/// The column that a key fills.
fn column_of(key: &str) -> Option<&'static str> {
    COLUMNS.iter().find(|(known, _)| *known == key).map(|(_, column)| *column)
}

/// A value as its column takes it; `None` where it does not fit and must be kept as text elsewhere.
fn convert(column: &str, value: &str) -> Option<Value> {
    match column {
        "CommunicationDirection" => Some(json!(match value {
            "0" => "Inbound",
            "1" => "Outbound",
            other => other,
        })),
        "StartTime" | "EndTime" => Some(json!(time(value)?)),
        "EventType"
        | "EventCount"
        | "DestinationPort"
        | "SourcePort"
        | "DestinationTranslatedPort"
        | "SourceTranslatedPort"
        | "DestinationProcessId"
        | "SourceProcessId"
        | "ProcessID"
        | "FileSize"
        | "OldFileSize"
        | "FlexNumber1"
        | "FlexNumber2"
        | "ExternalID"
        | "DeviceCustomNumber1"
        | "DeviceCustomNumber2"
        | "DeviceCustomNumber3" => value.trim().parse::<i32>().ok().map(Value::from),
        "ReceivedBytes" | "SentBytes" => value.trim().parse::<i64>().ok().map(Value::from),
        _ if column.starts_with("DeviceCustomFloatingPoint") && !column.ends_with("Label") => {
            value.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
        }
        _ => Some(json!(value)),
    }
}

/// The forms of a time that CEF allows; without a zone it is UTC.
fn time(value: &str) -> Option<Ticks> {
    let value = value.trim();
    if let Ok(millis) = value.parse::<i64>() {
        return Some(Ticks::from_unix_millis(millis));
    }
    if let Ok(ticks) = Ticks::parse(value) {
        return Some(ticks);
    }
    let forms = ["%b %d %Y %H:%M:%S%.f %Z", "%b %d %Y %H:%M:%S%.f", "%b %d %Y %H:%M:%S"];
    forms.iter().find_map(|form| {
        let parsed = strtime::parse(form, value.trim_end_matches(" UTC").trim_end_matches(" GMT")).ok()?;
        let zoned = parsed.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(Ticks::from_unix_millis(zoned.timestamp().as_millisecond()))
    })
}

/// CEF's dictionary of extension keys, and the columns of `CommonSecurityLog`.
const COLUMNS: &[(&str, &str)] = &[
    ("act", "DeviceAction"),
    ("app", "ApplicationProtocol"),
    ("c6a1", "DeviceCustomIPv6Address1"),
    ("c6a1Label", "DeviceCustomIPv6Address1Label"),
    ("c6a2", "DeviceCustomIPv6Address2"),
    ("c6a2Label", "DeviceCustomIPv6Address2Label"),
    ("c6a3", "DeviceCustomIPv6Address3"),
    ("c6a3Label", "DeviceCustomIPv6Address3Label"),
    ("c6a4", "DeviceCustomIPv6Address4"),
    ("c6a4Label", "DeviceCustomIPv6Address4Label"),
    ("cat", "DeviceEventCategory"),
    ("cfp1", "DeviceCustomFloatingPoint1"),
    ("cfp1Label", "DeviceCustomFloatingPoint1Label"),
    ("cfp2", "DeviceCustomFloatingPoint2"),
    ("cfp2Label", "DeviceCustomFloatingPoint2Label"),
    ("cfp3", "DeviceCustomFloatingPoint3"),
    ("cfp3Label", "DeviceCustomFloatingPoint3Label"),
    ("cfp4", "DeviceCustomFloatingPoint4"),
    ("cfp4Label", "DeviceCustomFloatingPoint4Label"),
    ("cn1", "DeviceCustomNumber1"),
    ("cn1Label", "DeviceCustomNumber1Label"),
    ("cn2", "DeviceCustomNumber2"),
    ("cn2Label", "DeviceCustomNumber2Label"),
    ("cn3", "DeviceCustomNumber3"),
    ("cn3Label", "DeviceCustomNumber3Label"),
    ("cnt", "EventCount"),
    ("cs1", "DeviceCustomString1"),
    ("cs1Label", "DeviceCustomString1Label"),
    ("cs2", "DeviceCustomString2"),
    ("cs2Label", "DeviceCustomString2Label"),
    ("cs3", "DeviceCustomString3"),
    ("cs3Label", "DeviceCustomString3Label"),
    ("cs4", "DeviceCustomString4"),
    ("cs4Label", "DeviceCustomString4Label"),
    ("cs5", "DeviceCustomString5"),
    ("cs5Label", "DeviceCustomString5Label"),
    ("cs6", "DeviceCustomString6"),
    ("cs6Label", "DeviceCustomString6Label"),
    ("destinationDnsDomain", "DestinationDnsDomain"),
    ("destinationServiceName", "DestinationServiceName"),
    ("destinationTranslatedAddress", "DestinationTranslatedAddress"),
    ("destinationTranslatedPort", "DestinationTranslatedPort"),
    ("deviceCustomDate1", "DeviceCustomDate1"),
    ("deviceCustomDate1Label", "DeviceCustomDate1Label"),
    ("deviceCustomDate2", "DeviceCustomDate2"),
    ("deviceCustomDate2Label", "DeviceCustomDate2Label"),
    ("deviceDirection", "CommunicationDirection"),
    ("deviceDnsDomain", "DeviceDnsDomain"),
    ("deviceExternalId", "DeviceExternalID"),
    ("deviceFacility", "DeviceFacility"),
    ("deviceInboundInterface", "DeviceInboundInterface"),
    ("deviceNtDomain", "DeviceNtDomain"),
    ("deviceOutboundInterface", "DeviceOutboundInterface"),
    ("devicePayloadId", "DevicePayloadId"),
    ("deviceProcessName", "ProcessName"),
    ("deviceTranslatedAddress", "DeviceTranslatedAddress"),
    ("dhost", "DestinationHostName"),
    ("dmac", "DestinationMACAddress"),
    ("dntdom", "DestinationNTDomain"),
    ("dpid", "DestinationProcessId"),
    ("dpriv", "DestinationUserPrivileges"),
    ("dproc", "DestinationProcessName"),
    ("dpt", "DestinationPort"),
    ("dst", "DestinationIP"),
    ("dtz", "DeviceTimeZone"),
    ("duid", "DestinationUserID"),
    ("duser", "DestinationUserName"),
    ("dvc", "DeviceAddress"),
    ("dvchost", "DeviceName"),
    ("dvcmac", "DeviceMacAddress"),
    ("dvcpid", "ProcessID"),
    ("end", "EndTime"),
    ("externalId", "ExternalID"),
    ("fileCreateTime", "FileCreateTime"),
    ("fileHash", "FileHash"),
    ("fileId", "FileID"),
    ("fileModificationTime", "FileModificationTime"),
    ("filePath", "FilePath"),
    ("filePermission", "FilePermission"),
    ("fileType", "FileType"),
    ("flexDate1", "FlexDate1"),
    ("flexDate1Label", "FlexDate1Label"),
    ("flexNumber1", "FlexNumber1"),
    ("flexNumber1Label", "FlexNumber1Label"),
    ("flexNumber2", "FlexNumber2"),
    ("flexNumber2Label", "FlexNumber2Label"),
    ("flexString1", "FlexString1"),
    ("flexString1Label", "FlexString1Label"),
    ("flexString2", "FlexString2"),
    ("flexString2Label", "FlexString2Label"),
    ("fname", "FileName"),
    ("fsize", "FileSize"),
    ("in", "ReceivedBytes"),
    ("msg", "Message"),
    ("oldFileCreateTime", "OldFileCreateTime"),
    ("oldFileHash", "OldFileHash"),
    ("oldFileId", "OldFileID"),
    ("oldFileModificationTime", "OldFileModificationTime"),
    ("oldFileName", "OldFileName"),
    ("oldFilePath", "OldFilePath"),
    ("oldFilePermission", "OldFilePermission"),
    ("oldFileSize", "OldFileSize"),
    ("oldFileType", "OldFileType"),
    ("out", "SentBytes"),
    ("outcome", "EventOutcome"),
    ("proto", "Protocol"),
    ("reason", "Reason"),
    ("request", "RequestURL"),
    ("requestClientApplication", "RequestClientApplication"),
    ("requestContext", "RequestContext"),
    ("requestCookies", "RequestCookies"),
    ("requestMethod", "RequestMethod"),
    ("rt", "ReceiptTime"),
    ("shost", "SourceHostName"),
    ("smac", "SourceMACAddress"),
    ("sntdom", "SourceNTDomain"),
    ("sourceDnsDomain", "SourceDnsDomain"),
    ("sourceServiceName", "SourceServiceName"),
    ("sourceTranslatedAddress", "SourceTranslatedAddress"),
    ("sourceTranslatedPort", "SourceTranslatedPort"),
    ("spid", "SourceProcessId"),
    ("spriv", "SourceUserPrivileges"),
    ("sproc", "SourceProcessName"),
    ("spt", "SourcePort"),
    ("src", "SourceIP"),
    ("start", "StartTime"),
    ("suid", "SourceUserID"),
    ("suser", "SourceUserName"),
    ("type", "EventType"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Value {
        Value::Object(parse(text).unwrap().row())
    }

    #[test]
    fn escapes_and_spaces() {
        let row = row(
            r"CEF:0|Acme \| Sons|Fire\\Wall|1.0|100|port scan|7|src=192.0.2.1 msg=user\=root tried a\\b c\nsecond line spt=22 act=blocked by rule 7",
        );
        assert_eq!(row["DeviceVendor"], "Acme | Sons");
        assert_eq!(row["DeviceProduct"], r"Fire\Wall");
        assert_eq!(row["Message"], "user=root tried a\\b c\nsecond line");
        assert_eq!(row["SourcePort"], 22);
        assert_eq!(row["DeviceAction"], "blocked by rule 7");
        assert_eq!(row.get("AdditionalExtensions"), None);
    }

    #[test]
    fn what_has_no_column_or_does_not_fit_is_kept_as_text() {
        let row = row(
            "CEF:0|V|P|1|1|n|Low|cs1Label=Rule cs1=a b dpt=https ad.thing=x y deviceDirection=1 cn1=5000000000 externalId=9 src=1 src=2 end=1767323045000 start=Jan 02 2026 03:04:05",
        );
        assert_eq!(row["DeviceCustomString1"], "a b");
        assert_eq!(row["CommunicationDirection"], "Outbound");
        assert_eq!(row["FieldDeviceCustomNumber1"], "5000000000");
        assert_eq!((row["ExternalID"].clone(), row["ExtID"].clone()), (json!(9), json!("9")));
        assert_eq!(row["EndTime"], "2026-01-02T03:04:05Z");
        assert_eq!(row["StartTime"], "2026-01-02T03:04:05Z");
        assert_eq!(row["SourceIP"], "1");
        assert_eq!(row["AdditionalExtensions"], "dpt=https;ad.thing=x y;cn1=5000000000;src=2");
    }

    #[test]
    fn urls_keep_their_equal_signs() {
        let row = row("CEF:0|V|P|1|1|n|3|request=https://a.example/x?q=1&r=2 requestMethod=GET");
        assert_eq!(row["RequestURL"], "https://a.example/x?q=1&r=2");
        assert_eq!(row["RequestMethod"], "GET");
    }

    #[test]
    fn what_is_no_cef_says_why() {
        for (text, expected) in [
            ("hello", CefError::Prefix),
            ("CEF:", CefError::Header { found: 1 }),
            ("CEF:0|a|b", CefError::Header { found: 3 }),
            ("CEF:x|a|b|c|d|e|f|", CefError::Prefix),
            (r"CEF:0|a\|b|c|d|e|f", CefError::Header { found: 6 }),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        let bare = parse("CEF:0|a|b|c|d|e|f").unwrap();
        assert_eq!((bare.severity.as_str(), bare.extensions.len()), ("f", 0));
        for text in
            ["CEF:0|||||||", "CEF:0|a|b|c|d|e|f|=x", "CEF:0|a|b|c|d|e|f|a=\\", "CEF:0|a|b|c|d|e|f|é=1 k=ü\\"]
        {
            parse(text).unwrap().row();
        }
    }

    #[test]
    fn cef_is_found_in_syslog() {
        assert_eq!(within("CEF", "0|V|P|1|1|n|3|").as_deref(), Some("CEF:0|V|P|1|1|n|3|"));
        assert_eq!(within("fw", "CEF:0|V|P|1|1|n|3|").as_deref(), Some("CEF:0|V|P|1|1|n|3|"));
        assert_eq!(within("fw", "0|V|P"), None);
        assert_eq!(within("CEF", "text | text"), None);
    }
}
