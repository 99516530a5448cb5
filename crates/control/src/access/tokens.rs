//! Access tokens: signed with ES256, checked against exactly that.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bartizan_api::token::Claims;
use bartizan_base::{TenantId, Ticks};
use bartizan_records::{Principal, PrincipalKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::{Mutex, RwLock};
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};

use crate::pki::TokenKeys;

/// How long after a key was replaced tokens that it signed can still be good.
pub(crate) const SIGNED_SECONDS: i64 = TOKEN_SECONDS + LEEWAY_SECONDS;
/// Life of an access token.
pub(crate) const TOKEN_SECONDS: i64 = 3600;
/// How far clocks may differ.
const LEEWAY_SECONDS: i64 = 60;

/// Makes and checks access tokens.
pub struct Issuer {
    tenant: TenantId,
    url: String,
    ring: RwLock<Arc<Ring>>,
    /// Claims of tokens whose signature was found good, by the digest of the token: a client shows one token with
    /// all requests of an hour, and checking a signature is most of the work of a small one.
    known: Mutex<HashMap<[u8; 32], Arc<Known>>>,
}

/// What a token said, and by which key it was signed.
struct Known {
    key: String,
    claims: Claims,
}

/// Tokens that are known at one time; all are forgotten when there are more.
const KNOWN_MAX: usize = 4096;

/// The key in use and those before it.
struct Ring {
    current: Key,
    /// With the moment from which what they signed is refused.
    former: Vec<(Key, Ticks)>,
}

impl Ring {
    /// The keys whose signatures count now.
    fn believed(&self, now: Ticks) -> impl Iterator<Item = &Key> {
        let former = self.former.iter().filter(move |(_, until)| now < *until).map(|(key, _)| key);
        former.chain([&self.current])
    }

    fn believes(&self, key: &str, now: Ticks) -> bool {
        self.believed(now).any(|believed| believed.id == key)
    }
}

/// A key, in each form that is needed of it.
struct Key {
    id: String,
    jwk: Value,
    sign: EncodingKey,
    check: DecodingKey,
}

impl Key {
    fn new(key: &KeyPair) -> Result<Self, KeyError> {
        // An uncompressed point: 04, x, y.
        let point = key.der_bytes();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let id = x.chars().take(16).collect::<String>();
        Ok(Self {
            jwk: json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y}),
            id,
            sign: EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).map_err(KeyError)?,
            check: DecodingKey::from_ec_components(&x, &y).map_err(KeyError)?,
        })
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({})", self.url)
    }
}

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the token signing key cannot be used")]
pub struct KeyError(#[source] jsonwebtoken::errors::Error);

impl Issuer {
    /// An issuer for `tenant` that signs with `key` (P-256) and calls itself `<public_url>/<tenant>/v2.0`.
    ///
    /// # Errors
    /// When the key is of another kind.
    pub fn new(tenant: TenantId, public_url: &str, key: &KeyPair) -> Result<Self, KeyError> {
        let ring = Ring { current: Key::new(key)?, former: Vec::new() };
        Ok(Self {
            tenant,
            url: format!("{public_url}/{tenant}/v2.0"),
            ring: RwLock::new(Arc::new(ring)),
            known: Mutex::default(),
        })
    }

    /// Signs with the current one of `keys` from now on, and believes the former ones for their time.
    ///
    /// # Errors
    /// When one is of another kind.
    pub fn use_keys(&self, keys: &TokenKeys) -> Result<(), KeyError> {
        let former = keys.former.iter().map(|(key, until)| Ok((Key::new(key)?, *until)));
        let ring =
            Ring { current: Key::new(&keys.current)?, former: former.collect::<Result<_, KeyError>>()? };
        *self.ring.write() = Arc::new(ring);
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read())
    }

    /// The id of the key in use, the `kid` of new tokens.
    pub fn key_id(&self) -> String {
        self.ring().current.id.clone()
    }

    /// The `iss` of our tokens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The public keys, as a JWKS document.
    pub fn keys(&self) -> Value {
        let ring = self.ring();
        let former = ring.former.iter().map(|(key, _)| key.jwk.clone());
        let keys: Vec<Value> = [ring.current.jwk.clone()].into_iter().chain(former).collect();
        json!({"keys": keys})
    }

    /// All our doors are one audience: a token is for this server, whichever Azure service name the
    /// client asked for.
    fn audience(&self) -> String {
        format!("urn:bartizan:{}", self.tenant)
    }

    /// A token for `principal`.
    pub fn issue(&self, principal: &Principal, now: Ticks) -> String {
        let now = now.unix_seconds();
        let claims = Claims {
            aud: self.audience(),
            iss: self.url.clone(),
            iat: now,
            nbf: now,
            exp: now + TOKEN_SECONDS,
            oid: principal.object_id.to_string(),
            sub: principal.object_id.to_string(),
            appid: principal.app_id.map(|id| id.to_string()).unwrap_or_default(),
            tid: self.tenant.to_string(),
            name: principal.name.clone(),
            idtyp: if principal.kind == PrincipalKind::User { "user" } else { "app" }.to_owned(),
            ver: "2.0".to_owned(),
        };
        self.sign(&claims)
    }

    /// Signs claims with our key. Whether they open anything is said by their audience.
    pub(crate) fn sign(&self, claims: &impl serde::Serialize) -> String {
        let ring = self.ring();
        let key = &ring.current;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &key.sign).expect("a P-256 key signs ES256")
    }

    /// The claims of a token that is ours and valid now; otherwise why it is not.
    pub fn check(&self, token: &str, now: Ticks) -> Result<Claims, &'static str> {
        let ring = self.ring();
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let known = self.known.lock().get(&name).filter(|known| ring.believes(&known.key, now)).cloned();
        let known = match known {
            Some(known) => known,
            None => {
                let read = Arc::new(self.read(token, &ring, now)?);
                let mut known = self.known.lock();
                if known.len() >= KNOWN_MAX {
                    known.clear();
                }
                known.insert(name, Arc::clone(&read));
                read
            }
        };
        let (now, claims) = (now.unix_seconds(), &known.claims);
        if claims.exp + LEEWAY_SECONDS <= now {
            return Err("the access token has expired");
        }
        if claims.nbf - LEEWAY_SECONDS > now {
            return Err("the access token is not valid yet");
        }
        Ok(claims.clone())
    }

    /// What a token says that one of our keys signed for us, whenever it is valid.
    fn read(&self, token: &str, ring: &Ring, now: Ticks) -> Result<Known, &'static str> {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[self.audience()]);
        rules.set_issuer(&[&self.url]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        // Time comes from our clock, and changes.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let named = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        // A name that nobody has is no reason to look at all keys: the current one refuses it.
        let key = ring.believed(now).find(|key| named.as_deref() == Some(&*key.id));
        let key = key.unwrap_or(&ring.current);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.check, &rules).map_err(|error| {
            use jsonwebtoken::errors::ErrorKind;
            match error.kind() {
                ErrorKind::InvalidAudience => "the access token is for another audience",
                ErrorKind::InvalidIssuer => "the access token is from another issuer",
                ErrorKind::InvalidSignature => "the access token's signature does not hold",
                _ => "the access token is malformed",
            }
        })?;
        Ok(Known { key: key.id.clone(), claims: claims.claims })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_base::Timespan;
    use uuid::Uuid;

    fn issuer(tenant: TenantId, key: &KeyPair) -> Issuer {
        Issuer::new(tenant, "https://localhost:8443", key).unwrap()
    }

    #[test]
    fn a_replaced_key_is_believed_for_its_time() {
        let now = Ticks::parse("2026-01-02T03:04:05Z").unwrap();
        let first = KeyPair::generate().unwrap();
        let ours = issuer(TenantId(Uuid::from_u128(1)), &first);
        let claims = |ours: &Issuer, now| ours.issue(&principal(now), now);
        let old = claims(&ours, now);
        let until = now + Timespan::from_seconds(600);
        ours.use_keys(&TokenKeys { current: KeyPair::generate().unwrap(), former: vec![(first, until)] })
            .unwrap();
        let new = claims(&ours, now);
        assert!(ours.check(&old, now).is_ok() && ours.check(&new, now).is_ok());
        assert_eq!(ours.keys()["keys"].as_array().unwrap().len(), 2);
        assert_eq!(ours.check(&old, until), Err("the access token's signature does not hold"));
        assert!(ours.check(&new, until).is_ok());
        // Signed with the old key, in the name of the new one.
        let (head, rest) = (new.split('.').next().unwrap(), old.split_once('.').unwrap().1);
        assert_eq!(
            ours.check(&format!("{head}.{rest}"), now),
            Err("the access token's signature does not hold")
        );
    }

    fn principal(now: Ticks) -> Principal {
        Principal {
            object_id: Uuid::from_u128(2),
            app_id: None,
            name: "owner".to_owned(),
            kind: PrincipalKind::User,
            created: now,
            disabled: false,
            tokens_from: bartizan_base::Ticks(0),
        }
    }

    #[test]
    fn only_our_own_tokens_pass() {
        let now = Ticks::parse("2026-01-02T03:04:05Z").unwrap();
        let tenant = TenantId(Uuid::from_u128(1));
        let key = KeyPair::generate().unwrap();
        let ours = issuer(tenant, &key);
        let principal = principal(now);
        let token = ours.issue(&principal, now);
        assert_eq!(ours.check(&token, now).unwrap().oid, principal.object_id.to_string());
        let late = now + Timespan::from_seconds(TOKEN_SECONDS + LEEWAY_SECONDS);
        assert_eq!(ours.check(&token, late), Err("the access token has expired"));
        let early = now - Timespan::from_seconds(LEEWAY_SECONDS + 1);
        assert_eq!(ours.check(&token, early), Err("the access token is not valid yet"));
        let other_key = issuer(tenant, &KeyPair::generate().unwrap());
        assert_eq!(other_key.check(&token, now), Err("the access token's signature does not hold"));
        let other_tenant = issuer(TenantId(Uuid::from_u128(9)), &key);
        assert!(other_tenant.check(&token, now).is_err());
        // The classic: a token that says it needs no signature, or that uses the public key as a secret.
        let body = token.split('.').nth(1).unwrap();
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"JWT"}"#));
        assert_eq!(ours.check(&none, now), Err("the access token is malformed"));
        let hmac = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &ours.check(&token, now).unwrap(),
            &EncodingKey::from_secret(key.der_bytes()),
        )
        .unwrap();
        assert_eq!(ours.check(&hmac, now), Err("the access token is malformed"));
    }
}
