//! A server in this process, on a free port with its own data folder, and clients for each kind of caller.

use std::sync::Arc;

use anyhow::Context as _;
use bartizan_base::{Clock, ResourceId, SystemClock};
use bartizan_control::identity::service_principals;
use bartizan_records::PostgresUrl;
use bartizan_server::{ServeOptions, Server};
use reqwest::{Certificate, Identity, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

/// Current versions of what tests call most; any other path takes its own.
const VERSIONS: [(&str, &str); 10] = [
    ("microsoft.security/", "2024-01-01"),
    ("microsoft.securityinsights/", "2024-09-01"),
    ("microsoft.awsconnector/", "2024-12-01"),
    ("microsoft.connectedvmwarevsphere/", "2023-12-01"),
    ("microsoft.hybridcompute/", "2024-07-10"),
    ("microsoft.authorization/", "2022-04-01"),
    ("microsoft.insights/", "2023-03-11"),
    ("microsoft.operationalinsights/", "2025-07-01"),
    ("microsoft.policyinsights/", "2019-10-01"),
    ("", "2022-12-01"),
];

/// A running server.
pub struct InProcess {
    pub server: Server,
    pub dir: tempfile::TempDir,
}

/// The data folder of a server that was stopped.
pub struct Stopped {
    pub dir: tempfile::TempDir,
    clock: Arc<dyn Clock>,
}

impl Stopped {
    /// Starts a server on it again.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start(self) -> anyhow::Result<InProcess> {
        self.start_with(|_| {}).await
    }

    /// The same with options of the test's own.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start_with(self, change: impl FnOnce(&mut ServeOptions)) -> anyhow::Result<InProcess> {
        InProcess::open(self.dir, self.clock, change).await
    }
}

/// Gives a new data folder a database of its own on the PostgreSQL that `BARTIZAN_TEST_POSTGRES` names, if it
/// names one: the same tests run on both kinds of database.
async fn use_postgres(data: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let setting = data.join("database.url");
    if let Ok(server) = std::env::var("BARTIZAN_TEST_POSTGRES")
        && !data.join("control.db").exists()
        && !setting.exists()
    {
        let url = PostgresUrl::parse(&server)?.new_database().await?;
        std::fs::create_dir_all(data)?;
        std::fs::write(&setting, url.with_secrets())?;
        std::fs::set_permissions(&setting, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// A caller: who it is lies in its token or certificate.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

/// A machine's key and certificate, after enrolment.
#[derive(Clone)]
pub struct Machine {
    pub id: ResourceId,
    pub vm_id: Uuid,
    pub caller: Caller,
}

impl InProcess {
    /// Starts a server by the system's clock.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_at(Arc::new(SystemClock)).await
    }

    /// Starts a server by another clock. TLS goes by the system's all the same.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start_at(clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Self::start_with(clock, |_| {}).await
    }

    /// Starts a server with options of the test's own.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start_with(
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut ServeOptions),
    ) -> anyhow::Result<Self> {
        Stopped { dir: tempfile::tempdir().context("cannot make a data folder")?, clock }
            .start_with(change)
            .await
    }

    /// Stops the server and keeps its data folder.
    pub async fn stopped(self) -> Stopped {
        let clock = Arc::clone(&self.server.app.clock);
        self.server.stop().await;
        Stopped { dir: self.dir, clock }
    }

    /// The folder, the portal's files and the options of tests.
    async fn open(
        dir: tempfile::TempDir,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut ServeOptions),
    ) -> anyhow::Result<Self> {
        let portal = dir.path().join("portal");
        std::fs::create_dir_all(portal.join("assets"))?;
        std::fs::write(portal.join("index.html"), "<!doctype html><title>portal</title>")?;
        std::fs::write(portal.join("assets/app-1234.js"), "export {};")?;
        let listen = "127.0.0.1:0".parse().context("fixed")?;
        let mut options = ServeOptions {
            portal: Some(portal),
            clock,
            store: |store| store.reserve_bytes = 0,
            ..ServeOptions::new(dir.path().join("data"), listen)
        };
        change(&mut options);
        use_postgres(&options.data).await?;
        Ok(Self { server: Server::start(options).await?, dir })
    }

    /// Nobody in particular.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn anonymous(&self) -> anyhow::Result<Caller> {
        self.client(None)
    }

    /// A new service principal with `role` on the subscription, with its token.
    ///
    /// # Errors
    /// When it cannot be made or gets no token.
    pub async fn principal(&self, role: &str) -> anyhow::Result<Caller> {
        self.principal_at(role, &self.server.app.home.subscription_id()).await
    }

    /// A new service principal with `role` at `scope`, with its token.
    ///
    /// # Errors
    /// When it cannot be made or gets no token.
    pub async fn principal_at(&self, role: &str, scope: &ResourceId) -> anyhow::Result<Caller> {
        let (app, home) = (&self.server.app, &self.server.app.home);
        let made = service_principals::create(&app.records, home, role, role, scope).await?;
        let answer = self.token(&made.app_id.to_string(), &made.secret).await?;
        let token = answer.json()["access_token"].as_str().context("no token")?.to_owned();
        Ok(Caller { token: Some(token), ..self.anonymous()? })
    }

    /// What the token endpoint answers.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn token(&self, client_id: &str, secret: &str) -> anyhow::Result<Answer> {
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={secret}&scope=x%2F.default"
        );
        let path = format!("/{}/oauth2/v2.0/token", self.server.app.home.tenant);
        let request = self.anonymous()?.request(Method::POST, &path);
        read(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
    }

    /// Enrols a machine with an onboarding token.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn enrol(&self, name: &str) -> anyhow::Result<Machine> {
        let (app, home) = (&self.server.app, &self.server.app.home);
        let by = home.owner.to_string();
        let group = home.group_id();
        let (token, _) =
            bartizan_control::portal::new_token(&app.records, home, &by, &group, &Default::default()).await?;
        let (key, csr) = new_request()?;
        let body = enrol_body(name, &csr);
        let answer =
            self.anonymous()?.with_token(&token).send(Method::POST, "/agent/v1/enrol", Some(&body)).await?;
        anyhow::ensure!(answer.status == 200, "enrol: {} {}", answer.status, answer.text);
        let answer = answer.json();
        let certificate = answer["certificate"].as_str().context("no certificate")?;
        Ok(Machine {
            id: answer["machineId"].as_str().context("no machine")?.parse()?,
            vm_id: answer["vmId"].as_str().context("no vmId")?.parse()?,
            caller: self.with_certificate(&key, certificate)?,
        })
    }

    /// A caller with this client certificate.
    ///
    /// # Errors
    /// When key and certificate cannot be used.
    pub fn with_certificate(&self, key: &str, certificate: &str) -> anyhow::Result<Caller> {
        self.client(Some(Identity::from_pem(format!("{key}{certificate}").as_bytes())?))
    }

    fn client(&self, identity: Option<Identity>) -> anyhow::Result<Caller> {
        let ca = Certificate::from_pem(self.server.app.pki.server_ca.as_bytes())?;
        let mut builder = reqwest::Client::builder().tls_certs_only([ca]).no_proxy();
        if let Some(identity) = identity {
            builder = builder.identity(identity);
        }
        Ok(Caller { http: builder.build()?, url: self.server.ready.url.clone(), token: None })
    }
}

/// A new P-256 key and a certificate signing request for it, both PEM.
///
/// # Errors
/// When no key can be made.
pub fn new_request() -> anyhow::Result<(String, String)> {
    let key = rcgen::KeyPair::generate()?;
    let csr = rcgen::CertificateParams::default().serialize_request(&key)?.pem()?;
    Ok((key.serialize_pem(), csr))
}

/// The body of an enrolment.
pub fn enrol_body(name: &str, csr: &str) -> Value {
    json!({
        "csr": csr, "tenantId": null, "subscriptionId": null, "resourceGroup": null, "resourceName": name,
        "agentVersion": "0.1.0", "facts": facts(name),
    })
}

/// Facts of a machine that does not exist.
pub fn facts(name: &str) -> Value {
    json!({"hostName": name, "osType": "linux", "osName": "Debian GNU/Linux 12", "osSku": "debian", "osVersion": "12"})
}

impl Caller {
    /// The same with a bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request with this caller's credentials, to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends JSON and reads the answer. ARM paths without an api-version get a current one.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let lower = path.to_ascii_lowercase();
        let arm = ["/subscriptions", "/providers", "/tenants"].iter().any(|start| lower.starts_with(start));
        let path = if arm && !lower.contains("api-version") {
            let last = lower.rsplit("/providers/").next().unwrap_or_default();
            let found = VERSIONS.iter().find(|(namespace, _)| last.starts_with(namespace));
            let joint = if path.contains('?') { '&' } else { '?' };
            format!("{path}{joint}api-version={}", found.map_or("", |(_, version)| version))
        } else {
            path.to_owned()
        };
        let mut request = self.request(method, &path);
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request).await
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// `PUT` of JSON.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.send(Method::PUT, path, Some(&body)).await
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, Some(&body)).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::DELETE, path, None).await
    }
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// When there is no answer.
pub async fn read(request: RequestBuilder) -> anyhow::Result<Answer> {
    let answer = request.send().await?;
    Ok(Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: answer.text().await?,
    })
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// `error.code` of the body.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}
