//! Secrets that others hold: one-time sign-in codes, onboarding tokens, sessions, refresh tokens, client
//! secrets, authorization codes. Only SHA-256 hashes are stored; the secrets are random and long, so nothing slower is needed.

use std::fmt::Write as _;

use bartizan_base::{Ticks, Timespan};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::database::Records;
use crate::error::RecordsError;

/// What a secret opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Opens one portal session.
    SignInCode,
    /// Enrols machines.
    OnboardingToken,
    /// A portal cookie.
    Session,
    RefreshToken,
    /// A service principal's password.
    ClientSecret,
    /// The certificate of a service principal, under its thumbprint.
    ClientCertificate,
    /// What a person is asked to agree to.
    Consent,
    /// What a browser carries from the sign-in page to the program.
    AuthorizationCode,
    /// What a browser carries to an outside provider and back.
    OutsideRound,
    /// Somebody's subject at an outside provider. No secret: it finds whose it is.
    OutsideSubject,
    /// An e-mail address at an outside provider whose owner is invited.
    OutsideInvitation,
}

impl SecretKind {
    fn name(self) -> &'static str {
        match self {
            Self::SignInCode => "signInCode",
            Self::OnboardingToken => "onboardingToken",
            Self::Session => "session",
            Self::RefreshToken => "refreshToken",
            Self::ClientSecret => "clientSecret",
            Self::ClientCertificate => "clientCertificate",
            Self::Consent => "consent",
            Self::AuthorizationCode => "authorizationCode",
            Self::OutsideRound => "outsideRound",
            Self::OutsideSubject => "outsideSubject",
            Self::OutsideInvitation => "outsideInvitation",
        }
    }
}

/// A secret to be remembered.
#[derive(Clone, Debug)]
pub struct NewSecret {
    pub kind: SecretKind,
    /// Whose it is: an object id, or empty.
    pub subject: String,
    pub data: Value,
    pub expires: Ticks,
    /// How often it can be used; `None` is without limit until it expires.
    pub uses: Option<u32>,
}

/// What is known of a secret that was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    pub subject: String,
    pub data: Value,
    pub expires: Ticks,
}

/// What became of a token that can be exchanged once.
#[derive(Clone, Debug, PartialEq)]
pub enum Exchange {
    /// It was good, and is spent now.
    Good(Secret),
    /// It had been spent before: somebody has a copy. Its whole family is withdrawn.
    Replayed(Secret),
    /// There is no such token, or not any more.
    Unknown,
}

/// Row of a token: subject, data, expires, family, spent.
type TokenRow = (String, String, i64, String, i64);

fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("writing to a string cannot fail");
        out
    })
}

impl Records {
    /// Remembers `text`, by its hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_secret(&self, text: &str, secret: NewSecret) -> Result<(), RecordsError> {
        self.write(
            sqlx::query(
                "INSERT INTO secrets (kind, hash, subject, data, created, expires, uses_left)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(secret.kind.name())
            .bind(hash(text))
            .bind(secret.subject)
            .bind(secret.data.to_string())
            .bind(self.clock.now().0)
            .bind(secret.expires.0)
            .bind(secret.uses.map(i64::from)),
        )
        .await?;
        Ok(())
    }

    /// Uses a secret once. `None` when it is unknown, expired or used up, without saying which.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_secret(&self, kind: SecretKind, text: &str) -> Result<Option<Secret>, RecordsError> {
        // With one whose uses are not counted nothing changes: thousands of machines join with the same token, and none of
        // them has to wait for a write of it.
        let uncounted: Option<(String, String, i64)> = sqlx::query_as(
            "SELECT subject, data, expires FROM secrets
             WHERE kind = $1 AND hash = $2 AND expires > $3 AND uses_left IS NULL",
        )
        .bind(kind.name())
        .bind(hash(text))
        .bind(self.clock.now().0)
        .fetch_optional(&self.pool)
        .await?;
        if let Some(row) = uncounted {
            return from_row(row).map(Some);
        }
        let mut tx = self.begin().await?;
        let row: Option<(String, String, i64)> = sqlx::query_as(
            "UPDATE secrets SET uses_left = uses_left - 1
             WHERE kind = $1 AND hash = $2 AND expires > $3 AND uses_left > 0
             RETURNING subject, data, expires",
        )
        .bind(kind.name())
        .bind(hash(text))
        .bind(self.clock.now().0)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        row.map(from_row).transpose()
    }

    /// Looks at a secret without using it up; for sessions, which are shown with every request.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn see_secret(&self, kind: SecretKind, text: &str) -> Result<Option<Secret>, RecordsError> {
        let row: Option<(String, String, i64)> = sqlx::query_as(
            "SELECT subject, data, expires FROM secrets
             WHERE kind = $1 AND hash = $2 AND expires > $3 AND (uses_left IS NULL OR uses_left > 0)",
        )
        .bind(kind.name())
        .bind(hash(text))
        .bind(self.clock.now().0)
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// Withdraws a secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_secret(&self, kind: SecretKind, text: &str) -> Result<(), RecordsError> {
        self.write(
            sqlx::query("DELETE FROM secrets WHERE kind = $1 AND hash = $2")
                .bind(kind.name())
                .bind(hash(text)),
        )
        .await?;
        Ok(())
    }

    /// Remembers `text` as a token of `family`, to be used up by [`Self::exchange`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_token(&self, text: &str, secret: NewSecret, family: &str) -> Result<(), RecordsError> {
        self.write(
            sqlx::query(
                "INSERT INTO secrets (kind, hash, subject, data, created, expires, uses_left, family)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(secret.kind.name())
            .bind(hash(text))
            .bind(secret.subject)
            .bind(secret.data.to_string())
            .bind(self.clock.now().0)
            .bind(secret.expires.0)
            .bind(secret.uses.map(i64::from))
            .bind(family),
        )
        .await?;
        Ok(())
    }

    /// Spends a token of a family. One that comes again within `grace` of its first use is still good, for
    /// programs that ask twice at the same time; later it withdraws the family.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn exchange(
        &self,
        kind: SecretKind,
        text: &str,
        grace: Timespan,
    ) -> Result<Exchange, RecordsError> {
        let now = self.clock.now();
        let mut tx = self.begin().await?;
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT subject, data, expires, family, spent FROM secrets
             WHERE kind = $1 AND hash = $2 AND expires > $3",
        )
        .bind(kind.name())
        .bind(hash(text))
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((subject, data, expires, family, spent)) = row else { return Ok(Exchange::Unknown) };
        let secret = from_row((subject, data, expires))?;
        if spent != 0 && now - Ticks(spent) >= grace {
            sqlx::query("DELETE FROM secrets WHERE family = $1 AND family <> ''")
                .bind(&family)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            return Ok(Exchange::Replayed(secret));
        }
        sqlx::query("UPDATE secrets SET spent = $3 WHERE kind = $1 AND hash = $2 AND spent = 0")
            .bind(kind.name())
            .bind(hash(text))
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Exchange::Good(secret))
    }

    /// Withdraws the family of a token; `false` when there is no such token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_family(&self, kind: SecretKind, text: &str) -> Result<bool, RecordsError> {
        let done = self
            .write(
                sqlx::query(
                    "DELETE FROM secrets WHERE family <> ''
             AND family = (SELECT family FROM secrets WHERE kind = $1 AND hash = $2)",
                )
                .bind(kind.name())
                .bind(hash(text)),
            )
            .await?;
        Ok(done > 0)
    }

    /// Withdraws all secrets of `kinds` that `subject` has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_secrets_of(&self, kinds: &[SecretKind], subject: &str) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        for kind in kinds {
            sqlx::query("DELETE FROM secrets WHERE kind = $1 AND subject = $2")
                .bind(kind.name())
                .bind(subject)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes what has expired or is used up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_secrets(&self) -> Result<u64, RecordsError> {
        let done = self
            .write(
                sqlx::query("DELETE FROM secrets WHERE expires <= $1 OR uses_left <= 0")
                    .bind(self.clock.now().0),
            )
            .await?;
        Ok(done)
    }
}

fn from_row((subject, data, expires): (String, String, i64)) -> Result<Secret, RecordsError> {
    let data = serde_json::from_str(&data).map_err(|_| RecordsError::Damaged("secret".to_owned()))?;
    Ok(Secret { subject, data, expires: Ticks(expires) })
}
