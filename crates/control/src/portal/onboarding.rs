//! Onboarding tokens, and the script that uses one.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use bartizan_api::ApiError;
use bartizan_api::portal::{Onboarding, OnboardingRequest};
use bartizan_base::{ErrorKind, ResourceId, Ticks, Timespan};
use bartizan_records::{NewSecret, Records, RecordsError, SecretKind};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{Caller, random_secret};
use crate::app::{App, Home};
use crate::arm;
use crate::http::{Failure, base_url, read_json};
use crate::plans::direct;
use crate::portal::script::{self, Credential};

const BODY_MAX: usize = 64 << 10;
/// A token is good for a day, for any number of machines.
const TOKEN_SECONDS: i64 = 86_400;

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Json<Onboarding>, Failure> {
    let mut request: OnboardingRequest = read_json(&headers, body, BODY_MAX).await?;
    if request.resource_group.is_empty() {
        request.resource_group.clone_from(&app.home.resource_group);
    }
    if request.location.is_empty() {
        request.location.clone_from(&app.home.location);
    }
    if request.direct {
        return direct_onboarding(&app, &caller, &headers, &uri, &request).await.map(Json);
    }
    if request.subscription_id.is_empty() {
        request.subscription_id = app.home.subscription.to_string();
    }
    let subscription = Uuid::parse_str(&request.subscription_id)
        .map_err(|_| ApiError::field("subscriptionId", "`subscriptionId` is the id of a subscription"))?;
    let group = format!("/subscriptions/{subscription}/resourceGroups/{}", request.resource_group);
    let group = ResourceId::parse(&group);
    let group = group.map_err(|error| ApiError::field("resourceGroup", error.to_string()))?;
    app.authorize(&caller, "Microsoft.HybridCompute/machines/write", &group).await?;
    arm::check_group(&app, &group).await?;
    script::check(&request)?;
    let server = base_url(&headers, &uri, &app.public_url);
    let tenant = app.home.tenant;
    let write = |credential| script::write(tenant, &request, &server, credential, &app.pki.server_ca);
    if let Some(app_id) = request.service_principal_id.as_deref().filter(|id| !id.is_empty()) {
        check_program(&app, app_id).await?;
        let script = write(Credential::ServicePrincipal(app_id));
        return Ok(Json(Onboarding { token: None, expires_on: None, script }));
    }
    let (token, expires_on) =
        new_token(&app.records, &app.home, &caller.actor.object_id.to_string(), &group, &request).await?;
    let script = write(Credential::Token(&token));
    Ok(Json(Onboarding { token: Some(token), expires_on: Some(expires_on), script }))
}

/// A script that onboards directly: to where the tenant says when it runs.
async fn direct_onboarding(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    uri: &Uri,
    request: &OnboardingRequest,
) -> Result<Onboarding, Failure> {
    let Some(subscription) = direct::designated(&app.records).await? else {
        let text = "direct onboarding is off; designate a subscription first, in Environment settings, Direct onboarding";
        return Err(ApiError::coded(ErrorKind::Conflict, "DirectOnboardingOff", text).into());
    };
    app.authorize(caller, "Microsoft.HybridCompute/machines/write", &subscription).await?;
    if request.service_principal_id.as_deref().is_some_and(|id| !id.is_empty()) {
        let text = "direct onboarding is by token; leave `servicePrincipalId` out";
        return Err(ApiError::field("servicePrincipalId", text).into());
    }
    script::check(request)?;
    let by = caller.actor.object_id.to_string();
    let (token, expires_on) = new_direct_token(&app.records, &by, request).await?;
    let server = base_url(headers, uri, &app.public_url);
    let script =
        script::write(app.home.tenant, request, &server, Credential::Token(&token), &app.pki.server_ca);
    Ok(Onboarding { token: Some(token), expires_on: Some(expires_on), script })
}

/// The script of direct onboarding for whoever has a token; the same for every machine.
pub(crate) fn direct_package(app: &App) -> String {
    let request = OnboardingRequest {
        direct: true,
        location: app.home.location.clone(),
        ..OnboardingRequest::default()
    };
    script::write(
        app.home.tenant,
        &request,
        &app.public_url,
        Credential::TokenOfTheCaller,
        &app.pki.server_ca,
    )
}

/// A new token of direct onboarding.
///
/// # Errors
/// When the records cannot be written.
pub async fn new_direct_token(
    records: &Records,
    by: &str,
    request: &OnboardingRequest,
) -> Result<(String, Ticks), RecordsError> {
    let data = json!({"direct": true, "location": request.location, "tags": request.tags});
    put_token(records, by, data).await
}

/// A script with an unknown service principal would fail on every machine.
async fn check_program(app: &App, app_id: &str) -> Result<(), Failure> {
    let known = match Uuid::parse_str(app_id) {
        Ok(id) => app.records.principal_by_app(id).await?,
        Err(_) => None,
    };
    match known.filter(|program| !program.disabled) {
        Some(_) => Ok(()),
        None => {
            let text = "`servicePrincipalId` is the `appId` of an enabled service principal; the portal's page \
                        Users, or `bartizan service-principal create`, makes one";
            Err(ApiError::field("servicePrincipalId", text).into())
        }
    }
}

/// A new onboarding token for machines of `group`.
///
/// # Errors
/// When the records cannot be written.
pub async fn new_token(
    records: &Records,
    home: &Home,
    by: &str,
    group: &ResourceId,
    request: &OnboardingRequest,
) -> Result<(String, Ticks), RecordsError> {
    let location = if request.location.is_empty() { &home.location } else { &request.location };
    let data = json!({"subscription": group.subscription(), "resourceGroup": group.name(), "location": location, "tags": request.tags});
    put_token(records, by, data).await
}

async fn put_token(records: &Records, by: &str, data: Value) -> Result<(String, Ticks), RecordsError> {
    let token = random_secret();
    let expires = records.now() + Timespan::from_seconds(TOKEN_SECONDS);
    let (kind, subject) = (SecretKind::OnboardingToken, by.to_owned());
    let secret = NewSecret { kind, subject, data, expires, uses: None };
    records.put_secret(&token, secret).await?;
    Ok((token, expires))
}
