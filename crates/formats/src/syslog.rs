//! Reading syslog lines in the forms that Linux daemons and log files really have.
//!
//! In order: an optional `<PRI>`; then RFC 5424 (`1 2026-01-02T03:04:05Z host app pid msgid sd msg`), an ISO
//! timestamp (rsyslog's default since 2023) or a traditional one (`Jan  2 03:04:05`, without year or zone);
//! then host, `tag[pid]:` and the message. Whatever does not fit is still an entry: the whole line as message.

use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use bartizan_base::{Ticks, Timespan};
use jiff::civil;
use jiff::tz::TimeZone;

/// Longest process name taken; RFC 5424 allows 48, daemons with paths have more.
const TAG_BYTES_MAX: usize = 128;

/// What a line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyslogEntry {
    pub time: Option<Ticks>,
    pub host: Option<String>,
    pub process: String,
    pub pid: Option<i32>,
    pub message: String,
    /// `auth`, `authpriv`, `kern` …
    pub facility: String,
    /// `emerg` … `debug`, as the Syslog table has them.
    pub severity: String,
}

/// What a log file means for lines that do not say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineDefaults<'a> {
    /// A fixed facility from the settings.
    pub facility: Option<&'a str>,
    /// Name of the file, without folder.
    pub file_name: &'a str,
}

/// Reads a line of a log file.
pub fn parse_line(line: &str, defaults: LineDefaults<'_>, now: Ticks, zone: &TimeZone) -> SyslogEntry {
    let (priority, rest) = split_priority(line);
    let mut entry = parse_rest(rest, true, now, zone);
    name_facility(&mut entry, priority, defaults);
    entry
}

/// Reads a message from a local socket, which has no host name.
pub fn parse_message(message: &str, now: Ticks, zone: &TimeZone) -> SyslogEntry {
    let (priority, rest) = split_priority(message);
    let mut entry = parse_rest(rest, false, now, zone);
    name_facility(&mut entry, priority, LineDefaults { facility: None, file_name: "" });
    entry
}

/// Reads a message from the network, and says whether it was one: without a valid `<PRI>` it is a raw line,
/// kept whole, with the facility and severity that RFC 3164 gives to such (`user.notice`).
pub fn parse_network(message: &str, now: Ticks, zone: &TimeZone) -> (SyslogEntry, bool) {
    let message = message.trim_end_matches(['\0', '\r', '\n']);
    let (Some(priority), rest) = split_priority(message) else {
        let entry = SyslogEntry {
            message: message.to_owned(),
            facility: "user".to_owned(),
            severity: "notice".to_owned(),
            ..SyslogEntry::default()
        };
        return (entry, false);
    };
    let mut entry = parse_rest(rest, true, now, zone);
    name_facility(&mut entry, Some(priority), LineDefaults { facility: None, file_name: "" });
    (entry, true)
}

/// Names of RFC 5424's facilities, by number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Names of the severities, by number, as the Azure Monitor Agent writes them.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The name of a facility number, or empty.
pub fn facility_name(number: usize) -> &'static str {
    FACILITIES.get(number).copied().unwrap_or("")
}

/// The name of a severity number, or empty.
pub fn severity_name(number: usize) -> &'static str {
    SEVERITIES.get(number).copied().unwrap_or("")
}

fn split_priority(line: &str) -> (Option<usize>, &str) {
    let split = || {
        let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
        let good =
            !number.is_empty() && number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: usize = number.parse().ok().filter(|number| good && *number < FACILITIES.len() * 8)?;
        Some((number, rest))
    };
    split().map_or((None, line), |(number, rest)| (Some(number), rest))
}

fn parse_rest(text: &str, has_host: bool, now: Ticks, zone: &TimeZone) -> SyslogEntry {
    if let Some(entry) = parse_rfc5424(text) {
        return entry;
    }
    let Some((time, rest)) = iso_time(text).or_else(|| traditional_time(text, now, zone)) else {
        return untimed(text);
    };
    let (host, rest) = match rest.split_once(' ') {
        Some((host, rest)) if has_host && !host.is_empty() && !host.ends_with(':') => {
            (Some(host.to_owned()), rest)
        }
        _ => (None, rest),
    };
    let (process, pid, message) = split_tag(rest);
    SyslogEntry { time: Some(time), host, process, pid, message, ..SyslogEntry::default() }
}

fn untimed(text: &str) -> SyslogEntry {
    let (process, pid, message) = split_tag(text);
    // Without a timestamp a colon alone proves nothing: only `name[pid]:` counts as a tag.
    if pid.is_some() {
        return SyslogEntry { process, pid, message, ..SyslogEntry::default() };
    }
    SyslogEntry { message: text.trim_end().to_owned(), ..SyslogEntry::default() }
}

fn parse_rfc5424(text: &str) -> Option<SyslogEntry> {
    let mut parts = text.strip_prefix("1 ")?.splitn(6, ' ');
    let mut next = || parts.next().map(|part| if part == "-" { "" } else { part });
    let (time, host, process, pid, _message_id, rest) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    let time = if time.is_empty() { None } else { Some(Ticks::parse(time).ok()?) };
    let message = after_structured_data(rest)?;
    Some(SyslogEntry {
        time,
        host: (!host.is_empty()).then(|| host.to_owned()),
        process: process.to_owned(),
        pid: pid.parse().ok(),
        message: message.trim_start_matches('\u{feff}').trim_end().to_owned(),
        ..SyslogEntry::default()
    })
}

/// Skips `-` or `[id key="value"]…`; inside a value `\]` and `\"` are escaped.
fn after_structured_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest.strip_prefix(' ').unwrap_or(rest));
    }
    let (mut quoted, mut escaped, mut open) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => open = true,
            ']' if !quoted => open = false,
            ' ' if !open => return Some(&text[at + 1..]),
            _ if !open => return None,
            _ => {}
        }
    }
    (!open).then_some("")
}

fn iso_time(text: &str) -> Option<(Ticks, &str)> {
    let (time, rest) = text.split_once(' ')?;
    (time.len() >= 19 && time.as_bytes()[10] == b'T')
        .then(|| Ticks::parse(time).ok())
        .flatten()
        .map(|time| (time, rest))
}

/// `Jan  2 03:04:05 `, in the machine's time zone and the year that puts it nearest before tomorrow.
fn traditional_time<'a>(text: &'a str, now: Ticks, zone: &TimeZone) -> Option<(Ticks, &'a str)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let stamp = text.get(..15)?;
    let bytes = stamp.as_bytes();
    if bytes[3] != b' ' || bytes[6] != b' ' || bytes[9] != b':' || bytes[12] != b':' {
        return None;
    }
    let month = 1 + MONTHS.iter().position(|month| stamp.starts_with(month))? as i8;
    let number = |from: usize, to: usize| stamp.get(from..to)?.trim_start().parse::<i8>().ok();
    let (day, hour, minute, second) = (number(4, 6)?, number(7, 9)?, number(10, 12)?, number(13, 15)?);
    let latest = now.saturating_add(Timespan(TICKS_PER_DAY));
    let this_year = now.civil().0 as i16;
    let candidates = [this_year + 1, this_year, this_year - 1];
    let time = candidates.into_iter().find_map(|year| {
        let local = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let utc = local.to_zoned(zone.clone()).ok()?.timestamp();
        let ticks = Ticks::from_unix_millis(0).saturating_add(Timespan(utc.as_second() * TICKS_PER_SECOND));
        (ticks <= latest).then_some(ticks)
    })?;
    let rest = &text[15..];
    Some((time, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// Splits `tag[pid]: message` or `tag: message`; without such a tag all is message.
fn split_tag(text: &str) -> (String, Option<i32>, String) {
    let text = text.trim_end();
    let tag_end = text.bytes().take(TAG_BYTES_MAX).position(|byte| matches!(byte, b':' | b'[' | b' '));
    let none = || (String::new(), None, text.to_owned());
    let Some(end) = tag_end.filter(|end| *end > 0) else { return none() };
    let (tag, rest) = text.split_at(end);
    if let Some(message) = rest.strip_prefix(':') {
        return (tag.to_owned(), None, message.strip_prefix(' ').unwrap_or(message).to_owned());
    }
    let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let Some((pid, message)) = bracketed else { return none() };
    let Ok(pid) = pid.parse() else { return none() };
    let message = message.strip_prefix(':').unwrap_or(message);
    (tag.to_owned(), Some(pid), message.strip_prefix(' ').unwrap_or(message).to_owned())
}

fn name_facility(entry: &mut SyslogEntry, priority: Option<usize>, defaults: LineDefaults<'_>) {
    if let Some(priority) = priority {
        facility_name(priority / 8).clone_into(&mut entry.facility);
        severity_name(priority % 8).clone_into(&mut entry.severity);
        return;
    }
    let facility = defaults.facility.unwrap_or_else(|| facility_of(defaults.file_name, entry));
    entry.facility = facility.to_owned();
    entry.severity = severity_of(&entry.message).to_owned();
}

/// Files do not keep the facility. The file's name tells most; in mixed files the program does.
fn facility_of(file_name: &str, entry: &SyslogEntry) -> &'static str {
    let base = file_name.split('.').next().unwrap_or_default();
    match base {
        // Debian's file holds both: sshd logs to auth, PAM and sudo to authpriv.
        "auth" if entry.process == "sshd" && !entry.message.starts_with("pam_") => "auth",
        "auth" | "secure" => "authpriv",
        "kern" => "kern",
        "daemon" => "daemon",
        "user" => "user",
        "cron" => "cron",
        "mail" | "maillog" => "mail",
        _ => facility_of_program(&entry.process),
    }
}

fn facility_of_program(process: &str) -> &'static str {
    match process.to_ascii_lowercase().as_str() {
        "kernel" => "kern",
        "cron" | "crond" | "anacron" => "cron",
        "sshd" => "auth",
        "sudo" | "su" | "login" | "passwd" | "useradd" | "usermod" | "userdel" | "groupadd" => "authpriv",
        "rsyslogd" | "syslogd" => "syslog",
        name if name.starts_with("postfix") || name.starts_with("dovecot") => "mail",
        name if name.starts_with("systemd") || name.ends_with('d') => "daemon",
        _ => "user",
    }
}

/// Files do not keep the severity either; programs often write it as the first word.
fn severity_of(message: &str) -> &'static str {
    let word = message.split([':', ' ']).next().unwrap_or_default().trim_matches(['[', ']', '<', '>']);
    match word.to_ascii_lowercase().as_str() {
        "emerg" | "panic" => "emerg",
        "fatal" | "crit" | "critical" => "crit",
        "error" | "err" => "err",
        "warning" | "warn" => "warning",
        "notice" => "notice",
        "debug" => "debug",
        _ => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Ticks {
        Ticks::parse("2026-03-01T12:00:00Z").unwrap()
    }

    fn line(text: &str, file_name: &str) -> SyslogEntry {
        parse_line(text, LineDefaults { facility: None, file_name }, now(), &TimeZone::UTC)
    }

    /// `time host facility.severity process[pid] message`
    fn print(entry: &SyslogEntry) -> String {
        format!(
            "{} {} {}.{} {}[{}] {}",
            entry.time.map_or("-".to_owned(), |time| time.to_string()),
            entry.host.as_deref().unwrap_or("-"),
            entry.facility,
            entry.severity,
            entry.process,
            entry.pid.map_or("-".to_owned(), |pid| pid.to_string()),
            entry.message
        )
    }

    #[test]
    fn lines_of_log_files() {
        let cases = [
            (
                "auth.log",
                "Feb 28 23:59:58 web-1 sshd[812]: Failed password for root from 192.0.2.7 port 22 ssh2",
                "2026-02-28T23:59:58Z web-1 auth.info sshd[812] Failed password for root from 192.0.2.7 port 22 ssh2",
            ),
            (
                "auth.log",
                "2026-03-01T10:00:00.250000+01:00 web-1 sudo: pam_unix(sudo:session): session opened",
                "2026-03-01T09:00:00.25Z web-1 authpriv.info sudo[-] pam_unix(sudo:session): session opened",
            ),
            (
                "syslog",
                "Dec 31 23:00:00 h kernel: [1.0] x",
                "2025-12-31T23:00:00Z h kern.info kernel[-] [1.0] x",
            ),
            (
                "syslog",
                "Mar  1 09:00:00 h CRON[7]: (root) CMD (x)",
                "2026-03-01T09:00:00Z h cron.info CRON[7] (root) CMD (x)",
            ),
            (
                "secure",
                "<38>Mar  1 09:00:00 h sshd[7]: error: y",
                "2026-03-01T09:00:00Z h auth.info sshd[7] error: y",
            ),
            (
                "messages",
                "Mar  1 09:00:00 h app: error: disk full",
                "2026-03-01T09:00:00Z h user.err app[-] error: disk full",
            ),
            (
                "x",
                "<165>1 2026-01-02T03:04:05.5Z host app 42 ID7 [a@1 k=\"v \\] w\"] the text",
                "2026-01-02T03:04:05.5Z host local4.notice app[42] the text",
            ),
            ("x", "<34>1 - - - - - - bare", "- - auth.crit [-] bare"),
        ];
        for (file, text, expected) in cases {
            assert_eq!(print(&line(text, file)), expected, "{text}");
        }
    }

    #[test]
    fn a_socket_message_has_no_host() {
        let entry = parse_message("<86>Mar  1 09:00:00 sshd[99]: Accepted publickey", now(), &TimeZone::UTC);
        assert_eq!(print(&entry), "2026-03-01T09:00:00Z - authpriv.info sshd[99] Accepted publickey");
        let entry = parse_message("<13>prog[5]: no time", now(), &TimeZone::UTC);
        assert_eq!(print(&entry), "- - user.notice prog[5] no time");
    }

    #[test]
    fn garbage_stays_whole_as_the_message() {
        for text in [
            "",
            " ",
            "<",
            "<999>x",
            "<>x",
            "1 x",
            "1 - - - - - [",
            "Feb 30 99:99:99 h p: m",
            "Xxx  1 00:00:00 h p: m",
            "2026-99-01T00:00:00Z h p: m",
            "ééééééééééééééééééé",
            "<13",
            "[[[[",
            "a[b]: c",
            "\u{0}\u{1}\u{fffd}",
        ] {
            let entry = line(text, "syslog");
            assert_eq!(entry.time, None, "{text:?}");
            assert_eq!(entry.message, text.trim_end(), "{text:?}");
        }
    }

    #[test]
    fn a_network_message_needs_a_priority() {
        let read = |text: &str| {
            let (entry, whole) = parse_network(text, now(), &TimeZone::UTC);
            format!("{whole} {}", print(&entry))
        };
        let cases = [
            ("<34>Feb 28 10:00:00 fw1 su: failed\n", "true 2026-02-28T10:00:00Z fw1 auth.crit su[-] failed"),
            ("<13>1 2026-02-28T10:00:00Z h a 7 - - m", "true 2026-02-28T10:00:00Z h user.notice a[7] m"),
            ("<13>no time at all", "true - - user.notice [-] no time at all"),
            ("Feb 28 10:00:00 fw1 su: failed", "false - - user.notice [-] Feb 28 10:00:00 fw1 su: failed"),
            ("<1000>x", "false - - user.notice [-] <1000>x"),
            ("", "false - - user.notice [-] "),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_local_time_is_moved_to_utc() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let defaults = LineDefaults { facility: Some("local1"), file_name: "a" };
        let entry = parse_line("Mar  1 09:00:00 h p: m", defaults, now(), &zone);
        assert_eq!(print(&entry), "2026-03-01T07:00:00Z h local1.info p[-] m");
    }
}
