//! What can be fuzzed: each target panics when something does not hold.

use std::path::PathBuf;
use std::time::Duration;

use bartizan_kql::fuzzing as kql;

use crate::engine;
use crate::inputs::Input;
use crate::seeds::{self, Seeds};

/// What a target is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    Queries,
    Lines,
    /// Policy rules and expressions.
    Policies,
    Binary,
}

/// Something that must hold for every input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub name: &'static str,
    pub feed: Feed,
    pub holds: &'static str,
    run: Run,
}

/// How a target takes its input.
#[derive(Clone, Copy, Debug)]
enum Run {
    Text(fn(&str)),
    Bytes(fn(&[u8])),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    queries("lexer", "the tokens hold every byte of the text", kql::lexer),
    queries("parser", "the parser reads any text, and its findings point into it", kql::parser),
    queries("binder", "the binder gives a tree or a reason", kql::binder),
    queries("formatter", "formatting twice is formatting once", kql::formatter),
    queries("editor", "completion, hover and colours work at any place", |text| {
        kql::editor(text, text.len() / 2)
    }),
    queries("planner", "a bound query is planned or refused by name", engine::plan),
    queries("engine", "a query over small tables is answered or refused, and ends", engine::run),
    binary("discover-answers", "any bytes are machines or are refused", bartizan_discover::fuzzing::answers),
    lines("agent-dpkg", "any text is a list of packages", bartizan_agent::fuzzing::dpkg),
    binary("agent-http", "any bytes are an answer or none", bartizan_agent::fuzzing::http_answer),
    binary("agent-rpm", "any bytes are a package or none", bartizan_agent::fuzzing::rpm_header),
    lines("package-manifest", "what passes stays in its folder", bartizan_seal::fuzzing::manifest),
    lines("readiness-facts", "any facts are judged, with a way out", bartizan_readiness::fuzzing::facts),
    binary(
        "sensor-record",
        "any bytes of the ring are an observation or an error",
        bartizan_sensor::fuzzing::record,
    ),
    lines("formats-cef", "any line is an event or is refused", bartizan_formats::fuzzing::cef),
    lines("formats-event-query", "any text is a query or is refused", bartizan_formats::fuzzing::event_query),
    lines("formats-syslog", "any line is a message or none", bartizan_formats::fuzzing::syslog),
    policies(
        "policy-definition",
        "any JSON is a policy or is refused, and judges",
        bartizan_policy::fuzzing::definition,
    ),
    policies(
        "policy-expression",
        "any text is an expression or is refused",
        bartizan_policy::fuzzing::expression,
    ),
    lines("sensor-audit", "any text has a stamp or none", bartizan_sensor::fuzzing::audit),
    binary("store-decode", "any body is a batch or is refused", bartizan_store::fuzzing::decode),
];

/// Targets that fail in each way there is, to try the fuzzer on.
pub const BROKEN: &[Target] = &[
    queries("broken-panics", "never", |text| assert!(!text.contains("sort"), "`sort` was found")),
    queries("broken-hangs", "never", |text| {
        while text.contains("sort") {
            std::thread::sleep(Duration::from_millis(1));
        }
    }),
    queries("broken-aborts", "never", |text| {
        if text.contains("sort") {
            std::process::abort();
        }
    }),
    queries("broken-grows", "never", |text| {
        let mut kept = Vec::new();
        while text.contains("sort") {
            kept.push(vec![1_u8; 1 << 20]);
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(kept);
    }),
];

const fn queries(name: &'static str, holds: &'static str, run: fn(&str)) -> Target {
    Target { name, feed: Feed::Queries, holds, run: Run::Text(run) }
}

const fn lines(name: &'static str, holds: &'static str, run: fn(&str)) -> Target {
    Target { name, feed: Feed::Lines, holds, run: Run::Text(run) }
}

const fn policies(name: &'static str, holds: &'static str, run: fn(&str)) -> Target {
    Target { name, feed: Feed::Policies, holds, run: Run::Text(run) }
}

const fn binary(name: &'static str, holds: &'static str, run: fn(&[u8])) -> Target {
    Target { name, feed: Feed::Binary, holds, run: Run::Bytes(run) }
}

impl Target {
    /// The target called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().chain(BROKEN).find(|target| target.name == name)
    }

    /// The seeds of its inputs; queries of `folders` too, where it reads queries.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn seeds(&self, folders: &[PathBuf]) -> anyhow::Result<Seeds> {
        Ok(match self.feed {
            Feed::Queries => Seeds::Text(seeds::queries(folders)?),
            Feed::Lines => Seeds::Text(seeds::lines()),
            Feed::Policies => Seeds::Text(seeds::policies()),
            Feed::Binary => Seeds::Bytes(seeds::binary()),
        })
    }

    /// Feeds it.
    ///
    /// # Panics
    /// When what must hold does not.
    pub fn run(&self, input: &Input) {
        match self.run {
            Run::Text(run) => run(&String::from_utf8_lossy(input.bytes())),
            Run::Bytes(run) => run(input.bytes()),
        }
    }
}
