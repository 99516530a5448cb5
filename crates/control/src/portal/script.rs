//! The onboarding script for Linux: fetches the agent from this server, whose certificate it pins, and
//! connects the machine.

use bartizan_api::ApiError;
use bartizan_api::portal::OnboardingRequest;

use crate::app::Home;
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

/// The whole script.
pub(super) fn write(home: &Home, request: &OnboardingRequest, server: &str, token: &str, ca: &str) -> String {
    let proxy = request.proxy.as_deref().filter(|proxy| !proxy.is_empty());
    let tags = request.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    let mut options = vec![
        ("--server", "\"$SERVER\"".to_owned()),
        ("--ca", "\"$CA\"".to_owned()),
        ("--tenant-id", quote(&home.tenant.to_string())),
        ("--subscription-id", quote(&home.subscription.to_string())),
        ("--resource-group", quote(&request.resource_group)),
        ("--location", quote(&request.location)),
    ];
    if !tags.is_empty() {
        options.push(("--tags", quote(&tags)));
    }
    if let Some(proxy) = proxy {
        options.push(("--proxy", quote(proxy)));
    }
    let options: Vec<String> = options.iter().map(|(name, value)| format!("    {name} {value}")).collect();
    let curl_proxy = proxy.map_or_else(String::new, |proxy| format!(" --proxy {}", quote(proxy)));
    format!(
        r#"#!/bin/bash
# Connects this machine to Bartizan. Run it as root: sudo bash OnboardingScript.sh
# The token in it enrols machines for one day; treat the file as a secret until then.
set -euo pipefail
umask 077

SERVER={server}
AGENT=/usr/local/bin/bartizan-agent
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
CA=$WORK/ca.pem

if [ "$(id -u)" -ne 0 ]; then
    echo "Run this script as root." >&2
    exit 1
fi

# The server proves itself by this authority, not by those the machine trusts otherwise.
cat > "$CA" <<'PEM'
{ca}PEM
# By environment, because a command line is visible to every user of the machine.
export BARTIZAN_TOKEN={token}

curl --fail --silent --show-error --location --cacert "$CA"{curl_proxy} \
    --output "$WORK/bartizan-agent" "$SERVER/portal/agent/bartizan-agent"
install -m 0755 "$WORK/bartizan-agent" "$AGENT"

"$AGENT" connect \
{options}

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
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --now bartizan-agent
else
    echo "There is no systemd here: start '$AGENT run' by other means."
fi
"#,
        server = quote(server),
        ca = ca.trim_end().to_owned() + "\n",
        token = quote(token),
        options = options.join(" \\\n"),
    )
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
