//! `bartizan tenant …`: what only the owner of the server's machine may do to the tenant.

use std::path::PathBuf;

use anyhow::Context;
use bartizan_control::tenant;
use bartizan_records::Actor;
use clap::{Args, Subcommand};

use crate::cli::{open, print_line};

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Take the chosen geo-location back, so that it can be chosen anew. Nothing is moved; AzureActivity tells of it.
    ResetGeoLocation(Reset),
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
}

/// Runs one of the commands.
///
/// # Errors
/// When the data folder cannot be read or the choice not taken back.
pub(crate) async fn run(command: Tenant) -> anyhow::Result<()> {
    let Tenant::ResetGeoLocation(Reset { data }) = command;
    let (records, home) = open(&data).await?;
    let actor = Actor::system("bartizan tenant");
    let was =
        tenant::reset_geo_location(&records, &home, &actor).await.context("cannot reset the geo-location")?;
    match was {
        Some(was) => print_line(&format!("the geo-location `{was}` was taken back; it can be chosen anew")),
        None => print_line("no geo-location was chosen"),
    }
}
