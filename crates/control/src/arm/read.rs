//! GET and HEAD of one resource.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use http::Method;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, IF_NONE_MATCH};

use crate::arm::{Call, answer, kinds, scope, type_info};
use crate::http::{Failure, header, query_value};
use crate::logs::purge;
use crate::metering;
use crate::policy;
use crate::test_alerts;

pub(super) async fn get(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    let resource_type = id.resource_type();
    if resource_type.eq_ignore_ascii_case(DIAGNOSIS) {
        return diagnosis(call, id).await;
    }
    if resource_type.eq_ignore_ascii_case(purge::OPERATION_TYPE) {
        return purge::status(app, &call.caller, id).await;
    }
    if resource_type.eq_ignore_ascii_case(test_alerts::TEST_TYPE) {
        return test_alerts::latest(call, id).await;
    }
    if resource_type.eq_ignore_ascii_case(USAGE_REPORT) {
        return usage_report(call, id).await;
    }
    if resource_type.eq_ignore_ascii_case(policy::SCAN_RESULT_TYPE) {
        return policy::scan_result(call, id).await;
    }
    type_info(&resource_type)?;
    let kind = kinds::find(&resource_type);
    let action = format!("{resource_type}/read");
    // What is computed for the tenant is for everybody; what is stored there is for those with a role there.
    let found = if scope::is_tenant_level(id) && app.authorize(&call.caller, &action, id).await.is_err() {
        let computed = kind.absent(app, id).await?;
        Some(computed.ok_or_else(|| Failure::forbidden(&call.caller.actor.name, &action, id.as_str()))?)
    } else {
        app.authorize(&call.caller, &action, id).await?;
        match app.records.get(id).await? {
            Some(found) => Some(found),
            None => kind.absent(app, id).await?,
        }
    };
    let found = match found {
        Some(mut found) => {
            kind.present(app, &mut found).await?;
            Some(found)
        }
        None => None,
    };
    match found {
        Some(found) if is_known(call, &found.etag) => Ok(answer::not_modified(&found.etag)),
        Some(_) if call.parts.method == Method::HEAD => Ok(answer::empty(204)),
        Some(found) => Ok(answer::resource(200, &found)),
        None => {
            scope::check(app, id).await?;
            Err(ApiError::not_found(id.as_str()).into())
        }
    }
}

/// Whether the caller has this very state already, by `If-None-Match`.
fn is_known(call: &Call, etag: &str) -> bool {
    let known = header(&call.parts.headers, IF_NONE_MATCH.as_str());
    known.split(',').any(|known| known.trim().trim_start_matches("W/") == etag)
}

/// Why a machine is not covered: six checks in order. Our own type, there is no such thing in Azure.
const DIAGNOSIS: &str = "Bartizan.Security/diagnosis";

async fn diagnosis(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    let machine = id.parent().ok_or_else(|| ApiError::not_found(id.as_str()))?;
    app.authorize(&call.caller, "Microsoft.HybridCompute/machines/read", &machine).await?;
    let found = crate::plans::diagnosis::diagnose(&app.records, &machine, app.clock.now()).await?;
    let found = found.ok_or_else(|| ApiError::not_found(machine.as_str()))?;
    Ok(Json(found).into_response())
}

/// Hours and money of a subscription's month: `…/usageReports/2026-11`, or `current`. `format=csv` gives it as a file.
const USAGE_REPORT: &str = "Bartizan.Security/usageReports";

async fn usage_report(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    let subscription = id.parent().filter(scope::is_subscription);
    let subscription =
        subscription.ok_or_else(|| ApiError::invalid("usage reports are of a subscription"))?;
    scope::check(app, &subscription).await?;
    app.authorize(&call.caller, "Microsoft.Security/pricings/read", &subscription).await?;
    let now = app.clock.now();
    let name = if id.name().eq_ignore_ascii_case("current") {
        metering::month_of(now)
    } else {
        id.name().to_owned()
    };
    if metering::start_of(&name).is_none() {
        let text = format!("`{name}` is not a month such as 2026-11, nor `current`");
        return Err(ApiError::invalid(text).into());
    }
    let report = metering::report(&app.records, &subscription, &name, now).await?;
    match query_value(&call.parts.uri, "format").as_deref() {
        None | Some("json") => Ok(Json(report).into_response()),
        Some("csv") => {
            let disposition = format!("attachment; filename=\"usage-{name}.csv\"");
            let headers =
                [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, disposition)];
            Ok((headers, metering::csv(&report)).into_response())
        }
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            Err(ApiError::invalid(format!("`format` is `{shown}`; there are `json` and `csv`")).into())
        }
    }
}
