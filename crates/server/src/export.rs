//! Where export rules may write: the part of the command line.

use std::path::PathBuf;
use std::time::Duration;

use bartizan_control::ExportOptions;
use clap::Args;

use crate::S3Options;

/// Time between two exported files of one table, as in Log Analytics.
const EXPORT_EVERY: Duration = Duration::from_secs(300);

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Let export rules write files into folders below this one.
    #[arg(long = "export-to", value_name = "DIR")]
    export_to: Option<PathBuf>,
    /// Let export rules write to a bucket of this S3-compatible store: https://s3.example.org.
    #[arg(long = "export-s3-endpoint", value_name = "URL", requires = "export_s3_bucket")]
    export_s3_endpoint: Option<String>,
    /// The bucket that export rules write to.
    #[arg(long = "export-s3-bucket", value_name = "NAME", requires = "export_s3_endpoint")]
    export_s3_bucket: Option<String>,
    /// The bucket's region; stores that have none take any.
    #[arg(long = "export-s3-region", value_name = "NAME", default_value = "us-east-1")]
    export_s3_region: String,
    /// Address the bucket as a part of the host's name, not of the path.
    #[arg(long = "export-s3-virtual-host", requires = "export_s3_endpoint")]
    export_s3_virtual_host: bool,
    /// A file with aws_access_key_id and aws_secret_access_key; without it the environment's AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY are used.
    #[arg(long = "export-s3-credentials", value_name = "FILE", requires = "export_s3_endpoint")]
    export_s3_credentials: Option<PathBuf>,
    /// Authorities of the store in a PEM file, besides those that this system trusts.
    #[arg(long = "export-s3-ca", value_name = "FILE", requires = "export_s3_endpoint")]
    export_s3_ca: Option<PathBuf>,
}

impl ExportArguments {
    /// What rules are offered; none when they may write nowhere.
    ///
    /// # Errors
    /// When the store's address, its bucket or the credentials cannot be used.
    pub(crate) fn open(self) -> anyhow::Result<Option<ExportOptions>> {
        let bucket = match self.export_s3_endpoint.zip(self.export_s3_bucket) {
            Some((endpoint, bucket)) => {
                let options = S3Options {
                    endpoint,
                    bucket,
                    region: self.export_s3_region,
                    virtual_host: self.export_s3_virtual_host,
                    credentials: self.export_s3_credentials,
                    ca: self.export_s3_ca,
                };
                Some(options.open()?)
            }
            None => None,
        };
        let anywhere = self.export_to.is_some() || bucket.is_some();
        Ok(anywhere.then_some(ExportOptions { dir: self.export_to, bucket, every: EXPORT_EVERY }))
    }
}
