//! Feeds one target until it fails, in a process that the failure may take down.
//!
//! The number of the input at work stands in a file, where the driver finds it whatever happened.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::inputs::Inputs;
use crate::targets::Target;

/// How the process ends when an input fails.
pub const EXIT_PANIC: i32 = 70;
pub const EXIT_HANG: i32 = 71;
pub const EXIT_MEMORY: i32 = 72;

/// Between looks at the clock and at the memory.
const WATCH_EVERY: Duration = Duration::from_millis(50);

/// What a worker does.
#[derive(Clone, Debug)]
pub struct Work {
    /// The first input.
    pub from: u64,
    /// The input to stop before.
    pub until: u64,
    /// How long to go on.
    pub time: Duration,
    /// How long one input may take.
    pub input_time: Duration,
    /// How much memory this process may have.
    pub memory_bytes: u64,
    /// Where the number of the input at work is written, as eight bytes, lowest first.
    pub progress: PathBuf,
}

/// Runs to the end, or ends the process with the first failure.
///
/// # Errors
/// When the progress file cannot be written.
pub fn run(target: &Target, inputs: &Inputs, work: &Work) -> anyhow::Result<()> {
    let progress = File::create(&work.progress)
        .with_context(|| format!("cannot create `{}`", work.progress.display()))?;
    let started = Instant::now();
    // when the input at work began, in milliseconds after `started`, and its number
    let (began, number) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(work.from)));
    watch(work, started, Arc::clone(&began), Arc::clone(&number));
    let mut n = work.from;
    while n < work.until && started.elapsed() < work.time {
        progress.write_all_at(&n.to_le_bytes(), 0).context("cannot write the progress file")?;
        let input = inputs.get(n);
        began.store(elapsed_ms(started), Ordering::Relaxed);
        number.store(n, Ordering::Relaxed);
        if std::panic::catch_unwind(AssertUnwindSafe(|| target.run(&input))).is_err() {
            std::process::exit(EXIT_PANIC);
        }
        n += 1;
    }
    progress.write_all_at(&n.to_le_bytes(), 0).context("cannot write the progress file")
}

/// How much longer than its time something may last by the clock: a crowded machine gives a process little of its own.
pub(crate) const CROWDED_FACTOR: u32 = 12;

/// Ends the process when an input takes too long or too much. A thread cannot be stopped; a process can. Time is that
/// of the processor, so that other programs do not make a finding; waiting for ever is found by the clock.
fn watch(work: &Work, started: Instant, began: Arc<AtomicU64>, number: Arc<AtomicU64>) {
    let (input_time, memory_bytes) = (work.input_time, work.memory_bytes);
    std::thread::spawn(move || {
        // the input that was at work at the last look, and what the process had used by then
        let (mut seen, mut used_before) = (None, 0);
        loop {
            std::thread::sleep(WATCH_EVERY);
            let n = number.load(Ordering::Relaxed);
            let at_work = u128::from(elapsed_ms(started).saturating_sub(began.load(Ordering::Relaxed)));
            let used = processor_ms();
            if seen.replace(n) != Some(n) {
                used_before = used.unwrap_or(0);
            }
            let spent = used.map_or(at_work, |used| u128::from(used.saturating_sub(used_before)));
            let limit = input_time.as_millis();
            let hangs = at_work > limit && (spent > limit || at_work > limit * u128::from(CROWDED_FACTOR));
            if hangs && number.load(Ordering::Relaxed) == n {
                eprintln!("the input takes longer than {} s", input_time.as_secs());
                std::process::exit(EXIT_HANG);
            }
            if resident_bytes().is_some_and(|resident| resident > memory_bytes) {
                eprintln!("the process has more than {} MiB", memory_bytes >> 20);
                std::process::exit(EXIT_MEMORY);
            }
        }
    });
}

fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Time that processors gave to this process, in milliseconds (`proc(5)`: `utime` and `stime` of `stat`, in hundredths
/// of a second).
pub(crate) fn processor_ms() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // the name before may hold anything but ends with the last parenthesis
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks * 10)
}

/// Memory of this process that is there and not only promised (`proc(5)`: `VmRSS`).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
