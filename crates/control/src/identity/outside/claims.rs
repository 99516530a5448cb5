//! What an ID token must be to be believed (OpenID Connect Core 1.0, section 3.1.3.7).

use bartizan_base::Ticks;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use super::OutsideError;

/// How far clocks may differ.
const LEEWAY_SECONDS: i64 = 60;
/// A token is made for this sign-in; one that is older than the page that began it is another's.
const AGE_SECONDS_MAX: i64 = 900;
/// Longest subject (section 2).
const SUBJECT_MAX: usize = 255;

/// What a token says of somebody.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    #[serde(default)]
    pub(super) email: String,
    /// Some providers write it as text.
    #[serde(default, deserialize_with = "truth")]
    pub(super) email_verified: bool,
    iss: String,
    aud: Value,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: i64,
}

fn truth<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(value)?;
    Ok(value == Value::Bool(true) || value == "true")
}

fn no(why: &str) -> OutsideError {
    OutsideError::Token(why.to_owned())
}

/// The name of the key that a token says it is signed with.
///
/// # Errors
/// When it is no token, or of a kind that is signed with no key or a shared one.
pub(super) fn key_name(token: &str) -> Result<Option<String>, OutsideError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| no("it is no signed token"))?;
    match header.alg {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            Err(no("it is signed with a shared secret"))
        }
        _ => Ok(header.kid),
    }
}

/// The key of this name. A token without a name is of the only key there is.
pub(super) fn find<'a>(keys: &'a JwkSet, name: Option<&str>) -> Option<&'a Jwk> {
    let signs = |key: &&Jwk| !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    let mut all = keys.keys.iter().filter(signs);
    match name {
        Some(name) => all.find(|key| key.common.key_id.as_deref() == Some(name)),
        None => all.next().filter(|_| all.next().is_none()),
    }
}

/// The algorithms that go with a key: the header of a token does not choose.
fn algorithms(key: &Jwk) -> &'static [Algorithm] {
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        _ => &[],
    }
}

/// The claims of a token that is signed with `key`, of `issuer` for `client`, for this sign-in and now.
pub(super) fn check(
    token: &str,
    key: &Jwk,
    issuer: &str,
    client: &str,
    nonce: &str,
    now: Ticks,
) -> Result<Claims, OutsideError> {
    let allowed = algorithms(key);
    let header = jsonwebtoken::decode_header(token).map_err(|_| no("it is no signed token"))?;
    if !allowed.contains(&header.alg) {
        return Err(no("its algorithm is not of its key"));
    }
    let decoding = DecodingKey::from_jwk(key).map_err(|_| no("its key cannot be used"))?;
    // One at a time: the library refuses algorithms of another family than the key's.
    let mut rules = Validation::new(header.alg);
    // All of these are looked at below, by our clock.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(token, &decoding, &rules).map_err(|error| {
        no(match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => "its signature does not hold",
            _ => "it lacks something that an ID token has",
        })
    })?;
    let claims = claims.claims;
    let now = now.unix_seconds();
    let audiences: Vec<&str> = match &claims.aud {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let party = claims.azp.as_deref();
    let problems = [
        (claims.iss != issuer, "it is of another issuer"),
        (!audiences.contains(&client), "it is for another program"),
        (party.is_some_and(|party| party != client), "it was given to another program"),
        (audiences.len() > 1 && party.is_none(), "it is for several programs and does not say for which"),
        (claims.exp.saturating_add(LEEWAY_SECONDS) <= now, "it has expired"),
        (claims.nbf.saturating_sub(LEEWAY_SECONDS) > now, "it is not valid yet"),
        (claims.iat.saturating_sub(LEEWAY_SECONDS) > now, "it is from the future"),
        (claims.iat.saturating_add(AGE_SECONDS_MAX) < now, "it is too old"),
        (nonce.is_empty() || claims.nonce != nonce, "it is of another sign-in"),
        (claims.sub.is_empty() || claims.sub.len() > SUBJECT_MAX, "it names nobody"),
    ];
    match problems.into_iter().find(|(wrong, _)| *wrong) {
        Some((_, why)) => Err(no(why)),
        None => Ok(claims),
    }
}
