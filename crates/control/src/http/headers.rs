//! Reading headers and query strings.

use http::{HeaderMap, Uri, header};

/// A header's text, empty when absent or not text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The decoded pairs of a query string.
pub(crate) fn query_pairs(uri: &Uri) -> Vec<(String, String)> {
    let text = uri.query().unwrap_or_default();
    url::form_urlencoded::parse(text.as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// One value of a query string; names compare without regard to case, as ARM does.
pub(crate) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    query_pairs(uri).into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// `https://host:port` as the client addressed us, for links back. Only characters of a host are taken
/// over, because the header is the client's.
pub(crate) fn base_url(headers: &HeaderMap, uri: &Uri, fallback: &str) -> String {
    let authority = uri
        .authority()
        .map_or_else(|| header(headers, header::HOST.as_str()), |authority| authority.as_str());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    if authority.is_empty() || !authority.chars().all(plain) {
        return fallback.to_owned();
    }
    format!("https://{authority}")
}
