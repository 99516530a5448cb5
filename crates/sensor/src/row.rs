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
