//! The portal's own doors: sign-in, session, events, files and onboarding.

use std::time::Duration;

use bartizan_testkit::in_process::read;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{hierarchy, outcome, owner, server};

#[tokio::test]
async fn sign_in_works_once_and_needs_the_header_to_write() {
    let s = server().await;
    let nobody = s.anonymous().unwrap();
    let link = s.server.ready.sign_in.clone().unwrap();
    let code = link.split_once('#').unwrap().1;
    let wrong = nobody.post("/portal/v1/signin", json!({"code": "guess"})).await.unwrap();
    assert_eq!(outcome(wrong), "401 InvalidSignInCode");
    let signed_in = nobody.post("/portal/v1/signin", json!({"code": code})).await.unwrap();
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    assert_eq!(signed_in.json()["workspaceCustomerId"], s.server.app.home.customer.to_string());
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let again = nobody.post("/portal/v1/signin", json!({"code": code})).await.unwrap();
    assert_eq!(outcome(again), "401 InvalidSignInCode");

    let cookie = cookie.split(';').next().unwrap().to_owned();
    let with = |method: Method, path: &str| nobody.request(method, path).header("cookie", &cookie);
    assert_eq!(read(with(Method::GET, "/portal/v1/session")).await.unwrap().json()["name"], "owner");
    let plan = format!(
        "{}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2024-01-01",
        s.server.app.home.subscription_id()
    );
    let body = json!({"properties": {"pricingTier": "Free"}});
    let forged = read(with(Method::PUT, &plan).json(&body)).await.unwrap();
    assert_eq!(outcome(forged), "403 CsrfHeaderMissing");
    let meant = read(with(Method::PUT, &plan).header("x-bartizan-portal", "1").json(&body)).await.unwrap();
    assert_eq!(meant.status, 200, "{}", meant.text);
    let out = read(with(Method::POST, "/portal/v1/signout").header("x-bartizan-portal", "1")).await.unwrap();
    assert_eq!(out.status, 204);
    assert_eq!(
        outcome(read(with(Method::GET, "/portal/v1/session")).await.unwrap()),
        "401 AuthenticationFailed"
    );
}

#[tokio::test]
async fn files_have_their_headers_and_pages_their_route() {
    let s = server().await;
    let nobody = s.anonymous().unwrap();
    for path in ["/", "/incidents/1", "/signin"] {
        let page = nobody.get(path).await.unwrap();
        assert!(page.text.contains("portal"), "{path}");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("worker-src 'self' blob:") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(page.headers["cache-control"], "no-cache");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
    }
    let script = nobody.get("/assets/app-1234.js").await.unwrap();
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    assert!(script.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(nobody.get("/assets/gone.js").await.unwrap().status, 404);
    for escape in ["/..%2f..%2fdata/pki/server.key", "/%2e%2e/data/pki/server.key", "//etc/passwd"] {
        let answer = nobody.get(escape).await.unwrap();
        assert!(!answer.text.contains("PRIVATE") && !answer.text.contains("root:"), "{escape}");
    }
    assert_eq!(nobody.get("/portal/agent/ca.pem").await.unwrap().text, s.server.app.pki.server_ca);
    assert_eq!(outcome(nobody.get("/portal/agent/bartizan-agent").await.unwrap()), "404 NoAgent");
}

#[tokio::test]
async fn the_onboarding_script_has_what_it_needs_and_quotes_the_rest() {
    let s = server().await;
    let caller = owner(&s).await;
    let body = json!({"resourceGroup": "", "location": "", "tags": {"Site": "O'Hara $(id)"}, "proxy": "http://proxy.example:3128"});
    let made = caller.post("/portal/v1/onboarding", body).await.unwrap().json();
    let script = made["script"].as_str().unwrap();
    assert!(script.starts_with("#!/bin/sh\n"));
    assert!(script.contains("-----BEGIN CERTIFICATE-----"));
    assert!(script.contains(r"--tags 'Site=O'\''Hara $(id)'"), "{script}");
    assert!(script.contains("--proxy 'http://proxy.example:3128'"));
    assert!(script.contains(made["token"].as_str().unwrap()));
    // `sh` is dash on Debian and bash on RHEL.
    for shell in ["sh", "bash"] {
        let checked = std::process::Command::new(shell).args(["-n", "-c", script]).status().unwrap();
        assert!(checked.success(), "{shell} cannot read the script");
    }
    for wrong in [
        json!({"proxy": "nonsense"}),
        json!({"tags": {"a": "x\ny"}}),
        json!({"subscriptionId": "mine"}),
        json!({"surprise": 1}),
        json!({"servicePrincipalId": "nobody"}),
        json!({"servicePrincipalId": s.server.app.home.owner}),
    ] {
        assert_eq!(
            outcome(caller.post("/portal/v1/onboarding", wrong.clone()).await.unwrap()),
            "400 InvalidRequestContent",
            "{wrong}"
        );
    }
    let gone = caller.post("/portal/v1/onboarding", json!({"resourceGroup": "none"})).await.unwrap();
    assert_eq!(outcome(gone), "404 ResourceGroupNotFound");
    let root = hierarchy::root_owner(&s).await;
    hierarchy::group(&root, "branches", None).await;
    let other = hierarchy::subscription(&root, "branch", "branches").await;
    let path = format!("{other}/resourceGroups/edge?api-version=2021-04-01");
    assert_eq!(root.put(&path, json!({"location": "local"})).await.unwrap().status, 201);
    let gone = json!({"subscriptionId": "11111111-2222-3333-4444-555555555555"});
    // What is not there is below nobody's management group: nothing tells it from what one may not see.
    assert_eq!(outcome(root.post("/portal/v1/onboarding", gone).await.unwrap()), "403 AuthorizationFailed");
    let id = other.subscription().unwrap();
    let body = json!({"subscriptionId": id, "resourceGroup": "edge"});
    assert_eq!(
        outcome(caller.post("/portal/v1/onboarding", body.clone()).await.unwrap()),
        "403 AuthorizationFailed",
        "the owner of one subscription is nobody in another"
    );
    let made = root.post("/portal/v1/onboarding", body).await.unwrap().json();
    let script = made["script"].as_str().unwrap();
    assert!(script.contains(&format!("--subscription-id '{id}'")), "{script}");
    let program =
        caller.post("/v1.0/applications", json!({"displayName": "onboarding"})).await.unwrap().json();
    let body = json!({"servicePrincipalId": program["appId"]});
    let made = caller.post("/portal/v1/onboarding", body).await.unwrap().json();
    assert_eq!(made.get("token"), None, "{made}");
    let script = made["script"].as_str().unwrap();
    let named = format!("--service-principal-id '{}'", program["appId"].as_str().unwrap());
    assert!(script.contains(&named) && !script.contains("BARTIZAN_TOKEN"), "{script}");
    for shell in ["sh", "bash"] {
        let checked = std::process::Command::new(shell).args(["-n", "-c", script]).status().unwrap();
        assert!(checked.success(), "{shell} cannot read the script");
    }
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(
        outcome(reader.post("/portal/v1/onboarding", json!({})).await.unwrap()),
        "403 AuthorizationFailed"
    );
}

#[tokio::test]
async fn events_tell_of_changes_and_rows() {
    let s = server().await;
    let caller = owner(&s).await;
    let mut stream = caller.request(Method::GET, "/portal/v1/events").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let group = format!("{}/resourceGroups/edge", s.server.app.home.subscription_id());
    caller.put(&group, json!({"location": "local"})).await.unwrap();
    let mut seen = String::new();
    let both =
        |seen: &str| seen.contains("/resourceGroups/edge") && seen.contains("\"table\":\"AzureActivity\"");
    while !both(&seen) {
        let chunk =
            tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await.unwrap().unwrap().unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(seen.contains("event: resource\n") && seen.contains("event: rows\n"), "{seen}");
}

#[tokio::test]
async fn the_editor_gets_findings_and_columns() {
    let s = server().await;
    let caller = owner(&s).await;
    let check = |query: &str| {
        let body = json!({"query": query});
        let caller = caller.clone();
        async move { caller.post("/portal/v1/query/check", body).await.unwrap().json() }
    };
    let good = check("Heartbeat | project Computer").await;
    assert_eq!(
        (&good["columns"], &good["diagnostics"]),
        (&json!([{"name": "Computer", "type": "string"}]), &json!([]))
    );
    let bad = check("Heartbeat | where Nope == 1").await;
    assert_eq!((&bad["diagnostics"][0]["start"], &bad["diagnostics"][0]["end"]), (&json!(18), &json!(22)));
    assert!(bad["columns"].is_null());
}

#[tokio::test]
async fn the_editor_is_answered_with_the_workspaces_own_names() {
    let s = server().await;
    let caller = owner(&s).await;
    let ask = |what: &str, body: Value| {
        let (caller, path) = (caller.clone(), format!("/portal/v1/query/{what}"));
        async move { caller.post(&path, body).await.unwrap().json() }
    };
    let saved = format!("{}/savedSearches/fails", s.server.app.home.workspace);
    let function = json!({"properties": {
        "category": "c", "displayName": "Failures", "query": "Heartbeat | take many",
        "functionAlias": "Failures", "functionParameters": "many:long = 5",
    }});
    assert!(caller.put(&saved, function).await.unwrap().status < 300);
    // the engine follows the records, so the function is there a moment later
    let mut offered = json!(null);
    for _ in 0..600 {
        offered = ask("complete", json!({"query": "Fail", "offset": 4})).await;
        if offered["items"][0]["label"] == "Failures" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        offered["items"][0],
        json!({
            "label": "Failures", "kind": "Function", "detail": "saved function", "insert": "Failures(", "start": 0, "end": 4,
        })
    );
    let text = "Heartbeat | where é ";
    let at = "Heartbeat | where ".len();
    let columns = ask("complete", json!({"query": text, "offset": at})).await;
    let labels: Vec<&str> =
        columns["items"].as_array().unwrap().iter().filter_map(|i| i["label"].as_str()).collect();
    assert!(labels.contains(&"Computer") && labels.contains(&"ago"), "{labels:?}");
    assert_eq!(columns["incomplete"], json!(false));
    let hover = ask("hover", json!({"query": "Heartbeat | take 1", "offset": 2})).await;
    assert_eq!((&hover["start"], &hover["end"]), (&json!(0), &json!(9)));
    assert!(hover["text"].as_str().unwrap().contains("Computer: string"), "{hover}");
    let column = ask("hover", json!({"query": "Heartbeat | project Computer", "offset": 22})).await;
    assert!(column["text"].as_str().unwrap().contains("In `Heartbeat`: "), "{column}");
    assert_eq!(ask("hover", json!({"query": "Heartbeat", "offset": 900})).await["start"], json!(0));
    assert_eq!(ask("hover", json!({"query": "print 1", "offset": 7})).await, json!(null));
    let call = ask("call", json!({"query": "Failures(", "offset": 9})).await;
    assert_eq!(call["forms"], json!([{"label": "Failures(many:long = 5)", "parameters": [[9, 22]]}]));
    assert_eq!(ask("call", json!({"query": "print 1", "offset": 7})).await, json!(null));
    let formatted = ask("format", json!({"query": "Heartbeat|take   5"})).await;
    assert_eq!(formatted["query"], json!("Heartbeat\n| take 5"));
    let refused = ask("format", json!({"query": "Heartbeat | take ("})).await;
    assert!(refused["query"].is_null() && refused["diagnostics"][0]["code"].is_string(), "{refused}");
    let colours = ask("colours", json!({"query": "Heartbeat | take 5"})).await;
    let kind = |at: usize| colours["kinds"][colours["pieces"][at][2].as_u64().unwrap() as usize].clone();
    assert_eq!((kind(0), kind(2), kind(3)), (json!("Table"), json!("Operator"), json!("Literal")));
    let other = json!({"workspace": "elsewhere", "query": "", "offset": 0});
    let refused = caller.post("/portal/v1/query/complete", other).await.unwrap();
    assert_eq!(outcome(refused), "404 WorkspaceNotFoundError");
    let nobody = s.anonymous().unwrap();
    for what in ["call", "check", "colours", "complete", "format", "hover"] {
        let path = format!("/portal/v1/query/{what}");
        let body = json!({"query": "", "offset": 0});
        assert_eq!(nobody.post(&path, body.clone()).await.unwrap().status, 401, "{what}");
        assert_eq!(caller.post(&path, json!({"offset": 0})).await.unwrap().status, 400, "{what}");
    }
}

#[tokio::test]
async fn other_sites_cannot_sign_visitors_in() {
    let s = server().await;
    let nobody = s.anonymous().unwrap();
    let link = s.server.ready.sign_in.clone().unwrap();
    let code = json!({"code": link.split_once('#').unwrap().1});
    let from = |site: &str| nobody.request(Method::POST, "/portal/v1/signin").header("sec-fetch-site", site);
    assert_eq!(outcome(read(from("cross-site").json(&code)).await.unwrap()), "403 CrossSiteSignIn");
    assert_eq!(outcome(read(from("same-site").json(&code)).await.unwrap()), "403 CrossSiteSignIn");
    assert_eq!(read(from("same-origin").json(&code)).await.unwrap().status, 200, "the code is not used up");
}

#[tokio::test]
async fn live_events_end_with_the_session() {
    let s = server().await;
    let nobody = s.anonymous().unwrap();
    let link = s.server.ready.sign_in.clone().unwrap();
    let code = json!({"code": link.split_once('#').unwrap().1});
    let signed_in = nobody.post("/portal/v1/signin", code).await.unwrap();
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let with = |method: Method, path: &str| nobody.request(method, path).header("cookie", &cookie);
    let mut events = with(Method::GET, "/portal/v1/events").send().await.unwrap();
    assert_eq!(events.status(), 200);
    read(with(Method::POST, "/portal/v1/signout").header("x-bartizan-portal", "1")).await.unwrap();
    let end = async { while events.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(15), end).await.expect("the stream ends");
}

#[tokio::test]
async fn answers_that_are_no_pages_run_nothing() {
    let s = server().await;
    let answer = s.anonymous().unwrap().get("/healthz").await.unwrap();
    assert_eq!(answer.headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(answer.headers["cross-origin-opener-policy"], "same-origin");
    assert_eq!(answer.headers["cross-origin-resource-policy"], "same-origin");
    std::fs::remove_file(s.dir.path().join("portal/index.html")).unwrap();
    let missing = s.anonymous().unwrap().get("/").await.unwrap();
    assert!(!missing.text.contains(s.dir.path().to_str().unwrap()), "{}", missing.text);
    assert_eq!(outcome(missing), "404 NoPortal");
}
