//! What a handler leaves unread of a request's body is read and thrown away before the answer goes out.
//!
//! A refusal that needs no body (wrong token, no such path) is ready before the body has arrived. Over HTTP/2 the
//! stream would then be reset, and many clients report that in place of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;

/// Whoever sends more than this after a refusal gets a broken connection.
const REST_MAX: usize = 64 << 20;
/// Longest time spent on that.
const REST_TIME: Duration = Duration::from_secs(15);

/// The middleware; it has to be the outermost.
pub(crate) async fn take_rest(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let left = Arc::new(Mutex::new(None));
    let (parts, body) = request.into_parts();
    let lent = Lent { stream: Some(body.into_data_stream()), left: Arc::clone(&left) };
    let response = next.run(Request::from_parts(parts, Body::from_stream(lent))).await;
    let rest = left.lock().take();
    if let Some(rest) = rest {
        // Whether it ended or ran out of time, the answer is the same.
        drop(tokio::time::timeout(REST_TIME, discard(rest)).await);
    }
    response
}

async fn discard(mut rest: BodyDataStream) {
    let mut seen = 0;
    while let Some(Ok(part)) = rest.next().await {
        seen += part.len();
        if seen > REST_MAX {
            break;
        }
    }
}

/// A body that comes back when its reader drops it before its end.
struct Lent {
    stream: Option<BodyDataStream>,
    left: Arc<Mutex<Option<BodyDataStream>>>,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let polled = Pin::new(stream).poll_next(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.stream = None;
        }
        polled
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.left.lock() = self.stream.take();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::routing::post;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn an_unread_or_half_read_body_is_read_to_its_end() {
        let half = async |body: Body| {
            body.into_data_stream().next().await;
            StatusCode::FORBIDDEN
        };
        let router = Router::new()
            .route("/none", post(async || StatusCode::UNAUTHORIZED))
            .route("/half", post(half))
            .layer(axum::middleware::from_fn(take_rest));
        for (path, status) in [("/none", StatusCode::UNAUTHORIZED), ("/half", StatusCode::FORBIDDEN)] {
            let read = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&read);
            let parts = futures::stream::iter(0..5).map(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok::<_, std::io::Error>(Bytes::from_static(b"rows"))
            });
            let request = Request::post(path).body(Body::from_stream(parts)).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!((response.status(), read.load(Ordering::Relaxed)), (status, 5), "{path}");
        }
    }
}
