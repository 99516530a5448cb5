//! Many machines in one process, as the server sees them: each with a key, a certificate and a connection of its own,
//! speaking the agent's protocol over mutual TLS. They enrol, hold the long poll for their desired state, say that
//! extensions run as soon as these are asked for, and send a status and a heartbeat row each minute.

use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use bartizan_base::{BatchId, Clock as _, SystemClock};
use bartizan_control::plans::component::COMPONENTS;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use uuid::Uuid;

use crate::real::programs::{capture, program};
use crate::real::server::{Client, Server};

/// Addresses that the machines come from: the server bounds the connections of one address.
const ADDRESSES: usize = 16;
/// Enrolments at the same time.
const JOINING: usize = 16;
/// The longest wait of a poll.
const POLL: Duration = Duration::from_secs(60);
/// Between two statuses, and two heartbeats, of a machine.
const EVERY: Duration = Duration::from_secs(60);
/// A request without an answer is given up; the server waits for a disk that is slow, but not as long as this.
const CALL: Duration = Duration::from_secs(120);
/// Between two tries when the server is away.
const AGAIN: Duration = Duration::from_millis(500);
/// The stream of a data collection rule that takes heartbeats.
const HEARTBEAT_STREAM: &str = "Microsoft-Heartbeat";

/// What the machines have done together.
#[derive(Debug, Default)]
pub struct Counts {
    /// Machines whose report that all extensions of the plan run was taken.
    covered: AtomicU64,
    heartbeats: AtomicU64,
    statuses: AtomicU64,
    /// Requests that the server answered with an error.
    refused: AtomicU64,
    /// Requests without an answer.
    lost: AtomicU64,
    first_refusal: OnceLock<String>,
}

impl Counts {
    /// Machines whose report that every extension of the plan runs was taken.
    pub fn covered(&self) -> u64 {
        self.covered.load(Ordering::Relaxed)
    }

    /// Heartbeat rows that were acknowledged.
    pub fn heartbeats(&self) -> u64 {
        self.heartbeats.load(Ordering::Relaxed)
    }

    /// Statuses that were taken.
    pub fn statuses(&self) -> u64 {
        self.statuses.load(Ordering::Relaxed)
    }

    /// Requests that the server answered with an error, and what the first one was.
    pub fn refused(&self) -> (u64, String) {
        let first = self.first_refusal.get().cloned().unwrap_or_default();
        (self.refused.load(Ordering::Relaxed), first)
    }

    /// Requests that got no answer: the server was away.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn fails(&self, error: &CallError) {
        match error {
            CallError::Lost => self.lost.fetch_add(1, Ordering::Relaxed),
            CallError::Refused(what) => {
                self.first_refusal.get_or_init(|| what.clone());
                self.refused.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// Machines that run until this is dropped.
pub struct Fleet {
    pub counts: Arc<Counts>,
    size: u64,
    _running: JoinSet<()>,
}

impl Fleet {
    /// Enrols machines, some at the same time, with one onboarding token.
    ///
    /// # Errors
    /// When one cannot be enrolled.
    pub async fn join(server: &Server, size: usize) -> anyhow::Result<Joined> {
        bartizan_server::cli::raise_open_files();
        let mut ask = Command::new(program("bartizan"));
        let token = capture(ask.arg("onboarding-token").arg("--data").arg(&server.data))?;
        let (url, ca) = (server.url.as_str(), std::fs::read(&server.ca)?);
        let anonymous = server.http()?;
        let machines = futures::stream::iter(0..size)
            .map(|number| Machine::join(&anonymous, url, &ca, token.trim(), number))
            .buffer_unordered(JOINING)
            .try_collect()
            .await?;
        Ok(Joined(machines))
    }

    /// Whether every machine has said that all extensions of the plan run, and was heard.
    pub fn is_covered(&self) -> bool {
        self.counts.covered() == self.size
    }

    /// Waits until every machine runs every extension of the plan, the records say so, and every policy's state is
    /// Compliant. The time limit is a limit, not a proof.
    ///
    /// # Errors
    /// When that is not so in time; the error tells what is otherwise.
    pub async fn all_compliant(&self, owner: &Client, limit: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.is_covered() {
            let covered = self.counts.covered();
            let (_, refusal) = self.counts.refused();
            anyhow::ensure!(
                begun.elapsed() < limit,
                "{covered} of {} machines run their extensions; first refusal: {refusal}",
                self.size
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        loop {
            let found = self.states(owner).await?;
            let wanted = self.size * COMPONENTS.len() as u64;
            if found == (vec![("Succeeded".to_owned(), wanted)], vec![("Compliant".to_owned(), wanted)]) {
                return Ok(());
            }
            anyhow::ensure!(begun.elapsed() < limit, "expected {wanted} of each, found {found:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// How many extensions have each provisioning state, and how many policy states of machines each compliance.
    async fn states(&self, owner: &Client) -> anyhow::Result<(Vec<(String, u64)>, Vec<(String, u64)>)> {
        let extensions = "resources | where type =~ 'microsoft.hybridcompute/machines/extensions' \
                          | summarize n = count() by state = tostring(properties.provisioningState) | order by state";
        let compliance = "policyresources | where type =~ 'microsoft.policyinsights/policystates' \
                          and properties.resourceType =~ 'microsoft.hybridcompute/machines' \
                          | summarize n = count() by state = tostring(properties.complianceState) | order by state";
        Ok((counted(owner, extensions).await?, counted(owner, compliance).await?))
    }

    /// Fails, with the first of them, when the server refused requests.
    ///
    /// # Errors
    /// When it did.
    pub fn expect_no_refusals(&self) -> anyhow::Result<()> {
        let (refused, first) = self.counts.refused();
        anyhow::ensure!(refused == 0, "{refused} requests of machines were refused, the first: {first}");
        Ok(())
    }
}

async fn counted(owner: &Client, kql: &str) -> anyhow::Result<Vec<(String, u64)>> {
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
    let answer = owner.post(path, json!({"query": kql})).await?;
    let rows = answer["data"].as_array().with_context(|| format!("no rows: {answer}"))?;
    let row =
        |row: &Value| (row["state"].as_str().unwrap_or_default().to_owned(), row["n"].as_u64().unwrap_or(0));
    Ok(rows.iter().map(row).collect())
}

/// Machines that are enrolled and not started.
pub struct Joined(Vec<Machine>);

impl Joined {
    /// Starts them; their minutes do not begin in the same second.
    pub fn start(self) -> Fleet {
        let (counts, size) = (Arc::new(Counts::default()), self.0.len());
        let mut running = JoinSet::new();
        for machine in self.0 {
            let minute = EVERY.mul_f64((machine.number as f64 + 0.5) / size as f64);
            running.spawn(Arc::new(machine).run(Arc::clone(&counts), minute));
        }
        Fleet { counts, size: size as u64, _running: running }
    }
}

/// Why a request failed.
enum CallError {
    Refused(String),
    /// The server was away, or went away meanwhile.
    Lost,
}

impl From<reqwest::Error> for CallError {
    fn from(_: reqwest::Error) -> Self {
        Self::Lost
    }
}

struct Machine {
    http: reqwest::Client,
    url: String,
    number: usize,
    id: String,
    /// Of its batches of heartbeats.
    source: Uuid,
    covered: AtomicBool,
}

impl Machine {
    async fn join(
        anonymous: &reqwest::Client,
        url: &str,
        ca: &[u8],
        token: &str,
        number: usize,
    ) -> anyhow::Result<Self> {
        let name = format!("fleet-{number:05}");
        let key = rcgen::KeyPair::generate()?;
        let csr = rcgen::CertificateParams::new(vec![name.clone()])?.serialize_request(&key)?.pem()?;
        let request =
            json!({"csr": csr, "resourceName": name, "facts": facts(number), "agentVersion": "0.1.0"});
        let enrol = format!("{url}/agent/v1/enrol");
        let answer = anonymous.post(enrol).bearer_auth(token).json(&request).send().await?;
        let status = answer.status();
        let answer: Value = serde_json::from_str(&answer.text().await?)?;
        anyhow::ensure!(status == StatusCode::OK, "enrolment of {name}: {status} {answer}");
        let certificate = answer["certificate"].as_str().context("no certificate")?;
        let identity = format!("{}{certificate}", key.serialize_pem());
        let http = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(ca)?])
            .identity(reqwest::Identity::from_pem(identity.as_bytes())?)
            .timeout(CALL)
            .local_address(IpAddr::from([127, 0, 0, 2 + u8::try_from(number % ADDRESSES)?]))
            .no_proxy()
            .build()?;
        let id = answer["machineId"].as_str().context("no machine")?.to_owned();
        Ok(Self {
            http,
            url: url.to_owned(),
            number,
            id,
            source: Uuid::new_v4(),
            covered: AtomicBool::new(false),
        })
    }

    async fn run(self: Arc<Self>, counts: Arc<Counts>, minute: Duration) {
        let (news, mut desired) = tokio::sync::watch::channel(Value::Null);
        let polling = {
            let (machine, counts) = (Arc::clone(&self), Arc::clone(&counts));
            async move {
                loop {
                    let generation = news.borrow()["generation"].as_u64();
                    match machine.poll(generation).await {
                        Ok(Some(state)) => drop(news.send_replace(state)),
                        Ok(None) => {}
                        Err(error) => {
                            counts.fails(&error);
                            tokio::time::sleep(AGAIN).await;
                        }
                    }
                }
            }
        };
        let telling = async move {
            let (mut status, mut heartbeat) = (each(minute), each(minute));
            let mut beats = 0_u64;
            loop {
                tokio::select! {
                    told = desired.changed() => if told.is_err() { return },
                    _ = status.tick() => {}
                    _ = heartbeat.tick() => {
                        let state = desired.borrow().clone();
                        match self.beat(&state, beats).await {
                            Ok(true) => {
                                beats += 1;
                                counts.heartbeats.fetch_add(1, Ordering::Relaxed);
                            }
                            // Nothing collects heartbeats yet.
                            Ok(false) => {}
                            Err(error) => counts.fails(&error),
                        }
                        continue;
                    }
                }
                let state = desired.borrow_and_update().clone();
                while let Err(error) = self.report(&state, &counts).await {
                    counts.fails(&error);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        tokio::join!(polling, telling);
    }

    /// The next desired state; `None` when it stayed as it is.
    async fn poll(&self, generation: Option<u64>) -> Result<Option<Value>, CallError> {
        let query = match generation {
            Some(generation) => format!("generation={generation}&wait={}", POLL.as_secs()),
            None => "wait=0".to_owned(),
        };
        let answer = self.http.get(format!("{}/agent/v1/desired?{query}", self.url)).send().await?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(None),
            StatusCode::OK => Ok(Some(answer.json().await?)),
            status => Err(CallError::Refused(format!("desired: {status} {}", answer.text().await?))),
        }
    }

    /// Says that every extension that is asked for runs.
    async fn report(&self, desired: &Value, counts: &Counts) -> Result<(), CallError> {
        let now = SystemClock.now();
        let wanted = desired["extensions"].as_array().map(Vec::as_slice).unwrap_or_default();
        // The moment in which an extension began to run stays.
        let running = |extension: &Value| {
            json!({"name": extension["name"], "version": extension["version"], "state": "running",
                   "message": "running", "since": "2026-01-01T00:00:00Z"})
        };
        let status = json!({"agentVersion": "0.1.0", "generation": desired["generation"].as_u64().unwrap_or(0),
                            "time": now, "facts": facts(self.number),
                            "extensions": wanted.iter().map(running).collect::<Vec<_>>()});
        self.send("agent/v1/status", &status, None).await?;
        counts.statuses.fetch_add(1, Ordering::Relaxed);
        if wanted.len() == COMPONENTS.len() && !self.covered.swap(true, Ordering::Relaxed) {
            counts.covered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends a heartbeat where a rule takes it; `false` when none does.
    async fn beat(&self, desired: &Value, beats: u64) -> Result<bool, CallError> {
        let extensions = desired["extensions"].as_array().into_iter().flatten();
        let rule = extensions.filter_map(|extension| extension["streams"][HEARTBEAT_STREAM].as_str()).next();
        let Some(rule) = rule else { return Ok(false) };
        let name = format!("fleet-{:05}", self.number);
        let row = json!({"TimeGenerated": SystemClock.now(), "Computer": name, "Category": "Direct Agent",
            "OSType": "Linux", "OSName": "Debian GNU/Linux 12", "Version": "0.1.0", "SCAgentChannel": "Direct",
            "ComputerEnvironment": "Non-Azure", "ComputerIP": "192.0.2.1", "SourceSystem": "Linux",
            "ResourceId": self.id, "Resource": name, "ResourceType": "machines"});
        let path = format!("dataCollectionRules/{rule}/streams/{HEARTBEAT_STREAM}?api-version=2023-01-01");
        self.send(&path, &json!([row]), Some(BatchId { source: self.source, seq: beats + 1 })).await?;
        Ok(true)
    }

    async fn send(&self, path: &str, body: &Value, batch: Option<BatchId>) -> Result<(), CallError> {
        let mut request = self.http.post(format!("{}/{path}", self.url)).json(body);
        if let Some(batch) = batch {
            request = request.header("x-bartizan-batch", batch.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(CallError::Refused(format!("{path}: {status} {}", answer.text().await?)));
        }
        Ok(())
    }
}

fn each(offset: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + offset, EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn facts(number: usize) -> Value {
    json!({
        "hostName": format!("fleet-{number:05}"), "fqdn": format!("fleet-{number:05}.example"), "osType": "linux",
        "osName": "Debian GNU/Linux 12", "osSku": "debian", "osVersion": "12", "kernel": "6.1.0-18-amd64",
        "architecture": "x86_64", "cpuCount": 4, "memoryBytes": 8_u64 << 30, "virtualization": "kvm",
    })
}
