//! `connect` and `disconnect`: getting an identity and giving it up.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bartizan_base::{Clock, ResourceId, SubscriptionId, TenantId};
use bartizan_wire::EnrolRequest;

use crate::facts;
use crate::identity::{Identity, KeyRequest};
use crate::server::{CallError, ServerClient};
use crate::supervisor;
use crate::tls::Trust;

/// What proves that this machine may be added.
pub enum Credential {
    Token(String),
    ServicePrincipal { id: String, secret: String },
}

/// All that `connect` was told.
pub struct ConnectOptions {
    pub state: PathBuf,
    pub server: String,
    pub trust: Trust,
    pub credential: Credential,
    pub tenant_id: Option<TenantId>,
    pub subscription_id: Option<SubscriptionId>,
    pub resource_group: Option<String>,
    pub location: String,
    pub resource_name: String,
    pub tags: BTreeMap<String, String>,
    pub proxy: Option<String>,
    pub force: bool,
}

/// Makes a key, enrols, and stores the identity. A machine that was onboarded directly shows the identity that it has, and
/// stays the same machine.
///
/// # Errors
/// When the machine is connected already (without `force`), or the server refuses; nothing is stored then.
pub async fn connect(options: &ConnectOptions, clock: &dyn Clock) -> Result<Identity> {
    private_folder(&options.state)?;
    let direct = match Identity::load(&options.state)?.filter(|_| !options.force) {
        Some(identity) if !identity.direct => bail!(
            "this machine is already connected as {}; use --force to replace that identity, or disconnect first",
            identity.machine_id
        ),
        direct => direct,
    };
    let client = match &direct {
        None => ServerClient::anonymous(&options.server, &options.trust, options.proxy.as_deref())?,
        Some(identity) => ServerClient::for_machine(&Identity {
            server: options.server.clone(),
            proxy: options.proxy.clone(),
            ..identity.clone()
        })?,
    };
    let token = match &options.credential {
        Credential::Token(token) => token.clone(),
        Credential::ServicePrincipal { id, secret } => {
            let tenant = options.tenant_id.context("a service principal needs --tenant-id")?.to_string();
            let token = client.service_principal_token(&tenant, id, secret).await;
            token.map_err(explain).context("the service principal cannot sign in")?
        }
    };
    let facts = facts::collect();
    let resource_name = if options.resource_name.is_empty() {
        facts.host_name.clone()
    } else {
        options.resource_name.clone()
    };
    let key = KeyRequest::generate(&resource_name).context("cannot make a key pair")?;
    let request = EnrolRequest {
        csr: key.csr,
        tenant_id: options.tenant_id,
        subscription_id: options.subscription_id,
        resource_group: options.resource_group.clone(),
        resource_name,
        location: options.location.clone(),
        tags: options.tags.clone(),
        facts,
        agent_version: crate::VERSION.to_owned(),
    };
    let answer =
        client.enrol(&token, &request).await.map_err(explain).context("the machine cannot be enrolled")?;
    let identity = Identity {
        server: options.server.clone(),
        proxy: options.proxy.clone(),
        machine_id: answer.machine_id,
        vm_id: answer.vm_id,
        tenant_id: answer.tenant_id,
        key: key.key,
        certificate: answer.certificate,
        server_ca: answer.server_ca,
        certificate_obtained: clock.now(),
        certificate_expires: answer.certificate_expires,
        direct: answer.direct,
    };
    // Checked before it is stored, so that a wrong answer leaves the old identity in place.
    ServerClient::for_machine(&identity).context("the server's answer is not a usable identity")?;
    if options.force {
        // What an earlier identity should run is no business of this one.
        drop(fs::remove_file(options.state.join("desired.json")));
        // Nor is the key of the server that it knew.
        drop(fs::remove_file(options.state.join("package-key")));
    }
    identity.store(&options.state).context("cannot store the identity")?;
    Ok(identity)
}

/// Tells the server, then forgets the identity.
///
/// # Errors
/// When the machine is not connected, the agent runs, or (without `force`) the server cannot be told.
pub async fn disconnect(state: &Path, force: bool) -> Result<ResourceId> {
    let Some(identity) = Identity::load(state)? else { bail!("this machine is not connected") };
    ensure!(!supervisor::is_running(state), "the agent is running; stop it first");
    let told = match ServerClient::for_machine(&identity) {
        Ok(client) => client.disconnect().await.map_err(explain),
        Err(error) => Err(error),
    };
    if let Err(error) = told
        && !force
    {
        return Err(
            error.context("the server cannot be told; use --force to forget the identity all the same")
        );
    }
    for name in supervisor::installed_names(state) {
        supervisor::remove(state, &name).context("cannot remove an extension")?;
    }
    for file in ["identity.json", "desired.json", "status.json", "sealing-key", "package-key"] {
        match fs::remove_file(state.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove `{file}`"));
            }
            _ => {}
        }
    }
    Ok(identity.machine_id)
}

/// Keeps the identity and takes another address for the same server, after it answered there as that server. The old
/// address; a running agent takes the new one within seconds.
///
/// # Errors
/// When the machine is not connected, or what answers at the address is not its server; nothing is changed then.
pub async fn reconnect(state: &Path, server: &str, proxy: Option<String>) -> Result<String> {
    let Some(identity) = Identity::load(state)? else {
        bail!("this machine is not connected; run `bartizan-agent connect` first")
    };
    let was = identity.server.clone();
    let moved = Identity { server: server.to_owned(), proxy: proxy.or(identity.proxy.clone()), ..identity };
    let client = ServerClient::for_machine(&moved)?;
    let answer = client.desired(None).await.map_err(explain);
    answer.with_context(|| format!("this machine's server does not answer at `{server}`"))?;
    moved.store(state).context("cannot store the identity")?;
    Ok(was)
}

/// Reads `key=value,key=value`.
///
/// # Errors
/// When a part has no `=` or an empty key.
pub fn parse_tags(text: &str) -> Result<BTreeMap<String, String>> {
    text.split(',')
        .filter(|part| !part.trim().is_empty())
        .map(|part| match part.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => bail!("the tag `{part}` is not key=value"),
        })
        .collect()
}

fn explain(error: CallError) -> anyhow::Error {
    let hint = match &error {
        CallError::Unreachable(cause) => connection_hint(&format!("{cause:?}")),
        CallError::Refused { status, .. } if status.as_u16() == 401 => {
            Some("the token or secret is wrong, used or expired")
        }
        _ => None,
    };
    let error = anyhow::Error::new(error);
    match hint {
        Some(hint) => error.context(hint),
        None => error,
    }
}

/// What a person can do about a failed connection, from the innermost cause; its types are not ours to match.
fn connection_hint(cause: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 6] = [
        ("UnknownIssuer", "the server's certificate does not come from the given CA"),
        ("NotValidForName", "the server's certificate is for another name; use a name it was made for"),
        ("NotValidYet", "the server's certificate is not valid yet; is this machine's clock behind?"),
        ("Expired", "the server's certificate has expired; is this machine's clock ahead?"),
        ("ConnectionRefused", "nothing listens at that address; is the server running, and the port right?"),
        ("dns error", "the server's name is not known here"),
    ];
    HINTS.iter().find(|(mark, _)| cause.contains(mark)).map(|(_, hint)| *hint)
}

/// Makes the state folder, or takes one that is there, for its owner only. Programs are started from it: in a
/// folder that somebody else may write, they would be somebody else's programs.
fn private_folder(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot create the state folder `{}`", path.display()))?;
    let found = fs::metadata(path)
        .with_context(|| format!("cannot look at the state folder `{}`", path.display()))?;
    let us = rustix::process::geteuid().as_raw();
    ensure!(
        found.uid() == us,
        "the state folder `{}` belongs to user {}, not to us; use a folder of our own",
        path.display(),
        found.uid()
    );
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot protect the state folder `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_connections_say_what_to_look_at() {
        use rustls::CertificateError::{Expired, NotValidForName, NotValidYet};
        let certificate = |error| format!("{:?}", rustls::Error::InvalidCertificate(error));
        let refused = format!("{:?}", std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        for (cause, word) in [
            (certificate(Expired), "ahead"),
            (certificate(NotValidYet), "behind"),
            (certificate(NotValidForName), "name"),
            (refused, "listens"),
        ] {
            assert!(connection_hint(&cause).is_some_and(|hint| hint.contains(word)), "{cause}");
        }
        assert_eq!(connection_hint("something else"), None);
    }

    #[test]
    fn a_state_folder_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        private_folder(&open).unwrap();
        assert_eq!(fs::metadata(&open).unwrap().mode() & 0o777, 0o700);
        private_folder(&folder.path().join("new/nested")).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&open, Some(65_534), None).unwrap();
            let refused = private_folder(&open).unwrap_err().to_string();
            assert!(refused.contains("belongs to user 65534"), "{refused}");
        }
    }

    #[test]
    fn tags_are_pairs() {
        let tags = parse_tags("env=prod, owner = team a ,").unwrap();
        assert_eq!(tags.get("env").map(String::as_str), Some("prod"));
        assert_eq!(tags.get("owner").map(String::as_str), Some("team a"));
        assert!(parse_tags("").unwrap().is_empty());
        assert!(parse_tags("oops").unwrap_err().to_string().contains("`oops`"));
        assert!(parse_tags("=x").is_err());
    }
}
