//! `bartizan subscription …`: for the owner at the machine, what `Microsoft.Subscription` is for clients.

use std::path::PathBuf;

use anyhow::Context;
use bartizan_base::ResourceId;
use bartizan_control::access::Hierarchy;
use bartizan_control::subscription::{self, DISABLED, NAME_MAX, NewSubscription};
use bartizan_records::{Actor, Records};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::{open, print_line};

#[derive(Debug, Subcommand)]
pub(crate) enum Subscription {
    /// List all, one JSON object a line.
    List(Data),
    /// Make one; a repeat with the same name gives the same one.
    Create(Create),
    /// Give one another name.
    Rename(Rename),
    /// Disable one: it can be read, and nothing in it changed.
    Cancel(Named),
    /// Enable a cancelled one again.
    Enable(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    data: Data,
    #[arg(long)]
    name: String,
    /// The name of its management group; the root when absent.
    #[arg(long)]
    management_group: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rename {
    #[command(flatten)]
    named: Named,
    #[arg(long)]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[command(flatten)]
    data: Data,
    /// Its uuid.
    #[arg(long)]
    id: String,
}

/// Runs one of the commands.
///
/// # Errors
/// When the data folder cannot be read or the command not done.
pub(crate) async fn run(command: Subscription) -> anyhow::Result<()> {
    let actor = Actor::system("bartizan subscription");
    match command {
        Subscription::List(data) => {
            let (records, _) = open(&data.data).await?;
            let tree = Hierarchy::load(&records).await.context("cannot read the subscriptions")?;
            for found in tree.subscriptions() {
                let line = json!({
                    "subscriptionId": found.id.name(), "displayName": found.display_name,
                    "state": found.state, "managementGroup": found.group,
                });
                print_line(&line.to_string())?;
            }
            Ok(())
        }
        Subscription::Create(wanted) => {
            let (records, home) = open(&wanted.data.data).await?;
            check_name(&wanted.name)?;
            let tree = Hierarchy::load(&records).await.context("cannot read the management groups")?;
            let root = home.tenant.to_string();
            let group = wanted.management_group.as_deref().unwrap_or(&root);
            anyhow::ensure!(tree.group(group).is_some(), "there is no management group `{group}`");
            anyhow::ensure!(
                tree.subscriptions().len() < subscription::COUNT_MAX,
                "there are {} subscriptions, which is the most there can be",
                subscription::COUNT_MAX
            );
            let new = NewSubscription {
                alias: &wanted.name,
                display_name: &wanted.name,
                group,
                tags: None,
                owner: None,
            };
            let made = subscription::create(&records, &home, new, &actor)
                .await
                .with_context(|| format!("cannot make the subscription `{}`", wanted.name))?;
            print_line(
                &json!({"subscriptionId": made.property("subscriptionId"), "alias": made.id}).to_string(),
            )
        }
        Subscription::Rename(wanted) => {
            check_name(&wanted.name)?;
            let (records, id) = find(&wanted.named).await?;
            subscription::rename(&records, &id, &wanted.name, &actor).await.context("cannot rename it")
        }
        Subscription::Cancel(named) => {
            let home = open(&named.data.data).await?.1;
            let (records, id) = find(&named).await?;
            anyhow::ensure!(
                id != home.subscription_id(),
                "the first subscription holds the workspace and cannot be cancelled"
            );
            subscription::set_state(&records, &id, DISABLED, &actor).await.context("cannot cancel it")
        }
        Subscription::Enable(named) => {
            let (records, id) = find(&named).await?;
            subscription::set_state(&records, &id, "Enabled", &actor).await.context("cannot enable it")
        }
    }
}

async fn find(named: &Named) -> anyhow::Result<(Records, ResourceId)> {
    let (records, _) = open(&named.data.data).await?;
    let id = &named.id;
    let tree = Hierarchy::load(&records).await.context("cannot read the subscriptions")?;
    let found = tree.subscription(id).map(|found| found.id.clone());
    let found = found.with_context(|| {
        format!("there is no subscription `{id}`; `bartizan subscription list` shows all")
    })?;
    Ok((records, found))
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let plain = !name.trim().is_empty() && name.chars().count() <= NAME_MAX;
    let odd = |c: char| c.is_control() || "<>;|%&?#\\/".contains(c);
    anyhow::ensure!(
        plain && !name.contains(odd),
        "`--name` has 1 to {NAME_MAX} characters without `<>;|%&?#\\/`"
    );
    Ok(())
}
