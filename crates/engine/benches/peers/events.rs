//! Security events of a made-up fleet over seven days, the same for the same number of rows.
//!
//! The shares follow a Windows estate: processes are half of all events, and the rare things that queries
//! look for are a few in a million. Command lines carry random hex, as real ones carry ids and paths, so
//! that the column compresses no better than it would.

use bartizan_base::Ticks;
use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use serde_json::{Map, Value};

const DAYS: i64 = 7;
const COMPUTERS: u64 = 500;
const ACCOUNTS: u64 = 4_000;
const ADDRESSES: u64 = 60_000;
/// Addresses that passwords are tried from, and the accounts they are tried on.
const ATTACKERS: u64 = 64;
const ATTACKED: u64 = 48;
/// Event id and its share in a thousand.
const KINDS: [(i64, u64); 7] =
    [(4688, 550), (4624, 180), (4634, 120), (4672, 60), (4625, 40), (5156, 40), (4698, 10)];
const PROGRAMS: [&str; 12] = [
    "svchost.exe",
    "cmd.exe",
    "powershell.exe",
    "chrome.exe",
    "msedge.exe",
    "conhost.exe",
    "rundll32.exe",
    "taskhostw.exe",
    "explorer.exe",
    "dllhost.exe",
    "wmiprvse.exe",
    "backgroundtaskhost.exe",
];
const GROUPS: [&str; 8] = [
    "Users",
    "Administrators",
    "Remote Desktop Users",
    "Backup Operators",
    "Auditors",
    "Developers",
    "Finance",
    "Guests",
];

/// The moment behind the last event.
pub(crate) fn end() -> Ticks {
    Ticks::parse("2026-03-08T00:00:00Z").expect("a moment")
}

/// Makes rows in order of time.
pub(crate) struct Source {
    state: u64,
    next: i64,
    rows: i64,
}

impl Source {
    pub(crate) fn new(rows: usize) -> Self {
        Self { state: 0x5eed, next: 0, rows: rows as i64 }
    }

    fn random(&mut self) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.state ^ (self.state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random() % limit
    }

    /// Small numbers are much more frequent than large ones.
    fn skewed(&mut self, limit: u64) -> u64 {
        let (a, b) = (self.below(limit), self.below(limit));
        a * b / limit
    }

    fn kind(&mut self) -> i64 {
        let mut at = self.below(1000);
        for (kind, share) in KINDS {
            if at < share {
                return kind;
            }
            at -= share;
        }
        KINDS[0].0
    }

    fn command_line(&mut self) -> String {
        let program = PROGRAMS[self.skewed(PROGRAMS.len() as u64) as usize];
        let (id, more, session) = (self.random(), self.random(), self.below(64));
        match self.below(400_000) {
            0..=3 => format!(
                "C:\\Temp\\{id:08x}\\MimiKatz.exe privilege::debug sekurlsa::logonpasswords exit --session {session}"
            ),
            4..=40 => {
                format!("powershell.exe -NoProfile -EncodedCommand {id:016X}{more:016X} --session {session}")
            }
            41..=200 => format!(
                "powershell.exe -Command Invoke-Expression (Get-Item C:\\ProgramData\\{id:016x}) --session {session}"
            ),
            _ => format!(
                "C:\\Windows\\System32\\{program} -k netsvcs -p --request {id:016x}-{more:016x} --session {session} --retry {}",
                id % 5
            ),
        }
    }
}

impl Iterator for Source {
    type Item = Map<String, Value>;

    fn next(&mut self) -> Option<Map<String, Value>> {
        if self.next >= self.rows {
            return None;
        }
        let step = DAYS * TICKS_PER_DAY / self.rows;
        let start = end().0 - DAYS * TICKS_PER_DAY;
        let jitter = self.below(TICKS_PER_SECOND as u64) as i64 % step.max(1);
        let time = Ticks(start + self.next * step + jitter);
        self.next += 1;

        let kind = self.kind();
        let computer = self.skewed(COMPUTERS);
        // Who tries passwords comes from few places, and now and then gets in.
        let attack = match kind {
            4625 => self.below(4) == 0,
            4624 => self.below(200) == 0,
            _ => false,
        };
        let account = if attack { self.below(ATTACKED) } else { self.skewed(ACCOUNTS) };
        let mut row = Map::new();
        let mut set = |name: &str, value: Value| row.insert(name.to_owned(), value);
        set("TimeGenerated", time.to_string().into());
        set("EventID", kind.into());
        set("Computer", format!("host-{computer:04}.corp.example").into());
        set("Account", format!("CORP\\user{account:05}").into());
        set("TargetUserName", format!("user{account:05}").into());
        set("Level", if kind == 4625 { "16" } else { "8" }.into());
        if kind == 4688 {
            let program = PROGRAMS[self.skewed(PROGRAMS.len() as u64) as usize];
            set("Process", program.into());
            set("NewProcessName", format!("C:\\Windows\\System32\\{program}").into());
            set("CommandLine", self.command_line().into());
        } else {
            let address = if attack { self.below(ATTACKERS) } else { self.skewed(ADDRESSES) };
            set("IpAddress", format!("10.{}.{}.{}", address >> 16, address >> 8 & 255, address & 255).into());
            set("LogonType", (2 + self.below(9) as i64).into());
        }
        if kind == 4672 {
            let (first, count) = (self.below(8) as usize, self.below(4) as usize);
            let groups: Vec<&str> = (first..=first + count).map(|at| GROUPS[at % GROUPS.len()]).collect();
            let data = serde_json::json!({ "groups": groups, "logon": { "id": self.below(1 << 30), "zone": GROUPS[first] } });
            set("EventData", data.to_string().into());
        }
        Some(row)
    }
}
