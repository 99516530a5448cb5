//! The bucket of an S3-compatible store that export rules may write to: its settings.
//!
//! The operator names one bucket; rules name only how keys in it begin. `rusty-s3` makes the signatures and reads the
//! store's answers; requests go out through the HTTP client that the rest of the server uses (decision 019).

mod answer;
mod credentials;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bartizan_control::ExportBucket;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use rusty_s3::{Bucket, UrlStyle};

use credentials::CredentialSource;
use upload::S3Bucket;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// One request: an object of [`upload::PART_BYTES`] over a slow line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// What S3 itself allows at most for a bucket's name.
const BUCKET_NAME_MAX: usize = 63;

/// Where the bucket is, and how to be let in.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// The store: `https://s3.eu-central-1.amazonaws.com`, `https://minio.example.org:9000`. Plain `http` is for this
    /// machine only.
    pub endpoint: String,
    pub bucket: String,
    /// The region that signatures name; stores that have none take any.
    pub region: String,
    /// Whether the bucket is part of the host's name instead of the path.
    pub virtual_host: bool,
    /// A file with `aws_access_key_id` and `aws_secret_access_key`, read anew for each object; the environment's
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` when there is none.
    pub credentials: Option<PathBuf>,
    /// Authorities to trust besides those of the system, in a PEM file.
    pub ca: Option<PathBuf>,
}

impl S3Options {
    /// The bucket, ready to be written to. The store itself is not asked: it may be away while the server starts.
    ///
    /// # Errors
    /// When the address, the bucket's name, the region, the credentials or the authorities cannot be used.
    pub fn open(&self) -> anyhow::Result<Arc<dyn ExportBucket>> {
        let endpoint = self.checked_endpoint()?;
        let loopback = is_loopback(&endpoint);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let named = !self.bucket.is_empty() && self.bucket.len() <= BUCKET_NAME_MAX;
        ensure!(
            named && !self.bucket.starts_with('.') && self.bucket.chars().all(plain),
            "`{}` is no bucket's name: letters, digits, `-`, `_` and `.`, at most {BUCKET_NAME_MAX}",
            self.bucket
        );
        ensure!(
            !self.region.is_empty() && self.region.chars().all(plain),
            "`{}` is no region's name, such as eu-central-1",
            self.region
        );
        let style = if self.virtual_host { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let bucket = Bucket::new(endpoint, style, self.bucket.clone(), self.region.clone());
        let bucket = match bucket {
            Ok(bucket) => bucket,
            Err(error) => bail!(
                "the bucket `{}` cannot be part of the host's name in `{}` ({error}); leave \
                 --export-s3-virtual-host away",
                self.bucket,
                self.endpoint
            ),
        };
        let credentials = CredentialSource::new(self.credentials.clone());
        credentials.read()?;
        Ok(Arc::new(S3Bucket::new(bucket, credentials, self.client(loopback)?)))
    }

    /// The endpoint, when rows and signatures may travel to it.
    fn checked_endpoint(&self) -> anyhow::Result<Url> {
        let shown = &self.endpoint;
        let url =
            Url::parse(shown).with_context(|| format!("the export endpoint `{shown}` is no address"))?;
        ensure!(
            matches!(url.scheme(), "https" | "http") && url.host().is_some(),
            "the export endpoint `{shown}` must be such as https://s3.example.org"
        );
        // Without what it may hold: a password is not repeated in an error.
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        ensure!(
            plain,
            "the export endpoint at `{}` must be without user, password and query; credentials come from \
             --export-s3-credentials or the environment",
            url.host_str().unwrap_or_default()
        );
        ensure!(
            url.scheme() == "https" || is_loopback(&url),
            "the export endpoint `{shown}` must begin with https://: rows would be readable on their way"
        );
        Ok(url)
    }

    fn client(&self, loopback: bool) -> anyhow::Result<Client> {
        let mut builder = Client::builder()
            // A redirect would carry the signature elsewhere; the error names the right region instead.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")));
        if loopback {
            builder = builder.no_proxy();
        }
        if let Some(path) = &self.ca {
            let read = || format!("cannot read the authorities in `{}`", path.display());
            let pem = std::fs::read(path).with_context(read)?;
            let authorities = Certificate::from_pem_bundle(&pem).with_context(read)?;
            ensure!(!authorities.is_empty(), "there is no certificate in `{}`", path.display());
            builder = builder.tls_certs_merge(authorities);
        }
        builder.build().context("cannot set up the client for exports")
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(endpoint: &str, dir: &std::path::Path) -> S3Options {
        let file = dir.join("credentials");
        std::fs::write(&file, "[default]\naws_access_key_id = id\naws_secret_access_key = hidden\n").unwrap();
        S3Options {
            endpoint: endpoint.to_owned(),
            bucket: "logs".to_owned(),
            region: "eu-central-1".to_owned(),
            virtual_host: false,
            credentials: Some(file),
            ca: None,
        }
    }

    #[test]
    fn endpoints_are_safe_addresses() {
        let dir = tempfile::tempdir().unwrap();
        for good in ["https://s3.example.org", "https://store.example.org/s3", "http://127.0.0.1:9000"] {
            assert!(options(good, dir.path()).open().is_ok(), "{good}");
        }
        for (wrong, says) in [
            ("s3.example.org", "no address"),
            ("ftp://s3.example.org", "such as https://"),
            ("http://s3.example.org", "https://"),
            ("https://u:geheim@s3.example.org", "--export-s3-credentials"),
            ("https://s3.example.org/?token=geheim", "without user"),
        ] {
            let error = options(wrong, dir.path()).open().unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("geheim"), "{wrong}: {error}");
        }
    }

    #[test]
    fn buckets_regions_and_credentials_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let good = options("https://s3.example.org", dir.path());
        for (change, says) in [
            (S3Options { bucket: "a/b".into(), ..good.clone() }, "`a/b` is no bucket's name"),
            (S3Options { bucket: String::new(), ..good.clone() }, "no bucket's name"),
            (S3Options { region: "eu central".into(), ..good.clone() }, "`eu central` is no region's name"),
            (S3Options { credentials: Some(dir.path().join("none")), ..good.clone() }, "none`"),
            (
                S3Options { endpoint: "http://127.0.0.1:1".into(), virtual_host: true, ..good.clone() },
                "--export-s3-virtual-host",
            ),
        ] {
            let error = format!("{:#}", change.open().unwrap_err());
            assert!(error.contains(says), "{error}");
        }
    }
}
