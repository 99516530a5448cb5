//! What a store says when it refuses a request.

use std::error::Error as _;

use reqwest::{Response, StatusCode};

/// What is read of an answer: all that a store says in an error or about an upload is shorter.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// What of a store's own words goes on into `Operation`.
const MESSAGE_CHARS_MAX: usize = 300;

/// A request that did not do what it should.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Whether the same request may succeed later.
    pub(super) again: bool,
    /// For people; without addresses, whose queries are signatures.
    pub(super) text: String,
}

impl Refusal {
    /// A request that got no answer.
    pub(super) fn unanswered(error: &reqwest::Error) -> Self {
        let mut text = if error.is_timeout() { "it takes too long" } else { "the request failed" }.to_owned();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = inner.to_string();
            cause = inner.source();
        }
        Self { again: true, text }
    }

    /// An answer that is an error, by its status and the code in its body.
    pub(super) fn of(status: StatusCode, body: &str) -> Self {
        let code = element(body, "Code").unwrap_or_default();
        let message = element(body, "Message").unwrap_or_default();
        let passing = matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
            || matches!(
                code.as_str(),
                "SlowDown" | "InternalError" | "RequestTimeout" | "ServiceUnavailable"
            );
        let hint = match code.as_str() {
            "AccessDenied" | "AllAccessDisabled" => {
                "; the key needs s3:PutObject and s3:AbortMultipartUpload"
            }
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
                "; mend the credentials of --export-s3-credentials or the environment"
            }
            "NoSuchBucket" => "; make it, or correct --export-s3-bucket",
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                "; correct --export-s3-region and --export-s3-endpoint"
            }
            "RequestTimeTooSkewed" => "; set this machine's clock right",
            _ => "",
        };
        let mut text = format!("the store answered {}", status.as_u16());
        for part in [code, message].iter().filter(|part| !part.is_empty()) {
            text.push_str(": ");
            text.push_str(part);
        }
        text.push_str(hint);
        Self { again: passing, text }
    }

    /// An answer that makes no sense.
    pub(super) fn odd(text: impl Into<String>) -> Self {
        Self { again: true, text: text.into() }
    }
}

/// The text of an answer, up to what is worth reading.
pub(super) async fn text(mut answer: Response) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Refusal::unanswered(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            bytes.truncate(ANSWER_BYTES_MAX);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The text of the first element of a name. An error's body is not always XML, so it is searched instead of parsed.
fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let body = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>The bucket\n is not there\
            </Message><Resource>/x?X-Amz-Signature=geheim</Resource></Error>";
        let refusal = Refusal::of(StatusCode::NOT_FOUND, body);
        assert_eq!(
            refusal.text,
            "the store answered 404: NoSuchBucket: The bucket is not there; make it, or correct --export-s3-bucket"
        );
        assert!(!refusal.again);
        let slow = "<Error><Code>SlowDown</Code></Error>";
        assert!(Refusal::of(StatusCode::OK, slow).again, "a completed upload may still fail, with 200");
        assert!(Refusal::of(StatusCode::SERVICE_UNAVAILABLE, "").again);
        let page = Refusal::of(StatusCode::FORBIDDEN, "<html>no</html>");
        assert_eq!((page.text.as_str(), page.again), ("the store answered 403", false));
    }
}
