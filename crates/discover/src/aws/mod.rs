//! EC2: `DescribeInstances` of several regions, a page at a time, over the Query API (version 2016-11-15).

mod instances;
mod sign;

use bartizan_base::Ticks;
use serde::Deserialize;
use url::form_urlencoded;

use crate::Run;
use crate::error::{DiscoverError, shown};
use crate::http::{Http, HttpsOptions, PAGES_MAX};
use crate::machine::{Found, FoundMachine, MACHINES_MAX};
use crate::secret::Secret;
use crate::xml;

pub(crate) use instances::page;

/// EC2's largest page is 1,000; smaller ones spare both sides.
const PAGE_SIZE: usize = 500;
const API_VERSION: &str = "2016-11-15";
const REGIONS_MAX: usize = 40;

/// An AWS account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsConnection {
    /// `eu-west-1` … ; a region that the account has not enabled is told of and left out.
    pub regions: Vec<String>,
    pub access_key_id: String,
    pub secret_access_key: Secret,
    /// Of temporary credentials.
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// Instead of `https://ec2.{region}.amazonaws.com/`, such as a VPC endpoint; `{region}` is replaced.
    #[serde(default)]
    pub endpoint: Option<String>,
    #[serde(default)]
    pub https: HttpsOptions,
}

impl AwsConnection {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.regions.is_empty() || self.regions.len() > REGIONS_MAX {
            return Err(format!("`regions` names 1 to {REGIONS_MAX} regions"));
        }
        if let Some(wrong) = self.regions.iter().find(|region| !is_region(region)) {
            return Err(format!("`regions` has `{}`, which is no region such as eu-west-1", shown(wrong)));
        }
        if self.access_key_id.is_empty() || self.secret_access_key.is_empty() {
            return Err("`access_key_id` and `secret_access_key` are empty".to_owned());
        }
        Ok(())
    }

    fn endpoint(&self, region: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => endpoint.replace("{region}", region),
            // The Chinese partition has a domain of its own.
            None if region.starts_with("cn-") => format!("https://ec2.{region}.amazonaws.com.cn/"),
            None => format!("https://ec2.{region}.amazonaws.com/"),
        }
    }
}

/// Region names become part of a host name.
fn is_region(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (3..=32).contains(&name.len()) && name.contains('-') && name.chars().all(plain)
}

/// Every region is asked, whatever the others say. It is an error when none of them answers.
pub(crate) async fn discover(aws: &AwsConnection, run: &Run) -> Result<Found, DiscoverError> {
    let regions = if run.regions.is_empty() { &aws.regions } else { &run.regions };
    let mut found = Found::default();
    let mut first_error = None;
    let mut answered = 0;
    for region in regions.iter().take(REGIONS_MAX) {
        let asked = if is_region(region) {
            list(aws, region, run.now, &mut found).await
        } else {
            Err(DiscoverError {
                connector: "aws",
                endpoint: shown(region),
                what: "is no region".to_owned(),
                way_out: "name regions such as eu-west-1".to_owned(),
            })
        };
        match asked {
            Ok(()) => answered += 1,
            Err(error) => {
                found.shortfalls.push(format!("region `{region}`: {error}"));
                first_error.get_or_insert(error);
            }
        }
        if found.machines.len() > MACHINES_MAX {
            break;
        }
    }
    match first_error {
        Some(error) if answered == 0 => Err(error),
        _ => Ok(found),
    }
}

async fn list(aws: &AwsConnection, region: &str, now: Ticks, found: &mut Found) -> Result<(), DiscoverError> {
    let http = Http::new("aws", &aws.endpoint(region), &aws.https)?;
    let mut token = String::new();
    for _ in 0..PAGES_MAX {
        let answer = call(&http, aws, region, now, &token).await?;
        let (machines, next) = page(&answer, region).map_err(|what| {
            http.error(
                format!("answers DescribeInstances with what cannot be read ({what})"),
                "check `endpoint`",
            )
        })?;
        found.machines.extend(machines);
        if next.is_empty() || found.machines.len() > MACHINES_MAX {
            return Ok(());
        }
        if next == token {
            return Err(http.error("gives the same page for ever", "check `endpoint`"));
        }
        token = next;
    }
    Err(http
        .error(format!("has more than {PAGES_MAX} pages"), "divide the regions among several connections"))
}

async fn call(
    http: &Http,
    aws: &AwsConnection,
    region: &str,
    now: Ticks,
    token: &str,
) -> Result<String, DiscoverError> {
    let body = form(token);
    let mut request = sign::Request {
        method: "POST",
        path: http.endpoint.path(),
        query: "",
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
            ("host", sign::host(&http.endpoint)),
        ],
        body: body.as_bytes(),
    };
    let key = sign::Key {
        id: &aws.access_key_id,
        secret: aws.secret_access_key.reveal(),
        token: aws.session_token.as_ref().map(Secret::reveal),
        region,
        service: "ec2",
    };
    let authorization = sign::sign(&mut request, &key, now);
    let mut call = http.client().post(http.endpoint.clone());
    for (name, value) in request.headers {
        if name != "host" {
            call = call.header(name, value);
        }
    }
    let answer = http.send(call.header("authorization", authorization).body(body)).await?;
    if answer.status.is_success() {
        return Ok(answer.body);
    }
    let (code, message) = refusal(&answer.body);
    let way_out = match code.as_str() {
        "UnauthorizedOperation" | "AccessDenied" => {
            "allow the key's user or role the action ec2:DescribeInstances"
        }
        "AuthFailure" | "InvalidClientTokenId" | "SignatureDoesNotMatch" | "UnrecognizedClientException" => {
            "check `access_key_id` and `secret_access_key`, and that the region is enabled for the account"
        }
        "RequestExpired" => "set the server's clock, and renew temporary credentials",
        "RequestLimitExceeded" | "Throttling" => "the next run tries again",
        _ => "the next run tries again; see AWS's list of EC2 error codes",
    };
    let said = if code.is_empty() { String::new() } else { format!(": {code}, {message}") };
    Err(http.error(format!("answers {}{said}", answer.status), way_out))
}

/// The body of a call.
fn form(token: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "DescribeInstances");
    form.append_pair("MaxResults", &PAGE_SIZE.to_string());
    if !token.is_empty() {
        form.append_pair("NextToken", token);
    }
    form.append_pair("Version", API_VERSION);
    form.finish()
}

/// Code and message of an error's body; empty when it is something else.
fn refusal(body: &str) -> (String, String) {
    let Ok(document) = xml::parse(body) else { return (String::new(), String::new()) };
    let Some(error) = xml::below(document.root(), "Error") else { return (String::new(), String::new()) };
    (shown(xml::text(error, &["Code"])), shown(xml::text(error, &["Message"])))
}

/// The name of an instance: its tag `Name`, else its id.
fn name_of(machine: &FoundMachine) -> String {
    machine.tags.get("Name").filter(|name| !name.is_empty()).unwrap_or(&machine.native_id).clone()
}
