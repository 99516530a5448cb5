//! A small S3 for tests: objects in memory, behind the checks of the real one: the signature of each request (written
//! from Amazon's description of signature version 4 in queries, not with the library that signs), its age, and the
//! sums of bodies.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bartizan_base::{Clock, SystemClock, Ticks};
use parking_lot::Mutex;

pub(crate) const BUCKET: &str = "soc-logs";
pub(crate) const REGION: &str = "eu-test-1";
pub(crate) const KEY_ID: &str = "AKIATESTTESTTEST";
pub(crate) const SECRET: &str = "tests+only/geheim==";

/// What the store holds, and how it behaves.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    /// Uploads under way: their key and parts.
    pub(crate) uploads: HashMap<String, (String, BTreeMap<u32, Vec<u8>>)>,
    /// Operations in order: `PutObject`, `UploadPart` …
    pub(crate) log: Vec<&'static str>,
    /// How many requests are answered with 503 from now on.
    pub(crate) busy: usize,
    /// Whether every request is refused.
    pub(crate) denied: bool,
    /// How many uploads cannot be completed, although the answer is 200.
    pub(crate) incomplete: usize,
    made: usize,
}

/// A running store.
pub(crate) struct S3Store {
    pub(crate) url: String,
    pub(crate) inside: Arc<Mutex<Inside>>,
}

impl S3Store {
    pub(crate) async fn start() -> Self {
        let inside = Arc::new(Mutex::new(Inside::default()));
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", tcp.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&inside));
        tokio::spawn(async move { axum::serve(tcp, router).await });
        Self { url, inside }
    }
}

type Refused = (u16, &'static str, String);

async fn answer(State(inside): State<Arc<Mutex<Inside>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let done = {
        let mut inside = inside.lock();
        serve(&mut inside, &parts, &body)
    };
    done.unwrap_or_else(|(status, code, message)| {
        let text =
            format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>");
        (StatusCode::from_u16(status).unwrap(), text).into_response()
    })
}

fn serve(inside: &mut Inside, parts: &axum::http::request::Parts, body: &Bytes) -> Result<Response, Refused> {
    if inside.busy > 0 {
        inside.busy -= 1;
        inside.log.push("busy");
        return Err((503, "SlowDown", "Reduce your request rate.".to_owned()));
    }
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    check_signature(parts, &query)?;
    if inside.denied {
        return Err((403, "AccessDenied", "Access Denied".to_owned()));
    }
    if let Some(sum) = parts.headers.get("content-md5") {
        assert_eq!(sum.len(), 24, "the sum is base64 of 16 bytes");
    }
    let key = parts.uri.path().strip_prefix(&format!("/{BUCKET}/"));
    let key = key.ok_or((404, "NoSuchBucket", "The specified bucket does not exist".to_owned()))?.to_owned();
    // The keys of exports have one character that is written differently in an address.
    let key = key.replace("%3D", "=");
    let of = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    match (parts.method.as_str(), of("uploadId"), of("uploads")) {
        ("PUT", None, None) => {
            inside.log.push("PutObject");
            inside.objects.insert(key, body.to_vec());
            Ok("".into_response())
        }
        ("POST", None, Some(_)) => {
            inside.log.push("CreateMultipartUpload");
            inside.made += 1;
            let id = format!("upload/{}", inside.made);
            inside.uploads.insert(id.clone(), (key, BTreeMap::new()));
            let ns = "http://s3.amazonaws.com/doc/2006-03-01/";
            Ok(format!(
                "<InitiateMultipartUploadResult xmlns=\"{ns}\"><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            )
            .into_response())
        }
        ("PUT", Some(id), None) => {
            inside.log.push("UploadPart");
            let number: u32 = of("partNumber").unwrap().parse().unwrap();
            let upload = inside.uploads.get_mut(&id).ok_or((404, "NoSuchUpload", id))?;
            upload.1.insert(number, body.to_vec());
            Ok(([("etag", format!("\"part-{number}\""))], "").into_response())
        }
        ("POST", Some(id), None) => {
            inside.log.push("CompleteMultipartUpload");
            if inside.incomplete > 0 {
                inside.incomplete -= 1;
                let text = "<Error><Code>InternalError</Code><Message>We failed.</Message></Error>";
                return Ok(text.into_response());
            }
            let (key, found) = inside.uploads.remove(&id).ok_or((404, "NoSuchUpload", id))?;
            let listed = String::from_utf8_lossy(body).into_owned();
            for number in found.keys() {
                let tag = listed.contains(&format!("part-{number}"));
                assert!(tag && listed.contains(&format!("<PartNumber>{number}</PartNumber>")), "{listed}");
            }
            inside.objects.insert(key, found.into_values().flatten().collect());
            let ns = "http://s3.amazonaws.com/doc/2006-03-01/";
            Ok(format!(
                "<CompleteMultipartUploadResult xmlns=\"{ns}\"><ETag>\"all\"</ETag></CompleteMultipartUploadResult>"
            )
            .into_response())
        }
        ("DELETE", Some(id), None) => {
            inside.log.push("AbortMultipartUpload");
            inside.uploads.remove(&id);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err((501, "NotImplemented", "not here".to_owned())),
    }
}

/// Signature version 4 in a query, as Amazon describes it.
fn check_signature(parts: &axum::http::request::Parts, query: &[(String, String)]) -> Result<(), Refused> {
    let of = |name: &str| {
        let found = query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        found.ok_or((403, "AccessDenied", format!("{name} is missing")))
    };
    let date = of("X-Amz-Date")?;
    let day = &date[..8];
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    if of("X-Amz-Credential")? != format!("{KEY_ID}/{scope}") {
        let text = "The AWS Access Key Id you provided does not exist in our records.";
        return Err((403, "InvalidAccessKeyId", text.to_owned()));
    }
    let iso = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    let age = SystemClock.now().0 - Ticks::parse(&iso).unwrap().0;
    // Ten million ticks are a second; the clock may stand a little behind the signer's.
    if age > of("X-Amz-Expires")?.parse::<i64>().unwrap() * 10_000_000 || age < -600_000_000 {
        return Err((403, "AccessDenied", "Request has expired".to_owned()));
    }
    let mut pairs: Vec<String> = query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let signed = of("X-Amz-SignedHeaders")?;
    let mut headers = String::new();
    for name in signed.split(';') {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        writeln!(headers, "{name}:{value}").unwrap();
    }
    for must in ["host"].into_iter().chain((parts.method == "PUT").then_some("content-md5")) {
        assert!(signed.split(';').any(|name| name == must), "{must} is signed");
    }
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{signed}\nUNSIGNED-PAYLOAD",
        parts.method,
        parts.uri.path(),
        pairs.join("&")
    );
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(digest(&SHA256, canonical.as_bytes()).as_ref()));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, REGION, "s3", "aws4_request"] {
        key = hmac(&key, part);
    }
    if hex(&hmac(&key, &to_sign)) == of("X-Amz-Signature")? {
        return Ok(());
    }
    let text = "The request signature we calculated does not match the signature you provided.";
    Err((403, "SignatureDoesNotMatch", text.to_owned()))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// Everything but unreserved characters as percent and two digits.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}
