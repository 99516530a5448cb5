//! `bartizan user …` and `bartizan service-principal add-certificate`.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use bartizan_base::{Clock as _, ResourceId, SystemClock};
use bartizan_control::identity::{self, users};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::{open, print_line};

/// Longest password that is read.
const PASSWORD_BYTES_MAX: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Create one; the password is read from standard input.
    Create(CreateUser),
    /// Give one a new password, read from standard input.
    SetPassword(SetPassword),
}

#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// What the person signs in as.
    #[arg(long)]
    name: String,
    /// A built-in role, such as Reader or "Security Admin"; none when absent.
    #[arg(long)]
    role: Option<String>,
    /// Where the role holds; the subscription when absent.
    #[arg(long, requires = "role")]
    scope: Option<ResourceId>,
    /// The person has to choose another password at the first sign-in.
    #[arg(long)]
    must_change_password: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetPassword {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    #[arg(long)]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddCertificate {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// The `appId` of the service principal.
    #[arg(long)]
    app_id: String,
    /// Its certificate, PEM. The key stays with the program.
    #[arg(long)]
    certificate: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RotateSigningKey {
    #[arg(long, env = "BARTIZAN_DATA")]
    data: PathBuf,
    /// Refuse every token that was made so far, instead of letting them end within the hour.
    #[arg(long)]
    revoke: bool,
}

pub(crate) fn rotate_signing_key(arguments: &RotateSigningKey) -> anyhow::Result<()> {
    let dir = arguments.data.join("pki");
    anyhow::ensure!(
        dir.is_dir(),
        "there is no server's data in `{}`; start it first",
        arguments.data.display()
    );
    let keys =
        identity::rotate_in(&dir, arguments.revoke, SystemClock.now()).context("cannot replace the key")?;
    print_line(&json!({"formerKeys": keys.former.len()}).to_string())
}

pub(crate) async fn create_user(arguments: CreateUser) -> anyhow::Result<()> {
    let (records, home) = open(&arguments.data).await?;
    let password = read_password()?;
    let new = users::NewUser { name: &arguments.name, password: &password };
    let made = users::create(&records, new).await.context("cannot create the user")?;
    if arguments.must_change_password {
        users::require_new_password(&records, &made).await.context("cannot ask for a new password")?;
    }
    if let Some(role) = &arguments.role {
        let scope = arguments.scope.unwrap_or_else(|| home.subscription_id());
        users::give_role(&records, &home, &made, role, &scope).await.context("cannot give the role")?;
    }
    print_line(&json!({"id": made.object_id, "userPrincipalName": made.name}).to_string())
}

pub(crate) async fn set_password(arguments: SetPassword) -> anyhow::Result<()> {
    let (records, _) = open(&arguments.data).await?;
    let password = read_password()?;
    let name = &arguments.name;
    let user = records.user_by_name(name).await.context("cannot read the users")?;
    let user = user.with_context(|| format!("there is no user `{name}`"))?;
    users::set_password(&records, &user, &password).await.context("cannot set the password")
}

pub(crate) async fn add_certificate(arguments: AddCertificate) -> anyhow::Result<()> {
    let (records, _) = open(&arguments.data).await?;
    let path = &arguments.certificate;
    let pem = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let app_id = &arguments.app_id;
    let parsed = app_id.parse().with_context(|| format!("`{app_id}` is not an appId"))?;
    let principal = records.principal_by_app(parsed).await.context("cannot read the service principals")?;
    let principal = principal.with_context(|| format!("there is no service principal `{app_id}`"))?;
    identity::add_certificate(&records, &principal, &pem)
        .await
        .with_context(|| format!("cannot use `{}`", path.display()))
}

/// The first line of standard input: a password on the command line would be everybody's to see.
fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(PASSWORD_BYTES_MAX)
        .read_to_string(&mut text)
        .context("cannot read the password from standard input")?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    anyhow::ensure!(!line.is_empty(), "the password is read from standard input, which is empty");
    Ok(line)
}
