//! What is told about single processes: endings, files without a name, long arguments, parents.

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::time::{Duration, Instant};

use bartizan_sensor::{Action, DeviceIdentity, ProcessEvent, Sensor, SensorOptions, Tier};

/// Runs `work` under the eBPF tier and hands back what was seen of the process it names.
fn watch(work: impl FnOnce() -> u32) -> Option<Vec<ProcessEvent>> {
    // The machine may be busy, and other tests' large binaries stand before ours in the line for hashing.
    let hash_wait = Duration::from_secs(10);
    let options = SensorOptions { tier: Some(Tier::Ebpf), hash_wait, ..SensorOptions::default() };
    let sensor = match Sensor::start(options) {
        Ok(sensor) => sensor,
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let pid = work();
    let (deadline, mut seen) = (Instant::now() + Duration::from_secs(30), Vec::new());
    let ended = |event: &ProcessEvent| matches!(event.action, Action::Terminated { .. });
    while Instant::now() < deadline && !seen.iter().any(ended) {
        let batch = sensor.recv_batch(256, Duration::from_millis(200));
        seen.extend(batch.into_iter().filter(|event| event.process.key.pid == pid));
    }
    Some(seen)
}

fn run(command: &mut Command) -> u32 {
    let mut child = command.spawn().unwrap();
    let pid = child.id();
    child.wait().unwrap();
    pid
}

#[test]
fn an_ending_has_its_code_or_signal() {
    let Some(seen) = watch(|| run(Command::new("/bin/sh").args(["-c", "exit 7"]))) else { return };
    let actions: Vec<_> = seen.iter().map(|event| event.action).collect();
    assert_eq!(actions, [Action::Created, Action::Terminated { exit_code: Some(7), signal: None }]);
    assert_eq!(seen[0].process.command_line, "/bin/sh -c \"exit 7\"");

    let killed = watch(|| {
        let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        child.id()
    });
    let last = killed.unwrap().pop().unwrap();
    assert_eq!(last.action, Action::Terminated { exit_code: None, signal: Some(9) });
}

#[test]
fn a_program_in_memory_is_marked_and_hashed() {
    let program = std::fs::read("/bin/sleep").unwrap();
    let watched = watch(|| {
        let file = rustix::fs::memfd_create("payload", rustix::fs::MemfdFlags::empty()).unwrap();
        let mut file = std::fs::File::from(file);
        file.write_all(&program).unwrap();
        let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
        run(Command::new(link).arg0("[kworker/0:1]").arg("2"))
    });
    let Some(seen) = watched else { return };
    let device = DeviceIdentity { device_id: "d".to_owned(), device_name: "h".to_owned() };
    let row = seen[0].to_row(&device);
    assert_eq!(row["FolderPath"], "memfd:payload");
    assert_eq!(row["ProcessCommandLine"], "[kworker/0:1] 2");
    assert_eq!(row["AdditionalFields"]["memfd"], true);
    assert_eq!(row["AdditionalFields"]["nlink"], 0);
    assert_eq!(row["FileSize"], program.len());
    assert_eq!(row["SHA256"].as_str().map(str::len), Some(64));
    assert_eq!(row["InitiatingProcessId"], std::process::id());
}

#[test]
fn long_arguments_are_cut_and_say_so() {
    let long = "x".repeat(10_000);
    let Some(seen) = watch(|| run(Command::new("/bin/true").arg(&long))) else { return };
    let process = &seen[0].process;
    assert!(process.arguments_truncated);
    assert_eq!(process.arguments_bytes, "/bin/true".len() as u64 + 1 + 10_000 + 1);
    assert!(process.command_line.len() > 4000 && process.command_line.starts_with("/bin/true xxx"));
    assert_eq!(process.image.path, std::fs::canonicalize("/bin/true").unwrap().to_string_lossy());
}
