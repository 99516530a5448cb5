//! Signature Version 4, as AWS documents it ("Create a signed AWS API request").

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use bartizan_base::Ticks;
use url::Url;

/// A request to be signed; `sign` adds headers.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// In canonical form already: names in order, escaped.
    pub(super) query: &'a str,
    /// Names in lower case. All are signed.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a [u8],
}

/// Whose signature, and what it is good for.
pub(super) struct Key<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Adds `x-amz-date` (and the session's token) and gives the value of `Authorization`.
pub(super) fn sign(request: &mut Request<'_>, key: &Key<'_>, now: Ticks) -> String {
    let (year, month, day, hour, minute, second, _) = now.civil();
    let date = format!("{year:04}{month:02}{day:02}");
    let moment = format!("{date}T{hour:02}{minute:02}{second:02}Z");
    request.headers.push(("x-amz-date", moment.clone()));
    if let Some(token) = key.token {
        request.headers.push(("x-amz-security-token", token.to_owned()));
    }
    request.headers.sort_by_key(|(name, _)| *name);

    let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for (name, value) in &request.headers {
        let value: Vec<&str> = value.split_whitespace().collect();
        canonical.push_str(&format!("{name}:{}\n", value.join(" ")));
    }
    canonical
        .push_str(&format!("\n{names}\n{}", hex(digest::digest(&digest::SHA256, request.body).as_ref())));

    let scope = format!("{date}/{}/{}/aws4_request", key.region, key.service);
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}");
    let mut derived = format!("AWS4{}", key.secret).into_bytes();
    for part in [date.as_str(), key.region, key.service, "aws4_request"] {
        derived = mac(&derived, part);
    }
    let signature = hex(&mac(&derived, &to_sign));
    format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", key.id)
}

/// The header `Host` that a client sends to `url`.
pub(super) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _written = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key, moment and signatures of AWS's published test suite for Signature Version 4.
    #[test]
    fn aws_test_suite() {
        let host = ("host", "example.amazonaws.com".to_owned());
        let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
        for (method, query, headers, body, signature) in [
            (
                "GET",
                "",
                vec![host.clone()],
                "",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "POST",
                "",
                vec![host.clone()],
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "GET",
                "Param1=value1&Param2=value2",
                vec![host.clone()],
                "",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "POST",
                "",
                vec![form, host],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let mut request = Request { method, path: "/", query, headers, body: body.as_bytes() };
            let key = Key {
                id: "AKIDEXAMPLE",
                secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                token: None,
                region: "us-east-1",
                service: "service",
            };
            let now = Ticks::parse("2015-08-30T12:36:00Z").unwrap();
            let authorization = sign(&mut request, &key, now);
            assert!(
                authorization.ends_with(&format!("Signature={signature}")),
                "{method} {query}: {authorization}"
            );
            assert!(authorization.contains("Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"));
        }
    }
}
