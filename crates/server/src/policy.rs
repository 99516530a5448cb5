//! `bartizan policy …`: definitions and initiatives as they are published.

use std::path::PathBuf;

use anyhow::Context;
use bartizan_control::policy::import::{Imported, Outcome, import};
use bartizan_records::Actor;
use clap::{Args, Subcommand};

use crate::cli::{open, print_line};

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Take every definition and initiative of a folder of JSON files in, as if they were built in; a running server
    /// knows them within seconds. Ends with 1 if one is refused.
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// The folder, with folders in it or without; such as a copy of Azure's published policies.
    folder: PathBuf,
}

/// Runs one of the commands; whether nothing was refused.
///
/// # Errors
/// When the data folder cannot be used, or the folder not read.
pub(crate) async fn run(command: Policy) -> anyhow::Result<bool> {
    let Policy::Import(Import { data, folder }) = command;
    let (records, _) = open(&data).await?;
    let all = import(&records, &folder, &Actor::system("bartizan policy import"))
        .await
        .with_context(|| format!("cannot import `{}`", folder.display()))?;
    for one in &all {
        print_line(&line(one))?;
    }
    let count = |test: fn(&Outcome) -> bool| all.iter().filter(|one| test(&one.outcome)).count();
    let refused = count(|outcome| matches!(outcome, Outcome::Refused(_)));
    print_line(&format!(
        "{} definitions and initiatives: {} evaluate here, {} never apply here, {refused} refused; {} written",
        all.len(),
        count(|outcome| matches!(outcome, Outcome::Evaluates)),
        count(|outcome| matches!(outcome, Outcome::NeverApplies(_))),
        all.iter().filter(|one| one.written).count(),
    ))?;
    Ok(refused == 0)
}

fn line(one: &Imported) -> String {
    let (word, reason) = match &one.outcome {
        Outcome::Evaluates => ("evaluates", ""),
        Outcome::NeverApplies(reason) => ("never applies", reason.as_str()),
        Outcome::Refused(reason) => ("refused", reason.as_str()),
    };
    let gap = if reason.is_empty() { "" } else { ": " };
    format!("{}: {word}{gap}{reason}", one.file)
}
