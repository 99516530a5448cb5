//! The provider itself: its settings, its discovery document, its keys and its token endpoint.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Ticks, Timespan};
use jsonwebtoken::jwk::JwkSet;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::claims::{self, Claims};

/// How long the provider's description and keys are used before they are read again.
const FRESH: Timespan = Timespan::from_seconds(3600);
/// After keys were read for a name that was not among them, they are not read again for this long.
const PAUSE: Timespan = Timespan::from_seconds(30);
/// One answer of the provider.
const WAIT: Duration = Duration::from_secs(10);
const BYTES_MAX: usize = 1 << 20;

/// Settings of an outside provider.
#[derive(Clone)]
pub struct OutsideOptions {
    /// The issuer, exactly as the provider writes it: `https://id.example/realms/company`.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a public client, which PKCE alone protects.
    pub client_secret: Option<String>,
    /// What the sign-in page calls it.
    pub name: String,
    /// Authorities of its certificate, PEM, besides those that this system trusts.
    pub authorities: Vec<u8>,
}

impl std::fmt::Debug for OutsideOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutsideOptions({}, client {})", self.issuer, self.client_id)
    }
}

/// What can go wrong with the provider.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    #[error("`{0}` cannot be the address of a provider: it must be https, or http on this machine")]
    Address(String),
    #[error("the file of authorities cannot be used")]
    Authorities(#[source] reqwest::Error),
    #[error("`{url}` does not answer")]
    Silent { url: String, source: reqwest::Error },
    #[error("`{url}` answers {status}")]
    Status { url: String, status: u16 },
    #[error("`{url}` answers with more than {BYTES_MAX} bytes")]
    Large { url: String },
    #[error("`{url}` does not answer what it should: {what}")]
    Answer { url: String, what: String },
    #[error("the provider refused the code: {0}")]
    Refused(String),
    /// The token is not to be believed.
    #[error("{0}")]
    Token(String),
}

/// The discovery document, as far as it is used (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Debug, Default)]
struct Known {
    description: Option<(Arc<Description>, Ticks)>,
    keys: Option<(Arc<JwkSet>, Ticks)>,
    /// When the keys were last read for a name that they do not have.
    missed: Option<Ticks>,
}

/// An outside provider, and what is known of it.
#[derive(Debug)]
pub struct OutsideProvider {
    options: OutsideOptions,
    http: reqwest::Client,
    known: Mutex<Known>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    #[serde(default)]
    error: String,
}

impl OutsideProvider {
    /// A provider by its settings; it is not asked yet.
    ///
    /// # Errors
    /// When the address or the authorities cannot be used.
    pub fn new(options: OutsideOptions) -> Result<Self, OutsideError> {
        endpoint(&options.issuer)?;
        let mut builder = reqwest::Client::builder()
            .timeout(WAIT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("bartizan");
        let more = reqwest::Certificate::from_pem_bundle(&options.authorities);
        for authority in more.map_err(OutsideError::Authorities)? {
            builder = builder.add_root_certificate(authority);
        }
        let http = builder.build().map_err(OutsideError::Authorities)?;
        Ok(Self { options, http, known: Mutex::default() })
    }

    /// What the sign-in page calls it.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.options.issuer
    }

    /// Where a browser is sent to sign in.
    pub(super) async fn sign_in_url(
        &self,
        redirect: &str,
        state: &str,
        nonce: &str,
        challenge: &str,
        now: Ticks,
    ) -> Result<Url, OutsideError> {
        let mut url = endpoint(&self.description(now).await?.authorization_endpoint)?;
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.options.client_id),
            ("redirect_uri", redirect),
            ("scope", "openid profile email"),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok(url)
    }

    /// The ID token for a code.
    pub(super) async fn exchange(
        &self,
        redirect: &str,
        code: &str,
        verifier: &str,
        now: Ticks,
    ) -> Result<String, OutsideError> {
        let description = self.description(now).await?;
        let url = endpoint(&description.token_endpoint)?;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        let methods = &description.token_endpoint_auth_methods_supported;
        let offers = |name: &str| methods.iter().any(|method| method == name);
        let mut request = self.http.post(url.clone());
        match &self.options.client_secret {
            // What a provider that does not say takes (section 3 of Discovery).
            Some(secret) if methods.is_empty() || offers("client_secret_basic") => {
                let escape =
                    |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(escape(&self.options.client_id), Some(escape(secret)));
            }
            secret => {
                fields.push(("client_id", &self.options.client_id));
                fields.extend(secret.as_deref().map(|secret| ("client_secret", secret)));
            }
        }
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let (status, body) = read(request, &url).await?;
        if status != 200 {
            let error: TokenError =
                serde_json::from_slice(&body).unwrap_or(TokenError { error: String::new() });
            let word: String = error.error.chars().filter(|c| c.is_ascii_graphic()).take(80).collect();
            return match status {
                400..500 => {
                    Err(OutsideError::Refused(if word.is_empty() { status.to_string() } else { word }))
                }
                _ => Err(OutsideError::Status { url: shown(&url), status }),
            };
        }
        let answer: TokenAnswer = parse(&body, &url)?;
        answer
            .id_token
            .ok_or_else(|| OutsideError::Answer { url: shown(&url), what: "no id_token".to_owned() })
    }

    /// The claims of an ID token, when all of it holds.
    pub(super) async fn check(&self, token: &str, nonce: &str, now: Ticks) -> Result<Claims, OutsideError> {
        let named = claims::key_name(token)?;
        let mut keys = self.keys(now, false).await?;
        if claims::find(&keys, named.as_deref()).is_none() {
            let rests = self.known.lock().missed.is_some_and(|missed| now < missed + PAUSE);
            if !rests {
                // A key that is newer than what is known of the keys.
                keys = self.keys(now, true).await?;
                if claims::find(&keys, named.as_deref()).is_none() {
                    self.known.lock().missed = Some(now);
                }
            }
        }
        let key = claims::find(&keys, named.as_deref());
        let key = key.ok_or_else(|| OutsideError::Token("it is signed with an unknown key".to_owned()))?;
        claims::check(token, key, &self.options.issuer, &self.options.client_id, nonce, now)
    }

    async fn description(&self, now: Ticks) -> Result<Arc<Description>, OutsideError> {
        if let Some((known, read)) = &self.known.lock().description
            && now < *read + FRESH
        {
            return Ok(Arc::clone(known));
        }
        let issuer = self.options.issuer.trim_end_matches('/');
        let url = endpoint(&format!("{issuer}/.well-known/openid-configuration"))?;
        let found: Description = self.get(&url).await?;
        if found.issuer != self.options.issuer {
            let what =
                format!("it is the description of `{}`", found.issuer.chars().take(200).collect::<String>());
            return Err(OutsideError::Answer { url: shown(&url), what });
        }
        let found = Arc::new(found);
        self.known.lock().description = Some((Arc::clone(&found), now));
        Ok(found)
    }

    async fn keys(&self, now: Ticks, anew: bool) -> Result<Arc<JwkSet>, OutsideError> {
        if !anew
            && let Some((known, read)) = &self.known.lock().keys
            && now < *read + FRESH
        {
            return Ok(Arc::clone(known));
        }
        let url = endpoint(&self.description(now).await?.jwks_uri)?;
        // Keys of kinds that are not known here are no reason to refuse the others.
        let all: serde_json::Value = self.get(&url).await?;
        let keys = all["keys"].as_array().cloned().unwrap_or_default();
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        let found = Arc::new(JwkSet { keys });
        self.known.lock().keys = Some((Arc::clone(&found), now));
        Ok(found)
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, OutsideError> {
        let (status, body) = read(self.http.get(url.clone()), url).await?;
        if status != 200 {
            return Err(OutsideError::Status { url: shown(url), status });
        }
        parse(&body, url)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8], url: &Url) -> Result<T, OutsideError> {
    serde_json::from_slice(body)
        .map_err(|error| OutsideError::Answer { url: shown(url), what: error.to_string() })
}

async fn read(request: reqwest::RequestBuilder, url: &Url) -> Result<(u16, Vec<u8>), OutsideError> {
    let silent =
        |source: reqwest::Error| OutsideError::Silent { url: shown(url), source: source.without_url() };
    let mut answer = request.send().await.map_err(silent)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(silent)? {
        if body.len() + chunk.len() > BYTES_MAX {
            return Err(OutsideError::Large { url: shown(url) });
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status().as_u16(), body))
}

/// An address without its query, which may hold a secret.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// An address that may be asked: nobody on the way may read or change what is said, so plain HTTP only within this
/// machine.
fn endpoint(text: &str) -> Result<Url, OutsideError> {
    let wrong = || OutsideError::Address(text.chars().take(200).collect());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    match url.scheme() {
        "https" if url.has_host() && plain => Ok(url),
        "http" if here && plain => Ok(url),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_nobody_listens_in_on() {
        for good in [
            "https://id.example/",
            "https://id.example:8443/realms/a",
            "http://127.0.0.1:8080",
            "http://[::1]/x",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for wrong in [
            "http://id.example/",
            "http://10.0.0.1/",
            "https://",
            "file:///etc/passwd",
            "id.example",
            "https://a:b@id.example/",
        ] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let options = OutsideOptions {
            issuer: "https://id.example".to_owned(),
            client_id: "us".to_owned(),
            client_secret: Some("hidden".to_owned()),
            name: "Company".to_owned(),
            authorities: Vec::new(),
        };
        let provider = OutsideProvider::new(options).unwrap();
        assert!(!format!("{provider:?}").contains("hidden"));
    }
}
