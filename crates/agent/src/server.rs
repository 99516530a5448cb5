//! Calls to the server, and the one place where its answers become "done", "never" or "later".

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bartizan_wire::{
    AgentStatus, BATCH_HEADER, DESIRED_WAIT_SECONDS_MAX, DesiredState, EnrolRequest, EnrolResponse,
    EvidenceReport, RenewRequest, RenewResponse, TestAlertReport, TestAlertStarted,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::identity::Identity;
use crate::tls::{self, Trust};
use crate::upgrade::Take;
use crate::upload::{Ingest, Outcome, Upload};

/// Time for everything but the long poll.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for one file of a package over a slow line.
const PACKAGE_TIMEOUT: Duration = Duration::from_secs(1800);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The api-version of the logs ingestion call.
const INGEST_API_VERSION: &str = "2023-01-01";
/// Longest error text kept of an answer.
const ERROR_TEXT_MAX: usize = 400;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer: name, connection, TLS, time.
    #[error("the server does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// An answer that is not success.
    #[error("the server answers {status}: {message}")]
    Refused { status: StatusCode, message: String, retry_after: Option<Duration> },
    /// Success with a body that makes no sense.
    #[error("the server's answer cannot be read")]
    BadAnswer(#[source] reqwest::Error),
}

impl CallError {
    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            Self::BadAnswer(_) => false,
        }
    }

    /// The error with its causes on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// A connection to one server, with or without a machine's identity. Cheap to clone.
#[derive(Clone)]
pub struct ServerClient {
    http: reqwest::Client,
    base: Url,
}

impl fmt::Debug for ServerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerClient({})", self.base)
    }
}

impl ServerClient {
    /// Connects as nobody in particular, for enrolment.
    ///
    /// # Errors
    /// When the address is not `https://…` or the trust or proxy cannot be used.
    pub fn anonymous(server: &str, trust: &Trust, proxy: Option<&str>) -> Result<Self> {
        Self::build(server, tls::client_config(trust, None)?, proxy)
    }

    /// Connects as the machine.
    ///
    /// # Errors
    /// When the stored identity cannot be used.
    pub fn for_machine(identity: &Identity) -> Result<Self> {
        let trust = Trust::Ca(identity.server_ca.clone());
        let config = tls::client_config(&trust, Some((&identity.certificate, &identity.key.0)))?;
        Self::build(&identity.server, config, identity.proxy.as_deref())
    }

    fn build(server: &str, config: rustls::ClientConfig, proxy: Option<&str>) -> Result<Self> {
        let base =
            Url::parse(server).with_context(|| format!("the server address `{server}` is not a URL"))?;
        // A test server on the same machine may do without TLS; nothing that leaves the machine may.
        let loopback = matches!(base.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        ensure!(
            base.scheme() == "https" || (base.scheme() == "http" && loopback),
            "the server address `{server}` must start with https://"
        );
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            // HTTP/2 pings find a dead connection under a long poll before TCP would.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .user_agent(concat!("bartizan-agent/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        if let Some(proxy) = proxy {
            let proxy =
                reqwest::Proxy::all(proxy).with_context(|| format!("the proxy `{proxy}` is not a URL"))?;
            builder = builder.proxy(proxy);
        }
        Ok(Self { http: builder.build().context("cannot set up the HTTP client")?, base })
    }

    /// Exchanges an onboarding token for an identity.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn enrol(&self, token: &str, request: &EnrolRequest) -> Result<EnrolResponse, CallError> {
        read_json(send(self.post("agent/v1/enrol", request).bearer_auth(token)).await?).await
    }

    /// Gets a token for a service principal (OAuth 2.0 client credentials).
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn service_principal_token(
        &self,
        tenant: &str,
        id: &str,
        secret: &str,
    ) -> Result<String, CallError> {
        #[derive(serde::Deserialize)]
        struct Token {
            access_token: String,
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret)
            .append_pair("scope", "https://management.azure.com/.default");
        let request = self
            .request(Method::POST, &format!("{tenant}/oauth2/v2.0/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.finish());
        let token: Token = read_json(send(request).await?).await?;
        Ok(token.access_token)
    }

    /// Asks for the next certificate.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn renew(&self, request: &RenewRequest) -> Result<RenewResponse, CallError> {
        read_json(send(self.post("agent/v1/renew", request)).await?).await
    }

    /// Waits for a desired state other than `generation`; `None` when nothing changed in time.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn desired(&self, generation: Option<u64>) -> Result<Option<DesiredState>, CallError> {
        let wait = if generation.is_some() { DESIRED_WAIT_SECONDS_MAX } else { 0 };
        let path = match generation {
            Some(generation) => format!("agent/v1/desired?generation={generation}&wait={wait}"),
            None => "agent/v1/desired?wait=0".to_owned(),
        };
        let timeout = CALL_TIMEOUT + Duration::from_secs(wait);
        let answer = send(self.request(Method::GET, &path).timeout(timeout)).await?;
        if answer.status() == StatusCode::NO_CONTENT { Ok(None) } else { read_json(answer).await.map(Some) }
    }

    /// Reports the agent's status.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn status(&self, status: &AgentStatus) -> Result<(), CallError> {
        send(self.post("agent/v1/status", status)).await.map(drop)
    }

    /// Reports evidence.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn evidence(&self, report: &EvidenceReport) -> Result<(), CallError> {
        send(self.post("agent/v1/evidence", report)).await.map(drop)
    }

    /// One file of a package, `{version}/{platform}/{number}`, in parts until `take` has enough.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn package(&self, path: &str, take: &mut Take<'_>) -> Result<(), CallError> {
        let request =
            self.request(Method::GET, &format!("agent/v1/packages/{path}")).timeout(PACKAGE_TIMEOUT);
        let mut answer = send(request).await?;
        while let Some(part) = answer.chunk().await.map_err(CallError::Unreachable)? {
            if !take(&part) {
                break;
            }
        }
        Ok(())
    }

    /// Begins a test alert of this machine, whose process the caller starts.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn start_test_alert(&self) -> Result<TestAlertReport, CallError> {
        read_json(send(self.request(Method::POST, "agent/v1/test-alerts")).await?).await
    }

    /// How far the machine's last test alert is.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn test_alert(&self) -> Result<TestAlertReport, CallError> {
        read_json(send(self.request(Method::GET, "agent/v1/test-alerts/latest")).await?).await
    }

    /// Tells that a test's process was started, or why not.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn test_alert_started(&self, started: &TestAlertStarted) -> Result<(), CallError> {
        send(self.post("agent/v1/test-alerts/started", started)).await.map(drop)
    }

    /// Takes the machine resource away.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn disconnect(&self) -> Result<(), CallError> {
        send(self.request(Method::POST, "agent/v1/disconnect")).await.map(drop)
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let base = self.base.as_str().trim_end_matches('/');
        self.http.request(method, format!("{base}/{path}"))
    }
}

#[async_trait::async_trait]
impl Ingest for ServerClient {
    async fn upload(&self, upload: &Upload) -> Outcome {
        let path = format!(
            "dataCollectionRules/{}/streams/{}?api-version={INGEST_API_VERSION}",
            upload.rule, upload.stream
        );
        let request = self
            .request(Method::POST, &path)
            .header("content-type", "application/json")
            .header("content-encoding", upload.encoding.header())
            .header(BATCH_HEADER, upload.batch.to_string())
            .body(upload.body.clone());
        match send(request).await {
            Ok(_) => Outcome::Stored,
            Err(CallError::Refused { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, message, .. }) => {
                Outcome::UnknownEncoding(message)
            }
            // Only these say "this body, never": everything else may be cured on the server's side, so the
            // batch is kept and the spool's bound decides how long.
            Err(CallError::Refused {
                status:
                    StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY,
                message,
                ..
            }) => Outcome::Rejected(message),
            Err(CallError::Refused { status, message, retry_after }) => {
                Outcome::Later { reason: format!("{status}: {message}"), retry_after }
            }
            Err(error) => Outcome::Later { reason: error.chain(), retry_after: None },
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Response, CallError> {
    let answer = request.send().await.map_err(CallError::Unreachable)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let retry_after = answer
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let text = answer.text().await.unwrap_or_default();
    Err(CallError::Refused { status, message: error_message(&text), retry_after })
}

async fn read_json<T: DeserializeOwned>(answer: Response) -> Result<T, CallError> {
    answer.json().await.map_err(CallError::BadAnswer)
}

/// `code: message` of an ARM error body, or the start of whatever came.
fn error_message(body: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let error = &value["error"];
    match (error["code"].as_str(), error["message"].as_str()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => match value["error_description"].as_str() {
            Some(description) => description.to_owned(),
            None => body.chars().take(ERROR_TEXT_MAX).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_do_without_tls() {
        let trust = Trust::Fingerprint([0; 32]);
        assert!(ServerClient::anonymous("http://192.0.2.1:8443", &trust, None).is_err());
        assert!(ServerClient::anonymous("ftp://localhost", &trust, None).is_err());
        assert!(ServerClient::anonymous("not a url", &trust, None).is_err());
        assert!(ServerClient::anonymous("https://192.0.2.1:8443", &trust, None).is_ok());
        assert!(ServerClient::anonymous("http://127.0.0.1:1", &trust, None).is_ok());
    }

    #[test]
    fn error_bodies_become_one_line() {
        assert_eq!(
            error_message(r#"{"error":{"code":"InvalidToken","message":"used"}}"#),
            "InvalidToken: used"
        );
        assert_eq!(error_message("<html>"), "<html>");
    }
}
