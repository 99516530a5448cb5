//! The outside provider that people may sign in at: the part of the command line.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bartizan_control::identity::outside::OutsideOptions;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct OidcArguments {
    /// Let invited people sign in at this OpenID Connect provider; its issuer, exactly as the provider writes it.
    #[arg(long = "oidc-issuer", value_name = "URL", requires = "oidc_client_id")]
    oidc_issuer: Option<String>,
    /// The id that the provider gave this server. Its redirect address is
    /// https://PUBLIC-NAME:PORT/identity/outside/callback.
    #[arg(long = "oidc-client-id", value_name = "ID", requires = "oidc_issuer")]
    oidc_client_id: Option<String>,
    /// A file that only its owner can read with the secret of this client id; none for a public client.
    #[arg(long = "oidc-client-secret-file", value_name = "FILE", requires = "oidc_issuer")]
    oidc_client_secret_file: Option<PathBuf>,
    /// What the sign-in page calls the provider.
    #[arg(long = "oidc-name", value_name = "NAME", default_value = "your organisation's account")]
    oidc_name: String,
    /// Authorities of the provider in a PEM file, besides those that this system trusts.
    #[arg(long = "oidc-ca", value_name = "FILE", requires = "oidc_issuer")]
    oidc_ca: Option<PathBuf>,
}

impl OidcArguments {
    /// The provider's settings, if there is one.
    ///
    /// # Errors
    /// When a file cannot be read, or others can read the secret.
    pub(crate) fn open(self) -> anyhow::Result<Option<OutsideOptions>> {
        let Some((issuer, client_id)) = self.oidc_issuer.zip(self.oidc_client_id) else { return Ok(None) };
        let read =
            |path: &Path| std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()));
        let client_secret = self.oidc_client_secret_file.as_deref().map(secret).transpose()?;
        let authorities = self.oidc_ca.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(Some(OutsideOptions { issuer, client_id, client_secret, name: self.oidc_name, authorities }))
    }
}

/// The first line of a file that only its owner can read.
fn secret(path: &Path) -> anyhow::Result<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = path.display();
    let mode =
        std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?.permissions().mode();
    anyhow::ensure!(mode & 0o077 == 0, "others can read `{shown}`: run chmod 600 on it");
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    let line = text.lines().next().unwrap_or_default().trim();
    anyhow::ensure!(!line.is_empty(), "`{shown}` has no secret in its first line");
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let set = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set("word\n", 0o600);
        assert_eq!(secret(&path).unwrap(), "word");
        set("word\n", 0o640);
        assert!(secret(&path).unwrap_err().to_string().contains("chmod 600"));
        set("\n", 0o600);
        assert!(secret(&path).unwrap_err().to_string().contains("no secret"));
    }
}
