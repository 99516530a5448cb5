//! Programs that sign in with a certificate: a short-lived token of their own, signed with its key (RFC 7523).

use std::collections::HashMap;

use axum::http::request::Parts;
use bartizan_base::Ticks;
use bartizan_records::{NewSecret, Principal, Records, RecordsError, SecretKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use url::Url;
use uuid::Uuid;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::app::App;
use crate::http::{Failure, base_url};

/// `client_assertion_type`.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion lives no longer; Azure's clients make them for ten minutes.
const LIFE_SECONDS_MAX: i64 = 3600;
const LEEWAY_SECONDS: i64 = 60;
/// Assertions that are remembered so that none is taken twice.
const SEEN_MAX: usize = 20_000;
/// RSA keys shorter than this are refused.
const RSA_BITS_MIN: usize = 2048;

/// Assertions that were shown, until they end.
#[derive(Debug, Default)]
pub(crate) struct SeenAssertions(Mutex<HashMap<(Uuid, Uuid), i64>>);

impl SeenAssertions {
    /// Remembers one; `false` when it was here before, or when no more can be remembered.
    fn first(&self, app_id: Uuid, id: &str, ends: i64, now: i64) -> bool {
        let id = Uuid::new_v5(&app_id, id.as_bytes());
        let mut seen = self.0.lock();
        if seen.len() >= SEEN_MAX {
            seen.retain(|_, ends| *ends > now);
        }
        seen.len() < SEEN_MAX && seen.insert((app_id, id), ends).is_none()
    }
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    exp: i64,
    #[serde(default)]
    nbf: i64,
    jti: String,
}

/// Why a certificate cannot be one of a program.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate is not PEM, or not an X.509 certificate")]
    Malformed,
    #[error("the certificate's key must be RSA of at least {RSA_BITS_MIN} bits or on the curve P-256")]
    Key,
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Lets `principal` sign in with this certificate until it ends.
///
/// # Errors
/// See [`CertificateError`].
pub async fn add_certificate(
    records: &Records,
    principal: &Principal,
    pem: &str,
) -> Result<(), CertificateError> {
    let (_, block) =
        x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| CertificateError::Malformed)?;
    let (_, certificate) =
        X509Certificate::from_der(&block.contents).map_err(|_| CertificateError::Malformed)?;
    key(&certificate).ok_or(CertificateError::Key)?;
    let expires = Ticks::from_unix_millis(certificate.validity().not_after.timestamp() * 1000);
    // Clients name the certificate by either thumbprint. It only finds the key, and the key decides.
    for thumbprint in thumbprints(&block.contents) {
        let secret = NewSecret {
            kind: SecretKind::ClientCertificate,
            subject: principal.object_id.to_string(),
            data: json!({"certificate": STANDARD.encode(&block.contents)}),
            expires,
            uses: None,
        };
        records.put_secret(&name(principal.app_id.unwrap_or_default(), &thumbprint), secret).await?;
    }
    Ok(())
}

fn thumbprints(der: &[u8]) -> [String; 2] {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
    [&SHA1_FOR_LEGACY_USE_ONLY, &SHA256].map(|kind| URL_SAFE_NO_PAD.encode(digest(kind, der).as_ref()))
}

fn name(app_id: Uuid, thumbprint: &str) -> String {
    format!("{app_id}:{}", thumbprint.trim_end_matches('='))
}

/// The key and the algorithms that go with it: the header of a token does not choose.
fn key(certificate: &X509Certificate<'_>) -> Option<(DecodingKey, Vec<Algorithm>)> {
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(rsa) if rsa.key_size() >= RSA_BITS_MIN => {
            let modulus = URL_SAFE_NO_PAD.encode(strip(rsa.modulus));
            let exponent = URL_SAFE_NO_PAD.encode(strip(rsa.exponent));
            let key = DecodingKey::from_rsa_components(&modulus, &exponent).ok()?;
            Some((key, vec![Algorithm::RS256, Algorithm::PS256]))
        }
        PublicKey::EC(point) if point.key_size() == 256 => {
            let (x, y) = point.data().get(1..)?.split_at_checked(32)?;
            let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
            Some((DecodingKey::from_ec_components(&x, &y).ok()?, vec![Algorithm::ES256]))
        }
        _ => None,
    }
}

/// A number without the noughts in front that DER needs.
fn strip(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(0);
    &number[start..]
}

/// The service principal whose assertion this is.
pub(super) async fn principal(
    app: &App,
    parts: &Parts,
    client_id: &str,
    assertion: &str,
) -> Result<Option<Principal>, Failure> {
    let Ok(header) = jsonwebtoken::decode_header(assertion) else { return Ok(None) };
    let unchecked = jsonwebtoken::dangerous::insecure_decode::<Claims>(assertion);
    // Clients may leave `client_id` out; the assertion says whose it is, and its key proves it.
    let Ok(unchecked) = unchecked else { return Ok(None) };
    let client_id = if client_id.is_empty() { &unchecked.claims.sub } else { client_id };
    let Ok(app_id) = Uuid::parse_str(client_id) else { return Ok(None) };
    let Some(principal) = app.records.principal_by_app(app_id).await? else { return Ok(None) };
    let thumbprint = header.x5t_s256.or(header.x5t).unwrap_or_default();
    let stored = app.records.see_secret(SecretKind::ClientCertificate, &name(app_id, &thumbprint)).await?;
    let Some(stored) = stored.filter(|stored| stored.subject == principal.object_id.to_string()) else {
        return Ok(None);
    };
    let der = STANDARD.decode(stored.data["certificate"].as_str().unwrap_or_default()).unwrap_or_default();
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else { return Ok(None) };
    let Some((key, algorithms)) = key(&certificate) else { return Ok(None) };
    if !algorithms.contains(&header.alg) {
        return Ok(None);
    }
    let mut rules = Validation::new(header.alg);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // Time and audience are checked below, by our clock and our names.
    rules.validate_exp = false;
    rules.validate_aud = false;
    let Ok(token) = jsonwebtoken::decode::<Claims>(assertion, &key, &rules) else { return Ok(None) };
    let claims = token.claims;
    let now = app.clock.now().unix_seconds();
    let in_time = claims.exp + LEEWAY_SECONDS > now
        && claims.exp <= now + LIFE_SECONDS_MAX + LEEWAY_SECONDS
        && claims.nbf <= now + LEEWAY_SECONDS;
    let its_own = [&claims.iss, &claims.sub].iter().all(|id| Uuid::parse_str(id).ok() == Some(app_id));
    let for_us = is_us(app, &claims.aud) || is_here(app, parts, &claims.aud);
    let first = in_time
        && its_own
        && for_us
        && !principal.disabled
        && app.assertions.first(app_id, &claims.jti, claims.exp + LEEWAY_SECONDS, now);
    Ok(first.then_some(principal))
}

/// Whether an audience is our token endpoint, by the name that we call ourselves.
fn is_us(app: &App, audience: &str) -> bool {
    endpoint_of(audience, &app.public_url, &app.home.tenant.to_string())
}

/// The same by the name that the client called us, if our certificate has it: else it is a name that an
/// attacker's server has, and the assertion was made for that one.
fn is_here(app: &App, parts: &Parts, audience: &str) -> bool {
    let base = base_url(&parts.headers, &parts.uri, &app.public_url);
    let host = Url::parse(&base).ok().and_then(|url| url.host_str().map(str::to_ascii_lowercase));
    let ours = host.is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        app.pki.names.iter().any(|name| name == host)
    });
    ours && endpoint_of(audience, &base, &app.home.tenant.to_string())
}

fn endpoint_of(audience: &str, base: &str, tenant: &str) -> bool {
    let Some(path) = audience.strip_prefix(base.trim_end_matches('/')) else { return false };
    let Some(rest) = path.strip_prefix('/').and_then(|path| path.strip_prefix(tenant)) else { return false };
    matches!(rest, "/oauth2/v2.0/token" | "/oauth2/token" | "/v2.0" | "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audiences_are_whole_addresses() {
        let ours = |audience| endpoint_of(audience, "https://a:1", "t");
        assert!(ours("https://a:1/t/oauth2/v2.0/token"));
        assert!(ours("https://a:1/t/v2.0"));
        for wrong in [
            "https://a:1/u/oauth2/v2.0/token",
            "https://a:12/t/v2.0",
            "https://a:1.evil/t/v2.0",
            "https://a:1/t/oauth2/v2.0/token/x",
            "",
        ] {
            assert!(!ours(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_assertion_is_taken_once() {
        let seen = SeenAssertions::default();
        let id = Uuid::from_u128(1);
        assert!(seen.first(id, "a", 100, 1));
        assert!(!seen.first(id, "a", 100, 2));
        assert!(seen.first(Uuid::from_u128(2), "a", 100, 2), "another program's");
    }
}
