//! The onboarding script for Linux: fetches the agent from this server, whose certificate it pins, and
//! connects the machine.

use bartizan_api::ApiError;
use bartizan_api::portal::OnboardingRequest;
use bartizan_base::TenantId;

use crate::http::Failure;

/// Checks what goes into the script. It is quoted there too; this is for clear errors.
pub(super) fn check(request: &OnboardingRequest) -> Result<(), Failure> {
    let plain = |text: &str| text.len() <= 256 && !text.chars().any(|c| c.is_control());
    if !plain(&request.location) {
        return Err(ApiError::field("location", "`location` is one short line of text").into());
    }
    let tag = |(key, value): (&String, &String)| {
        plain(key) && plain(value) && !key.is_empty() && !key.contains(['=', ',']) && !value.contains(',')
    };
    if request.tags.len() > 50 || !request.tags.iter().all(tag) {
        return Err(ApiError::field("tags", "at most 50 tags, without `,` and without `=` in names").into());
    }
    if let Some(proxy) = request.proxy.as_deref().filter(|proxy| !proxy.is_empty()) {
        let url = url::Url::parse(proxy)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() {
            return Err(ApiError::field("proxy", "`proxy` is a URL such as http://proxy.example:3128").into());
        }
    }
    Ok(())
}

/// What the machine proves itself with.
#[derive(Clone, Copy)]
pub(super) enum Credential<'a> {
    /// An onboarding token, in the script.
    Token(&'a str),
    /// An onboarding token that whoever runs the script has.
    TokenOfTheCaller,
    /// The `appId` of a service principal, whose secret the script asks for.
    ServicePrincipal(&'a str),
}

/// The whole script, for any POSIX shell: `sh` is dash on Debian and bash on RHEL.
pub(super) fn write(
    tenant: TenantId,
    request: &OnboardingRequest,
    server: &str,
    credential: Credential<'_>,
    ca: &str,
) -> String {
    let proxy = request.proxy.as_deref().filter(|proxy| !proxy.is_empty());
    let tags = request.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    let mut options = vec![
        ("--server", "\"$SERVER\"".to_owned()),
        ("--ca", "\"$CA\"".to_owned()),
        ("--tenant-id", quote(&tenant.to_string())),
        ("--location", quote(&request.location)),
    ];
    // Where directly onboarded machines go is the tenant's to say, when the script runs.
    if !request.direct {
        options.push(("--subscription-id", quote(&request.subscription_id)));
        options.push(("--resource-group", quote(&request.resource_group)));
    }
    if !tags.is_empty() {
        options.push(("--tags", quote(&tags)));
    }
    if let Some(proxy) = proxy {
        options.push(("--proxy", quote(proxy)));
    }
    if let Credential::ServicePrincipal(app_id) = credential {
        options.push(("--service-principal-id", quote(app_id)));
    }
    let options: Vec<String> = options.iter().map(|(name, value)| format!("    {name} {value}")).collect();
    let (about, secret) = secret_lines(credential);
    format!(
        r#"#!/bin/sh
# Connects this machine to Bartizan. Run it as root: sudo sh OnboardingScript.sh
{about}
set -eu
umask 077

SERVER={server}
PROXY={proxy}
AGENT=/usr/local/bin/bartizan-agent

fail() {{
    echo "error: $1" >&2
    exit 1
}}

[ "$(id -u)" -eq 0 ] || fail "run this script as root: sudo sh $0"
[ "$(uname -s)" = Linux ] || fail "the agent is for Linux; this is $(uname -s)"
[ "$(uname -m)" = {arch} ] || fail "the agent of this server is for {arch}; this machine is $(uname -m)"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
CA=$WORK/ca.pem

# The server proves itself by this authority, not by those the machine trusts otherwise.
cat > "$CA" <<'PEM'
{ca}PEM
{secret}
echo "Downloading the agent from $SERVER"
if command -v curl > /dev/null 2>&1; then
    if [ -n "$PROXY" ]; then set -- --proxy "$PROXY"; else set --; fi
    curl --fail --silent --show-error --location --cacert "$CA" "$@" \
        --output "$WORK/bartizan-agent" "$SERVER/portal/agent/bartizan-agent" ||
        fail "the agent cannot be downloaded from $SERVER: check that this machine reaches it, or give a proxy"
elif command -v wget > /dev/null 2>&1; then
    if [ -n "$PROXY" ]; then export https_proxy="$PROXY"; fi
    wget --quiet --ca-certificate="$CA" --output-document="$WORK/bartizan-agent" \
        "$SERVER/portal/agent/bartizan-agent" ||
        fail "the agent cannot be downloaded from $SERVER: check that this machine reaches it, or give a proxy"
else
    fail "there is neither curl nor wget: install one (apt-get install curl, dnf install curl)"
fi
chmod 0700 "$WORK/bartizan-agent"
"$WORK/bartizan-agent" --version > /dev/null 2> "$WORK/why" ||
    fail "the agent does not run on this system: $(head -n 1 "$WORK/why")
It needs a C library (glibc) as new as that of the system it was built for, such as RHEL 9, Debian 12 or Ubuntu 22.04,
and a folder for temporary files from which programs may be run; set TMPDIR to another."
# A new file under a new inode: the old program may be running.
install -m 0755 "$WORK/bartizan-agent" "$AGENT.new"
mv -f "$AGENT.new" "$AGENT"
if command -v restorecon > /dev/null 2>&1; then restorecon "$AGENT" || true; fi

echo "Connecting"
"$AGENT" connect \
{options}

if [ ! -d /run/systemd/system ]; then
    echo "Connected. There is no systemd here: start '$AGENT run' by other means."
    exit 0
fi
umask 022
cat > /etc/systemd/system/bartizan-agent.service <<'UNIT'
[Unit]
Description=Bartizan agent
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/bin/bartizan-agent run
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable bartizan-agent
systemctl restart bartizan-agent
echo "Connected; the service bartizan-agent is running."
"#,
        arch = std::env::consts::ARCH,
        server = quote(server),
        proxy = quote(proxy.unwrap_or_default()),
        ca = ca.trim_end().to_owned() + "\n",
        options = options.join(" \\\n"),
    )
}

/// What the script says about its secret, and the lines that provide it. By environment, because a command line is
/// visible to every user of the machine.
fn secret_lines(credential: Credential<'_>) -> (&'static str, String) {
    match credential {
        Credential::Token(token) => (
            "# The token in it enrols machines for one day; treat the file as a secret until then.",
            format!("export BARTIZAN_TOKEN={}\n", quote(token)),
        ),
        Credential::TokenOfTheCaller => (
            "# It contains no secret: set BARTIZAN_TOKEN to an onboarding token.",
            "[ -n \"${BARTIZAN_TOKEN:-}\" ] || fail \"set BARTIZAN_TOKEN to an onboarding token; the portal's page Servers, Add makes one\"\nexport BARTIZAN_TOKEN\n"
                .to_owned(),
        ),
        Credential::ServicePrincipal(_) => (
            "# It contains no secret: set BARTIZAN_SERVICE_PRINCIPAL_SECRET, or type the secret when it asks.",
            r#"if [ -z "${BARTIZAN_SERVICE_PRINCIPAL_SECRET:-}" ]; then
    [ -t 0 ] || fail "set BARTIZAN_SERVICE_PRINCIPAL_SECRET to the service principal's secret"
    printf 'Secret of the service principal: ' >&2
    trap 'stty echo; rm -rf "$WORK"' EXIT
    stty -echo
    read -r BARTIZAN_SERVICE_PRINCIPAL_SECRET
    stty echo
    trap 'rm -rf "$WORK"' EXIT
    echo >&2
fi
export BARTIZAN_SERVICE_PRINCIPAL_SECRET
"#
            .to_owned(),
        ),
    }
}

/// One word for the shell, whatever is in it.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn quoting_leaves_nothing_to_the_shell() {
        assert_eq!(super::quote("a'; rm -rf / #"), r"'a'\''; rm -rf / #'");
    }
}
