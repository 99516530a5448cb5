//! The built-in issuer: tokens, roles, and what is refused.

use std::sync::Arc;

use bartizan_base::{Clock, ManualClock, SystemClock, Timespan};
use bartizan_testkit::in_process::{InProcess, read};
use reqwest::Method;

use crate::{outcome, owner, server};

#[tokio::test]
async fn discovery_leads_to_the_token_endpoint() {
    let s = server().await;
    let tenant = s.server.app.home.tenant;
    let nobody = s.anonymous().unwrap();
    let found = nobody.get(&format!("/{tenant}/v2.0/.well-known/openid-configuration")).await.unwrap().json();
    assert_eq!(found["issuer"], format!("{}/{tenant}/v2.0", s.server.ready.url));
    assert!(found["token_endpoint"].as_str().unwrap().ends_with(&format!("/{tenant}/oauth2/v2.0/token")));
    let keys = nobody.get(&format!("/{tenant}/discovery/v2.0/keys")).await.unwrap().json();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    let other =
        nobody.get("/00000000-0000-0000-0000-000000000001/v2.0/.well-known/openid-configuration").await;
    assert_eq!(outcome(other.unwrap()), "400 invalid_tenant");
}

#[tokio::test]
async fn the_token_endpoint_refuses_in_oauth_words() {
    let s = server().await;
    let answer = s.token("11111111-1111-1111-1111-111111111111", "guess").await.unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str().unwrap()), (401, "invalid_client"));
    let path = format!("/{}/oauth2/v2.0/token", s.server.app.home.tenant);
    let request = s.anonymous().unwrap().request(Method::POST, &path);
    let answer = read(request.body("grant_type=password&username=a&password=b")).await.unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str().unwrap()), (400, "unsupported_grant_type"));
}

#[tokio::test]
async fn tokens_end_and_cannot_be_forged() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let caller = owner(&s).await;
    assert_eq!(caller.get("/subscriptions").await.unwrap().status, 200);
    let nobody = s.anonymous().unwrap();
    assert_eq!(outcome(nobody.get("/subscriptions").await.unwrap()), "401 AuthenticationFailed");
    for forged in ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        let answer = nobody.with_token(forged).get("/subscriptions").await.unwrap();
        assert_eq!(outcome(answer), "401 InvalidAuthenticationToken", "{forged}");
    }
    clock.advance(Timespan::from_seconds(2 * 3600));
    let answer = caller.get("/subscriptions").await.unwrap();
    assert!(answer.text.contains("expired"), "{}", answer.text);
    assert_eq!(outcome(answer), "401 InvalidAuthenticationToken");
}

#[tokio::test]
async fn refresh_tokens_work_once() {
    let s = server().await;
    let (app, home) = (&s.server.app, &s.server.app.home);
    let made = bartizan_control::identity::service_principals::create(
        &app.records,
        home,
        "program",
        "Reader",
        &home.subscription_id(),
    )
    .await
    .unwrap();
    let path = format!("/{}/oauth2/v2.0/token", home.tenant);
    let post = |form: String| read(s.anonymous().unwrap().request(Method::POST, &path).body(form));
    let first = post(format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=x%2F.default%20offline_access",
        made.app_id, made.secret
    ))
    .await
    .unwrap()
    .json();
    let refresh = first["refresh_token"].as_str().unwrap().to_owned();
    let bare = format!("grant_type=refresh_token&refresh_token={refresh}&scope=offline_access");
    assert_eq!(post(bare.clone()).await.unwrap().status, 401, "without the client's secret");
    let form = format!("{bare}&client_id={}&client_secret={}", made.app_id, made.secret);
    let second = post(form.clone()).await.unwrap();
    assert_eq!(second.status, 200, "{}", second.text);
    assert_ne!(second.json()["refresh_token"], refresh.as_str());
    assert_eq!(post(form).await.unwrap().status, 401);
}

#[tokio::test]
async fn roles_are_enforced_on_every_operation() {
    let s = server().await;
    let home = &s.server.app.home;
    let sub = home.subscription_id();
    let plan = format!("{sub}/providers/Microsoft.Security/pricings/VirtualMachines");
    let body = serde_json::json!({"properties": {"pricingTier": "Free"}});
    let query = format!("/v1/workspaces/{}/query", home.customer);
    let ask = serde_json::json!({"query": "Heartbeat | count"});
    // role, reads the plan, writes the plan, queries
    let table = [
        ("Owner", 200, 200, 200),
        ("Contributor", 200, 200, 200),
        ("Reader", 200, 403, 200),
        ("Security Admin", 200, 200, 200),
        ("Security Reader", 200, 403, 200),
        ("Log Analytics Reader", 200, 403, 200),
        ("Microsoft Sentinel Responder", 403, 403, 200),
        ("Azure Connected Machine Onboarding", 403, 403, 403),
        ("Monitoring Metrics Publisher", 403, 403, 403),
    ];
    for (role, read, write, ask_status) in table {
        let caller = s.principal(role).await.unwrap();
        assert_eq!(caller.get(&plan).await.unwrap().status, read, "{role} reads");
        assert_eq!(caller.put(&plan, body.clone()).await.unwrap().status, write, "{role} writes");
        assert_eq!(caller.post(&query, ask.clone()).await.unwrap().status, ask_status, "{role} queries");
    }
}

#[tokio::test]
async fn only_an_owner_gives_access() {
    let s = server().await;
    let home = &s.server.app.home;
    let id = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/33333333-3333-3333-3333-333333333333",
        home.subscription_id()
    );
    let body = serde_json::json!({"properties": {
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "principalId": home.owner,
    }});
    let contributor = s.principal("Contributor").await.unwrap();
    assert_eq!(outcome(contributor.put(&id, body.clone()).await.unwrap()), "403 AuthorizationFailed");
    let owner = owner(&s).await;
    assert_eq!(owner.put(&id, body).await.unwrap().status, 201);
    let unknown = serde_json::json!({"properties": {"roleDefinitionId": "x", "principalId": home.owner}});
    assert_eq!(outcome(owner.put(&id, unknown).await.unwrap()), "400 InvalidRequestContent");
    assert_eq!(owner.delete(&id).await.unwrap().status, 200);
    assert_eq!(owner.delete(&id).await.unwrap().status, 204);
}

#[tokio::test]
async fn lists_above_the_subscription_show_nothing_that_is_stored() {
    let s = server().await;
    s.enrol("web-1").await.unwrap();
    let caller = s.principal("Monitoring Metrics Publisher").await.unwrap();
    for ty in [
        "Microsoft.HybridCompute/machines",
        "Microsoft.OperationalInsights/workspaces",
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Insights/dataCollectionRules",
    ] {
        for suffix in ["", "&$orderby=name", "&$filter=name ne 'x'"] {
            let path = format!("/providers/{ty}?api-version=2024-07-10{suffix}");
            let answer = owner(&s).await.get(&path).await.unwrap();
            if answer.status == 200 {
                assert_eq!(answer.json()["value"], serde_json::json!([]), "{path}");
            }
            let answer = caller.get(&path).await.unwrap();
            assert!(!answer.text.contains(&s.server.app.home.subscription.to_string()), "{path}");
        }
    }
    // What is the same for everybody stays readable.
    let roles = caller.get("/providers/Microsoft.Authorization/roleDefinitions").await.unwrap();
    assert!(roles.json()["value"].as_array().is_some_and(|roles| !roles.is_empty()), "{}", roles.text);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    for _ in 0..60 {
        assert_eq!(s.token("11111111-1111-1111-1111-111111111111", "guess").await.unwrap().status, 401);
    }
    let refused = s.token("11111111-1111-1111-1111-111111111111", "guess").await.unwrap();
    assert_eq!((refused.status, &refused.headers["retry-after"]), (429, &"60".parse().unwrap()));
    let nobody = s.anonymous().unwrap();
    let code = nobody.post("/portal/v1/signin", serde_json::json!({"code": "guess"})).await.unwrap();
    assert_eq!(outcome(code), "429 TooManyRequests");
    clock.advance(Timespan::from_seconds(61));
    assert_eq!(s.token("11111111-1111-1111-1111-111111111111", "guess").await.unwrap().status, 401);
}
