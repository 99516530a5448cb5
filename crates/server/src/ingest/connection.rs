//! The connection to a server: by its own data folder on the same machine, or by a service principal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bartizan_base::{BatchId, SystemClock, Ticks};
use bartizan_control::access::Issuer;
use bartizan_control::boot;
use bartizan_control::pki::Pki;
use bartizan_records::Principal;
use bartizan_wire::BATCH_HEADER;
use clap::Args;
use reqwest::{Certificate, Client, StatusCode};
use serde_json::Value;

use crate::open_records;
use crate::server::URL_STATE;

/// Tokens last an hour; a new one is taken this often.
const TOKEN_SECONDS: i64 = 1_800;
/// How often a busy server is asked again before the command gives up; it can then be run again.
const TRIES_MAX: u32 = 120;
const RETRY_SECONDS_DEFAULT: u64 = 5;

/// Where the server is and who sends.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The data folder of the server on this machine: the rows are then sent as its owner.
    #[arg(long, env = "BARTIZAN_DATA", required_unless_present = "url")]
    data: Option<PathBuf>,
    /// The address of a server, such as https://logs.example:9443.
    #[arg(long, requires_all = ["tenant_id", "client_id", "rule"])]
    url: Option<String>,
    /// The authority of the server's certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    #[arg(long, requires = "url")]
    tenant_id: Option<String>,
    /// The `appId` of a service principal; its password is read from BARTIZAN_CLIENT_SECRET.
    #[arg(long, requires = "url")]
    client_id: Option<String>,
}

/// A client that stays signed in.
pub(super) struct Connection {
    http: Client,
    url: String,
    rule: String,
    who: Who,
    token: String,
    since: Ticks,
}

enum Who {
    Owner(Box<(Issuer, Principal)>),
    Application { tenant: String, client: String, secret: String },
}

impl Connection {
    pub(super) async fn open(arguments: &Arguments, rule: Option<&str>) -> anyhow::Result<Self> {
        match (&arguments.url, &arguments.data) {
            (Some(url), _) => Self::remote(arguments, url, rule).await,
            (None, Some(data)) => Self::local(data, rule).await,
            (None, None) => bail!("name the server with --data or --url"),
        }
    }

    async fn local(data: &Path, rule: Option<&str>) -> anyhow::Result<Self> {
        let database = data.join("control.db");
        anyhow::ensure!(database.is_file(), "there is no server's data in `{}`", data.display());
        let records = open_records(data, Arc::new(SystemClock)).await?;
        let (home, _) = boot::ensure_home(&records).await.context("cannot read the default resources")?;
        let url = records.get_state(URL_STATE).await.context("cannot read the server's address")?;
        let url =
            url.and_then(|url| url.as_str().map(str::to_owned)).context("the server was never started")?;
        let keys = data.join("pki");
        let key = Pki::token_key(&keys).context("cannot read the server's keys")?;
        let issuer = Issuer::new(home.tenant, &url, &key).context("cannot sign in")?;
        let ca = std::fs::read(keys.join("ca.pem")).context("cannot read the server's authority")?;
        let owner = records.principal(home.owner).await.context("cannot read the owner")?;
        let owner = owner.context("the server has no owner")?;
        let rule = match rule {
            Some(rule) => rule.to_owned(),
            None => {
                let default =
                    records.get(&home.default_rule).await.context("cannot read the default rule")?;
                let id =
                    default.as_ref().and_then(|rule| rule.property("immutableId")).and_then(Value::as_str);
                id.context("the default rule is gone; name another with --rule")?.to_owned()
            }
        };
        let http = client(Some(&ca))?;
        Self::sign_in(http, url, rule, Who::Owner(Box::new((issuer, owner)))).await
    }

    async fn remote(arguments: &Arguments, url: &str, rule: Option<&str>) -> anyhow::Result<Self> {
        let ca = match &arguments.ca {
            None => None,
            Some(path) => {
                Some(std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?)
            }
        };
        let who = Who::Application {
            tenant: arguments.tenant_id.clone().context("--tenant-id is missing")?,
            client: arguments.client_id.clone().context("--client-id is missing")?,
            secret: std::env::var("BARTIZAN_CLIENT_SECRET")
                .context("BARTIZAN_CLIENT_SECRET must hold the service principal's password")?,
        };
        let rule = rule.context("--rule is missing: the immutable id of a data collection rule")?;
        Self::sign_in(client(ca.as_deref())?, url.trim_end_matches('/').to_owned(), rule.to_owned(), who)
            .await
    }

    async fn sign_in(http: Client, url: String, rule: String, who: Who) -> anyhow::Result<Self> {
        let mut connection = Self { http, url, rule, who, token: String::new(), since: Ticks(0) };
        // A wrong address or certificate is told now; later, a server that is away is waited for.
        let health = connection.http.get(format!("{}/healthz", connection.url)).send().await;
        health.with_context(|| format!("cannot reach the server at {}", connection.url))?;
        connection.renew().await?;
        Ok(connection)
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let now = Ticks::from_system_time(std::time::SystemTime::now());
        if now.unix_seconds() - self.since.unix_seconds() < TOKEN_SECONDS {
            return Ok(());
        }
        self.token = match &self.who {
            Who::Owner(owner) => owner.0.issue(&owner.1, now),
            Who::Application { tenant, client, secret } => {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client),
                    ("client_secret", secret),
                    ("scope", "https://monitor.azure.com/.default"),
                ];
                let form: String =
                    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
                let request = self.http.post(format!("{}/{tenant}/oauth2/v2.0/token", self.url)).body(form);
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                let answer = request.send().await.context("cannot reach the server")?;
                let status = answer.status();
                let text = answer.text().await.context("cannot read the server's answer")?;
                anyhow::ensure!(status.is_success(), "the server refuses the sign-in: {status} {text}");
                let answer: Value = serde_json::from_str(&text).context("the token answer is no JSON")?;
                answer["access_token"].as_str().context("the answer has no token")?.to_owned()
            }
        };
        self.since = now;
        Ok(())
    }

    /// Sends a batch and waits until it is stored.
    pub(super) async fn send(&mut self, stream: &str, batch: BatchId, body: String) -> anyhow::Result<()> {
        let url =
            format!("{}/dataCollectionRules/{}/streams/{stream}?api-version=2023-01-01", self.url, self.rule);
        let mut last = String::new();
        for _ in 0..TRIES_MAX {
            self.renew().await?;
            let request =
                self.http.post(&url).bearer_auth(&self.token).header(BATCH_HEADER, batch.to_string());
            let answer = request.header("content-type", "application/json").body(body.clone()).send().await;
            let mut wait = RETRY_SECONDS_DEFAULT;
            match answer {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => {
                    let status = answer.status();
                    let after = answer
                        .headers()
                        .get("retry-after")
                        .and_then(|value| value.to_str().ok()?.parse().ok());
                    let text = answer.text().await.unwrap_or_default();
                    let later =
                        status == StatusCode::TOO_MANY_REQUESTS || matches!(status.as_u16(), 502..=504);
                    if !later {
                        bail!("the server refuses batch {}: {status} {text}", batch.seq);
                    }
                    wait = after.unwrap_or(wait).min(60);
                    last = format!("{status} {text}");
                }
                // It was there at the beginning, so it may come back.
                Err(error) if error.is_connect() || error.is_timeout() || error.is_request() => {
                    last = chain(&error)
                }
                Err(error) => return Err(error).context("cannot send a batch"),
            }
            tracing::warn!(batch = batch.seq, last, "the server takes nothing now; trying again");
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
        bail!("the server took nothing for too long (last: {last}); run the command again to go on")
    }
}

fn client(ca: Option<&[u8]>) -> anyhow::Result<Client> {
    let mut builder = Client::builder().no_proxy();
    if let Some(ca) = ca {
        builder =
            builder.tls_certs_only([Certificate::from_pem(ca).context("the authority is no certificate")?]);
    }
    builder.build().context("cannot prepare connections")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        out = format!("{out}: {error}");
        cause = error.source();
    }
    out
}
