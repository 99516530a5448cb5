//! OTLP over gRPC: the service `opentelemetry.proto.collector.logs.v1.LogsService`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use bartizan_base::ErrorKind;
use bartizan_records::Resource;
use http::request::Parts;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tower::Service;

use super::{export, open, response};
use crate::access::{Caller, KeyCaller};
use crate::app::App;
use crate::http::Failure;
use crate::logs::UPLOAD_MAX;

/// Where gRPC calls the one method.
pub(super) const PATH: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// One call, by somebody who is known.
struct Exporter {
    app: Arc<App>,
    caller: Caller,
    rule: Resource,
}

#[tonic::async_trait]
impl LogsService for Exporter {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        let exported =
            export(&self.app, &self.caller, &self.rule, request.into_inner()).await.map_err(status)?;
        Ok(tonic::Response::new(response(exported)))
    }
}

pub(super) async fn serve(State(app): State<Arc<App>>, mut parts: Parts, body: Body) -> Response {
    let caller = match KeyCaller::from_request_parts(&mut parts, &app).await {
        Ok(KeyCaller(caller)) => caller,
        Err(failure) => return status(failure).into_http::<Body>().into_response(),
    };
    let rule = match open(&app, &caller).await {
        Ok(rule) => rule,
        Err(failure) => return status(failure).into_http::<Body>().into_response(),
    };
    let mut service = LogsServiceServer::new(Exporter { app, caller, rule })
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(UPLOAD_MAX);
    let answer: Result<_, Infallible> = service.call(http::Request::from_parts(parts, body)).await;
    match answer {
        Ok(answer) => answer.into_response(),
        Err(never) => match never {},
    }
}

fn status(Failure(error): Failure) -> Status {
    Status::new(code(error.kind), error.message)
}

/// The code of a kind. Exporters try again after `Unavailable` and `ResourceExhausted` only.
pub(super) fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Invalid | ErrorKind::TooLarge => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict | ErrorKind::Precondition => Code::FailedPrecondition,
        ErrorKind::TooMany | ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Unavailable => {
            Code::Unavailable
        }
    }
}
