//! A real server with its data in a temporary folder, a client that talks to it, and an agent for this machine.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::real::programs::{Running, capture, free_port, program, repository};

/// A server and how to reach it.
pub struct Server {
    pub data: PathBuf,
    pub url: String,
    pub ca: PathBuf,
    pub sign_in: Option<String>,
    pub process: Running,
    address: String,
    port: u16,
}

impl Server {
    /// Starts a server with its data in `data`.
    pub fn start(data: &Path) -> anyhow::Result<Self> {
        Self::start_at(data, "127.0.0.1")
    }

    /// Starts a server at an address of this machine, known by that address.
    pub fn start_at(data: &Path, address: &str) -> anyhow::Result<Self> {
        Self::start_on(data, address, free_port())
    }

    fn start_on(data: &Path, address: &str, port: u16) -> anyhow::Result<Self> {
        let mut command = Command::new(program("bartizan"));
        command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--listen", &format!("{address}:{port}")])
            .arg("--portal")
            .arg(repository().join("web/dist"))
            .arg("--agent-binary")
            .arg(program("bartizan-agent"))
            .stdout(Stdio::piped());
        if address != "127.0.0.1" {
            command.args(["--public-name", address]);
        }
        let mut process = Running::start("bartizan", &mut command)?;
        let stdout = process.child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref() {
            let Ok(event) = serde_json::from_str::<Value>(&line?) else { continue };
            if event["event"] == "ready" {
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self {
                    data: data.to_owned(),
                    url: event["url"].as_str().context("no url")?.to_owned(),
                    ca: PathBuf::from(event["ca"].as_str().context("no CA")?),
                    sign_in: event["signIn"].as_str().map(str::to_owned),
                    process,
                    address: address.to_owned(),
                    port,
                });
            }
        }
        bail!("the server ended before it was ready")
    }

    /// Starts it again after it was stopped or killed: same data, same address.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        *self = Self::start_on(&self.data, &self.address, self.port)?;
        Ok(())
    }

    /// Signs in as the owner, with the link of the first start.
    pub async fn owner(&self) -> anyhow::Result<Client> {
        let code =
            self.sign_in.as_deref().and_then(|link| link.split_once('#')).context("no sign-in link")?.1;
        let http = self.http()?;
        let answer =
            http.post(format!("{}/portal/v1/signin", self.url)).json(&json!({"code": code})).send().await?;
        anyhow::ensure!(answer.status() == StatusCode::OK, "sign-in: {}", answer.text().await?);
        let cookie = answer.headers().get("set-cookie").context("no cookie")?.to_str()?.to_owned();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let mut client = Client { http, url: self.url.clone(), cookie, session: Value::Null };
        client.session = client.get("/portal/v1/session").await?;
        Ok(client)
    }

    /// An HTTP client that trusts only this server's CA.
    pub fn http(&self) -> anyhow::Result<reqwest::Client> {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(&self.ca)?)?;
        Ok(reqwest::Client::builder()
            .tls_certs_only([ca])
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()?)
    }

    /// Connects this machine and starts its agent.
    pub fn connect(&self, state: &Path) -> anyhow::Result<Running> {
        let token =
            capture(Command::new(program("bartizan")).arg("onboarding-token").arg("--data").arg(&self.data))?;
        capture(
            Command::new(program("bartizan-agent"))
                .arg("connect")
                .args(["--server", &self.url])
                .arg("--ca")
                .arg(&self.ca)
                .env("BARTIZAN_TOKEN", token.trim())
                .arg("--state")
                .arg(state),
        )?;
        run_agent(state)
    }

    /// A bearer token of a new service principal with `role`.
    pub async fn token(&self, role: &str) -> anyhow::Result<String> {
        let printed = capture(
            Command::new(program("bartizan"))
                .args(["service-principal", "create", "--name", "e2e", "--role", role])
                .arg("--data")
                .arg(&self.data),
        )?;
        let principal: Value = serde_json::from_str(&printed).with_context(|| printed.clone())?;
        let field = |name: &str| principal[name].as_str().unwrap_or_default().to_owned();
        let answer = self
            .http()?
            .post(format!("{}/{}/oauth2/v2.0/token", self.url, field("tenant")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!(
                "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmonitor.azure.com%2F.default",
                field("appId"),
                field("password")
            ))
            .send()
            .await?;
        let answer: Value = answer.json().await?;
        answer["access_token"].as_str().map(str::to_owned).with_context(|| format!("no token: {answer}"))
    }
}

/// Starts the supervisor of a machine that is connected.
pub fn run_agent(state: &Path) -> anyhow::Result<Running> {
    Running::start(
        "bartizan-agent",
        Command::new(program("bartizan-agent")).arg("run").arg("--state").arg(state),
    )
}

/// The owner at the portal.
pub struct Client {
    http: reqwest::Client,
    url: String,
    cookie: String,
    session: Value,
}

impl Client {
    /// The same person at another server that knows the session, such as one restored from a backup.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn at(&self, server: &Server) -> anyhow::Result<Self> {
        let (cookie, session) = (self.cookie.clone(), self.session.clone());
        Ok(Self { http: server.http()?, url: server.url.clone(), cookie, session })
    }

    /// A field of the session.
    pub fn session(&self, field: &str) -> String {
        self.session[field].as_str().unwrap_or_default().to_owned()
    }

    pub fn subscription(&self) -> String {
        format!("/subscriptions/{}", self.session("subscriptionId"))
    }

    pub fn insights(&self, path: &str) -> String {
        format!("{}/providers/Microsoft.SecurityInsights/{path}", self.session("workspaceId"))
    }

    /// Sends a request; the answer may be an error.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .header("cookie", &self.cookie)
            .header("x-bartizan-portal", "1")
    }

    /// Evaluates the subscription's policies, and waits until that is done.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn evaluate_policies(&self) -> anyhow::Result<()> {
        let path = format!(
            "{}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation?api-version=2019-10-01",
            self.subscription()
        );
        let accepted = self.request(Method::POST, &path).send().await?;
        let link = accepted.headers().get("location").and_then(|link| link.to_str().ok());
        let at = link.and_then(|link| link.find("/subscriptions/"));
        let (link, at) =
            link.zip(at).with_context(|| format!("{path}: {} leads nowhere", accepted.status()))?;
        loop {
            let (status, answer) = self.send(Method::GET, &link[at..], None).await?;
            match status {
                StatusCode::OK => return Ok(()),
                StatusCode::ACCEPTED => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                _ => anyhow::bail!("{link}: {status} {answer}"),
            }
        }
    }

    async fn expect(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let (status, answer) = self.send(method.clone(), path, body).await?;
        anyhow::ensure!(status.is_success(), "{method} {path}: {status} {answer}");
        Ok(answer)
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.expect(Method::GET, path, None).await
    }

    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.expect(Method::PUT, path, Some(body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.expect(Method::POST, path, Some(body)).await
    }

    /// Runs a KQL query and gives its rows as objects.
    pub async fn query(&self, kql: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("/v1/workspaces/{}/query", self.session("workspaceCustomerId"));
        let answer = self.post(&path, json!({"query": kql})).await?;
        let table = &answer["tables"][0];
        let names: Vec<String> = table["columns"]
            .as_array()
            .context("no columns")?
            .iter()
            .map(|column| column["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        let rows = table["rows"].as_array().context("no rows")?;
        Ok(rows
            .iter()
            .map(|row| {
                let cells = row.as_array().into_iter().flatten().cloned();
                Value::Object(names.iter().cloned().zip(cells).collect())
            })
            .collect())
    }

    /// The single number that a query like `T | count` gives.
    pub async fn count(&self, kql: &str) -> anyhow::Result<u64> {
        let rows = self.query(kql).await?;
        rows.first().and_then(|row| row["Count"].as_u64()).context("no count")
    }

    /// Turns Defender for Servers on or off.
    pub async fn plan(&self, on: bool) -> anyhow::Result<Value> {
        let path = format!(
            "{}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2024-01-01",
            self.subscription()
        );
        let properties = if on {
            json!({"pricingTier": "Standard", "subPlan": "P2"})
        } else {
            json!({"pricingTier": "Free"})
        };
        self.put(&path, json!({"properties": properties})).await
    }

    /// The resource id of the default data collection rule, and its immutable id.
    pub async fn data_collection_rule(&self) -> anyhow::Result<String> {
        let list = self
            .get(&format!(
                "{}/providers/Microsoft.Insights/dataCollectionRules?api-version=2023-03-11",
                self.subscription()
            ))
            .await?;
        let id = &list["value"][0]["properties"]["immutableId"];
        id.as_str().map(str::to_owned).with_context(|| format!("no rule in {list}"))
    }

    /// Policy states of the subscription, newest.
    pub async fn policy_states(&self) -> anyhow::Result<Vec<Value>> {
        let path = format!(
            "{}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults?api-version=2019-10-01",
            self.subscription()
        );
        Ok(self.post(&path, json!({})).await?["value"].as_array().cloned().unwrap_or_default())
    }

    /// All incidents of the workspace.
    pub async fn incidents(&self) -> anyhow::Result<Vec<Value>> {
        let list = self.get(&format!("{}?api-version=2024-03-01", self.insights("incidents"))).await?;
        Ok(list["value"].as_array().cloned().unwrap_or_default())
    }

    /// The incident whose title contains `title`.
    pub async fn incident(&self, title: &str) -> anyhow::Result<Option<Value>> {
        let found =
            self.incidents().await?.into_iter().find(|incident| {
                incident["properties"]["title"].as_str().unwrap_or_default().contains(title)
            });
        Ok(found)
    }
}
