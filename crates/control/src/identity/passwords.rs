//! Passwords: Argon2id with the parameters OWASP recommends (19 MiB, two passes), checked two at a time so that a
//! flood of sign-ins cannot take the memory.

use std::sync::OnceLock;

use argon2::Config;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use rand::RngCore;
use tokio::sync::Semaphore;

use crate::access::random_secret;
use crate::http::Failure;

/// NIST SP 800-63B asks for 15 characters where a password stands alone and 8 beside a second factor; rules about
/// kinds of characters do more harm than good.
const LENGTH_MIN: usize = 12;
/// Longer ones only cost time to hash.
const BYTES_MAX: usize = 256;
const SALT_BYTES: usize = 16;
/// Hashes computed at one time.
static WORKERS: Semaphore = Semaphore::const_new(2);

/// Whether `password` may be one for `name`.
///
/// # Errors
/// When it is too short, too long, or the name itself.
pub(super) fn check(password: &str, name: &str) -> Result<(), ApiError> {
    let target = "passwordProfile.password";
    if password.chars().count() < LENGTH_MIN || password.len() > BYTES_MAX {
        return Err(ApiError::field(
            target,
            format!("a password has {LENGTH_MIN} characters to {BYTES_MAX} bytes"),
        ));
    }
    let lower = password.to_lowercase();
    let first = lower.chars().next();
    if lower.contains(&name.to_lowercase()) || lower.chars().all(|c| Some(c) == first) {
        return Err(ApiError::field(target, "a password does not contain the name and is not one character"));
    }
    Ok(())
}

/// The hash to keep of a password.
///
/// # Errors
/// When it cannot be computed.
pub(super) async fn hash(password: &str) -> Result<String, ApiError> {
    let password = password.to_owned();
    let _turn = turn().await?;
    tokio::task::spawn_blocking(move || hash_now(&password)).await.ok().flatten().ok_or_else(failed)
}

/// Whether `password` is the one that `stored` was made of. Without one, as long is spent on nothing, so that an
/// answer's time does not tell whether the account exists.
pub(super) async fn verify(stored: Option<String>, password: &str) -> Result<bool, Failure> {
    let password = password.to_owned();
    if password.len() > BYTES_MAX {
        return Ok(false);
    }
    let _turn = turn().await?;
    let checked = tokio::task::spawn_blocking(move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| nobody().to_owned());
        argon2::verify_encoded(&stored, password.as_bytes()).unwrap_or(false) && known
    });
    Ok(checked.await.map_err(|_| failed())?)
}

async fn turn() -> Result<tokio::sync::SemaphorePermit<'static>, ApiError> {
    WORKERS.acquire().await.map_err(|_| failed())
}

fn hash_now(password: &str) -> Option<String> {
    let mut salt = [0_u8; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    argon2::hash_encoded(password.as_bytes(), &salt, &Config::owasp2()).ok()
}

/// The hash of a password that nobody has.
fn nobody() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_now(&random_secret()).unwrap_or_default())
}

fn failed() -> ApiError {
    ApiError::new(ErrorKind::Internal, "The password could not be checked.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_are_argon2id_salted_and_checked() {
        let stored = hash("correct horse battery").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash("correct horse battery").await.unwrap(), "each has its own salt");
        assert!(verify(Some(stored.clone()), "correct horse battery").await.unwrap());
        assert!(!verify(Some(stored), "correct horse batterz").await.unwrap());
        assert!(!verify(None, "correct horse battery").await.unwrap());
        assert!(!verify(Some("damaged".to_owned()), "correct horse battery").await.unwrap());
    }

    #[test]
    fn weak_passwords_are_refused() {
        for wrong in ["short", "aaaaaaaaaaaaaaaa", "my-Watch-password", &"x1".repeat(200)] {
            assert!(check(wrong, "watch").is_err(), "{wrong}");
        }
        assert!(check("twelve chars", "watch").is_ok());
    }
}
