//! Storing objects: in one request, or in parts.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bartizan_control::ExportBucket;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use reqwest::{Client, Response, StatusCode, Url};
use rusty_s3::actions::{
    AbortMultipartUpload, CompleteMultipartUpload, CompleteMultipartUploadResponse, CreateMultipartUpload,
    PutObject, UploadPart,
};
use rusty_s3::{Bucket, Credentials, Method, S3Action};

use super::answer::{Refusal, text};
use super::credentials::CredentialSource;

/// One part of a large object, and the size above which there are parts. S3 takes parts from 5 MiB on, and 10,000 of
/// them; an export's largest object has 512 MiB of rows.
pub(super) const PART_BYTES: usize = 16 << 20;
/// How long a signature holds: longer than one request may take.
const SIGNED_FOR: Duration = Duration::from_secs(900);
/// Attempts for one request; the export itself comes back later.
const ATTEMPTS: u32 = 5;
/// The pause after the first attempt; each next one is twice as long: 3.75 s in all.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const JSON_LINES: &str = "application/x-ndjson";

/// A bucket and the way to it.
#[derive(Debug)]
pub(super) struct S3Bucket {
    bucket: Bucket,
    credentials: CredentialSource,
    client: Client,
}

#[async_trait]
impl ExportBucket for S3Bucket {
    fn name(&self) -> String {
        format!("{} at {}", self.bucket.name(), self.bucket.base_url().origin().ascii_serialization())
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), String> {
        let credentials = self.credentials.read().map_err(|error| format!("{error:#}"))?;
        let upload = Upload { store: self, credentials: &credentials, key };
        let done =
            if body.len() > PART_BYTES { upload.in_parts(body).await } else { upload.at_once(body).await };
        done.map_err(|refusal| refusal.text)
    }
}

impl S3Bucket {
    pub(super) fn new(bucket: Bucket, credentials: CredentialSource, client: Client) -> Self {
        Self { bucket, credentials, client }
    }

    /// Sends a request until it is answered with success, or with an error that would stay.
    async fn send<'a>(&self, mut action: impl S3Action<'a>, body: Bytes) -> Result<Response, Refusal> {
        let mut headers = Vec::new();
        if method(&action) == reqwest::Method::PUT {
            // The store compares what arrived with it; buckets with locked objects insist on it.
            headers.push(("content-md5", BASE64_STANDARD.encode(Md5::digest(&body))));
            headers.push(("content-type", JSON_LINES.to_owned()));
        }
        for (name, value) in &headers {
            action.headers_mut().insert(*name, value.clone());
        }
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            // Signed for each attempt, so that a signature is never older than its request.
            let url = action.sign(SIGNED_FOR);
            let refusal = match self.attempt(method(&action), url, &headers, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            if !refusal.again || attempt == ATTEMPTS {
                return Err(refusal);
            }
            tracing::debug!(reason = refusal.text, attempt, "the store is asked again");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(Refusal::odd("it was not tried"))
    }

    async fn attempt(
        &self,
        method: reqwest::Method,
        url: Url,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Response, Refusal> {
        let mut request = self.client.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.map_err(|error| Refusal::unanswered(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        Err(Refusal::of(status, &text(answer).await.unwrap_or_default()))
    }
}

/// What HTTP calls an action's method.
fn method<'a, A: S3Action<'a>>(_: &A) -> reqwest::Method {
    match A::METHOD {
        Method::Head => reqwest::Method::HEAD,
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// One object on its way.
struct Upload<'a> {
    store: &'a S3Bucket,
    credentials: &'a Credentials,
    key: &'a str,
}

impl Upload<'_> {
    async fn at_once(&self, body: Bytes) -> Result<(), Refusal> {
        let action = PutObject::new(&self.store.bucket, Some(self.credentials), self.key);
        self.store.send(action, body).await.map(drop)
    }

    /// The object is there only when the last request is answered, so that no half of it is ever seen.
    async fn in_parts(&self, body: Bytes) -> Result<(), Refusal> {
        let action = CreateMultipartUpload::new(&self.store.bucket, Some(self.credentials), self.key);
        let answer = text(self.store.send(action, Bytes::new()).await?).await?;
        let created = CreateMultipartUpload::parse_response(&answer);
        let id = created.map_err(|_| Refusal::odd("the store named no upload to add parts to"))?;
        let id = id.upload_id();
        let done = self.parts(id, body).await;
        if done.is_err() {
            self.abort(id).await;
        }
        done
    }

    async fn parts(&self, id: &str, mut body: Bytes) -> Result<(), Refusal> {
        let (bucket, credentials) = (&self.store.bucket, Some(self.credentials));
        let mut tags: Vec<String> = Vec::new();
        while !body.is_empty() {
            let part = body.split_to(body.len().min(PART_BYTES));
            let number =
                u16::try_from(tags.len() + 1).map_err(|_| Refusal::odd("the object has too many parts"))?;
            let action = UploadPart::new(bucket, credentials, self.key, number, id);
            let answer = self.store.send(action, part).await?;
            let tag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok());
            tags.push(tag.ok_or_else(|| Refusal::odd("the store gave a part no ETag"))?.to_owned());
        }
        let tags = || tags.iter().map(String::as_str);
        let action = CompleteMultipartUpload::new(bucket, credentials, self.key, id, tags());
        let list = CompleteMultipartUpload::new(bucket, credentials, self.key, id, tags()).body();
        let answer = text(self.store.send(action, list.into()).await?).await?;
        // A store may have begun its answer with 200 before it failed.
        CompleteMultipartUploadResponse::parse(&answer)
            .map(drop)
            .map_err(|_| Refusal::of(StatusCode::OK, &answer))
    }

    /// Parts of what will not be an object cost storage; where this fails a lifecycle rule of the bucket helps.
    async fn abort(&self, id: &str) {
        let action = AbortMultipartUpload::new(&self.store.bucket, Some(self.credentials), self.key, id);
        if let Err(refusal) = self.store.send(action, Bytes::new()).await {
            tracing::warn!(key = self.key, reason = refusal.text, "cannot give up an upload in parts");
        }
    }
}
