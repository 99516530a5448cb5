//! Process events as rows of `DeviceProcessEvents`.

use serde_json::{Map, Value, json};

use crate::event::{Action, DeviceIdentity, Image, Process, ProcessEvent};

impl ProcessEvent {
    /// The event as a row. Columns that have nothing to say are left out rather than sent as null.
    pub fn to_row(&self, device: &DeviceIdentity) -> Map<String, Value> {
        let mut row = Row { map: Map::with_capacity(48), domain: &device.device_name };
        row.put("TimeGenerated", self.time.to_string());
        row.put("DeviceId", device.device_id.as_str());
        row.put("DeviceName", device.device_name.as_str());
        row.put("ActionType", self.action_type());
        row.put("ReportId", self.sequence);
        row.process(&self.process);
        if let Some(parent) = &self.parent {
            row.initiator(parent);
        } else if let Some(key) = self.process.parent {
            row.put("InitiatingProcessId", key.pid);
        }
        if let Some(grandparent) = &self.grandparent {
            row.put("InitiatingProcessParentCreationTime", grandparent.created.to_string());
            row.put("InitiatingProcessParentFileName", file_name(grandparent));
        }
        row.put("AdditionalFields", self.additional_fields());
        row.map
    }

    fn action_type(&self) -> &'static str {
        match self.action {
            Action::Created => "ProcessCreated",
            Action::Terminated { .. } => "ProcessTerminated",
            Action::Forked => "ProcessForked",
        }
    }

    fn additional_fields(&self) -> Value {
        let process = &self.process;
        let image = &process.image;
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        if let Action::Terminated { exit_code, signal } = self.action {
            put("exitCode", exit_code.map(Value::from));
            put("signal", signal.map(Value::from));
        }
        put("memfd", image.memfd.then(|| json!(true)));
        put("inode", (image.inode != 0).then(|| image.inode.into()));
        put("device", (image.device != 0).then(|| device_text(image.device).into()));
        put("nlink", image.nlink.map(Value::from));
        put("comm", (!process.comm.is_empty()).then(|| process.comm.as_str().into()));
        put("invokedAs", process.invoked_as.as_deref().map(Value::from));
        put("gid", process.gid.map(Value::from));
        put("euid", process.euid.filter(|euid| Some(*euid) != process.uid).map(Value::from));
        put("loginUid", process.login_uid.map(Value::from));
        put("tty", process.tty.as_deref().map(Value::from));
        put("cgroup", process.cgroup.as_deref().map(Value::from));
        put("cgroupId", process.cgroup_id.map(Value::from));
        put("capabilities", process.capabilities.map(|bits| format!("{bits:x}").into()));
        if process.arguments_truncated {
            put("argvTruncated", Some(json!(true)));
            put("argvBytes", Some(process.arguments_bytes.into()));
        }
        Value::Object(fields)
    }
}

struct Row<'a> {
    map: Map<String, Value>,
    /// Local accounts belong to the machine, as in `HOST\user`.
    domain: &'a str,
}

impl Row<'_> {
    fn put(&mut self, column: &str, value: impl Into<Value>) {
        self.map.insert(column.to_owned(), value.into());
    }

    fn put_text(&mut self, column: &str, value: &str) {
        if !value.is_empty() {
            self.put(column, value);
        }
    }

    fn process(&mut self, process: &Process) {
        self.put("ProcessId", process.key.pid);
        self.put("ProcessUniqueId", process.key.unique_id().to_string());
        self.put("ProcessCreationTime", process.created.to_string());
        self.put_text("ProcessCommandLine", &process.command_line);
        self.image("", &process.image);
        self.put_text("FileName", file_name(process));
        if let Some(session) = process.session {
            self.put("CreatedProcessSessionId", session);
        }
        if let Some(login) = process.login_session {
            self.put("LogonId", login);
        }
        self.account("", process);
    }

    fn initiator(&mut self, parent: &Process) {
        self.put("InitiatingProcessId", parent.key.pid);
        self.put("InitiatingProcessUniqueId", parent.key.unique_id().to_string());
        self.put("InitiatingProcessCreationTime", parent.created.to_string());
        self.put_text("InitiatingProcessCommandLine", &parent.command_line);
        self.image("InitiatingProcess", &parent.image);
        self.put_text("InitiatingProcessFileName", file_name(parent));
        if let Some(session) = parent.session {
            self.put("InitiatingProcessSessionId", session);
        }
        if let Some(login) = parent.login_session {
            self.put("InitiatingProcessLogonId", login);
        }
        if let Some(key) = parent.parent {
            self.put("InitiatingProcessParentId", key.pid);
        }
        self.account("InitiatingProcess", parent);
    }

    fn image(&mut self, prefix: &str, image: &Image) {
        self.put_text(&format!("{prefix}FolderPath"), &image.path);
        if let Some(size) = image.size_bytes {
            self.put(&format!("{prefix}FileSize"), size);
        }
        if let Some(hashes) = &image.hashes {
            self.put(&format!("{prefix}MD5"), hashes.md5.as_str());
            self.put(&format!("{prefix}SHA1"), hashes.sha1.as_str());
            self.put(&format!("{prefix}SHA256"), hashes.sha256.as_str());
        }
    }

    fn account(&mut self, prefix: &str, process: &Process) {
        let Some(uid) = process.uid else { return };
        self.put(&format!("{prefix}AccountSid"), uid.to_string());
        self.put(&format!("{prefix}AccountDomain"), self.domain);
        if let Some(user) = &process.user {
            self.put(&format!("{prefix}AccountName"), &**user);
        }
    }
}

/// The last part of the image path; the task name where no path is known, as for kernel threads.
fn file_name(process: &Process) -> &str {
    let path = process.image.path.trim_end_matches('/');
    match path.rsplit('/').next() {
        Some(name) if !name.is_empty() => name,
        _ => &process.comm,
    }
}

/// `major:minor`, as `/proc/<pid>/maps` writes it.
fn device_text(device: u64) -> String {
    format!("{:02x}:{:02x}", device >> 20, device & 0xf_ffff)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bartizan_base::Ticks;
    use bartizan_schema::{KqlType, TableRegistry};

    use super::*;
    use crate::event::{Hashes, ProcessKey};

    fn process(pid: u32, path: &str) -> Process {
        let mut process = Process::unknown(ProcessKey { pid, start: 500 });
        process.created = Ticks::parse("2026-03-01T12:00:00Z").unwrap();
        process.parent = Some(ProcessKey { pid: pid - 1, start: 400 });
        process.uid = Some(1000);
        process.euid = Some(0);
        process.user = Some(Arc::from("operator"));
        process.command_line = "tool -x".to_owned();
        process.session = Some(7);
        process.login_session = Some(3);
        process.image.path = path.to_owned();
        process.image.device = 0xfe0_0001;
        process.image.inode = 77;
        process.image.size_bytes = Some(10);
        process.image.hashes =
            Some(Arc::new(Hashes { md5: "m".to_owned(), sha1: "s".to_owned(), sha256: "t".to_owned() }));
        process
    }

    fn event(action: Action) -> ProcessEvent {
        ProcessEvent {
            sequence: 9,
            time: Ticks::parse("2026-03-01T12:00:01.5Z").unwrap(),
            action,
            process: Arc::new(process(30, "/opt/tool")),
            parent: Some(Arc::new(process(29, "/usr/bin/sh"))),
            grandparent: Some(Arc::new(process(28, "/usr/sbin/cron"))),
        }
    }

    fn device() -> DeviceIdentity {
        DeviceIdentity { device_id: "d1".to_owned(), device_name: "host1".to_owned() }
    }

    #[test]
    fn every_value_fits_its_column() {
        let registry = TableRegistry::shipped().unwrap();
        let table = registry.get("DeviceProcessEvents").unwrap();
        for action in
            [Action::Created, Action::Forked, Action::Terminated { exit_code: None, signal: Some(9) }]
        {
            for (name, value) in event(action).to_row(&device()) {
                let column = table.column(&name).unwrap_or_else(|| panic!("there is no column `{name}`"));
                let fits = match column.ty {
                    KqlType::String => value.is_string(),
                    KqlType::Long => value.is_u64(),
                    KqlType::DateTime => value.as_str().is_some_and(|text| Ticks::parse(text).is_ok()),
                    KqlType::Dynamic => value.is_object(),
                    _ => false,
                };
                assert!(fits, "{name} = {value}");
            }
        }
    }

    #[test]
    fn names_the_process_its_parent_and_the_parents_parent() {
        let row = event(Action::Created).to_row(&device());
        for (column, value) in [
            ("FileName", json!("tool")),
            ("FolderPath", json!("/opt/tool")),
            ("ProcessId", json!(30)),
            ("AccountName", json!("operator")),
            ("AccountDomain", json!("host1")),
            ("SHA256", json!("t")),
            ("LogonId", json!(3)),
            ("InitiatingProcessFileName", json!("sh")),
            ("InitiatingProcessId", json!(29)),
            ("InitiatingProcessParentId", json!(28)),
            ("InitiatingProcessParentFileName", json!("cron")),
        ] {
            assert_eq!(row.get(column), Some(&value), "{column}");
        }
        assert_eq!(row["AdditionalFields"]["device"], "fe:01");
        assert_eq!(row["AdditionalFields"]["euid"], 0);
    }

    #[test]
    fn memory_files_are_marked_and_absent_values_left_out() {
        let mut fileless = Process::unknown(ProcessKey { pid: 5, start: 1 });
        fileless.image.path = "memfd:payload".to_owned();
        fileless.image.memfd = true;
        fileless.image.nlink = Some(0);
        let event = ProcessEvent {
            process: Arc::new(fileless),
            parent: None,
            grandparent: None,
            ..event(Action::Terminated { exit_code: Some(3), signal: None })
        };
        let row = event.to_row(&device());
        assert_eq!(row["FolderPath"], "memfd:payload");
        assert_eq!(row["AdditionalFields"], json!({"exitCode": 3, "memfd": true, "nlink": 0}));
        assert!(row.values().all(|value| !value.is_null() && value != ""));
        assert!(!row.contains_key("InitiatingProcessId") && !row.contains_key("AccountName"));
    }
}
