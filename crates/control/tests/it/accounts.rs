//! People: passwords, second factors, lock-out, and the directory.

use std::sync::Arc;

use bartizan_base::{Clock, ManualClock, SystemClock, Timespan};
use bartizan_control::identity::{code_at, users};
use bartizan_testkit::in_process::{Answer, InProcess, read};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{outcome, owner, server};

const PASSWORD: &str = "nine lives of a cat";

async fn sign_in(s: &InProcess, name: &str, password: &str, otp: &str) -> Answer {
    let body = json!({"name": name, "password": password, "otp": otp});
    s.anonymous().unwrap().post("/portal/v1/signin", body).await.unwrap()
}

async fn with_cookie(s: &InProcess, signed_in: &Answer, method: Method, path: &str, body: Value) -> Answer {
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let request = s.anonymous().unwrap().request(method, path).header("cookie", cookie);
    read(request.header("x-bartizan-portal", "1").json(&body)).await.unwrap()
}

#[tokio::test]
async fn passwords_open_sessions_and_rest_after_ten_wrong_ones() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let records = &s.server.app.records;
    users::create(records, users::NewUser { name: "Watch", password: PASSWORD }).await.unwrap();
    let twice = users::create(records, users::NewUser { name: "watch", password: PASSWORD }).await;
    assert!(twice.is_err(), "names differ by more than case");
    assert_eq!(sign_in(&s, "WATCH", PASSWORD, "").await.status, 200);
    assert_eq!(outcome(sign_in(&s, "nobody", PASSWORD, "").await), "401 InvalidCredentials");
    assert_eq!(outcome(sign_in(&s, "owner", "", "").await), "401 InvalidCredentials", "has no password");
    for _ in 0..10 {
        assert_eq!(outcome(sign_in(&s, "watch", "wrong password", "").await), "401 InvalidCredentials");
    }
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, "").await), "401 InvalidCredentials", "rests");
    clock.advance(Timespan::from_seconds(15 * 60 + 1));
    let back = sign_in(&s, "watch", PASSWORD, "").await;
    assert_eq!(back.status, 200);
    // A person without a role sees nothing.
    let seen =
        with_cookie(&s, &back, Method::GET, "/subscriptions?api-version=2022-12-01", Value::Null).await;
    assert_eq!(seen.json()["value"], json!([]));
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_its_codes_are_good_once() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    users::create(&s.server.app.records, users::NewUser { name: "watch", password: PASSWORD }).await.unwrap();
    let session = sign_in(&s, "watch", PASSWORD, "").await;
    let post = async |path: &str, body: Value| {
        with_cookie(&s, &session, Method::POST, &format!("/portal/v1/account/{path}"), body).await
    };
    let secret = post("totp", Value::Null).await.json()["secret"].as_str().unwrap().to_owned();
    let code = || code_at(&secret, clock.now()).unwrap();
    let wrong = post("totp/confirm", json!({"password": PASSWORD, "otp": "000000x"})).await;
    assert_eq!(outcome(wrong), "400 InvalidRequestContent");
    let wrong = post("totp/confirm", json!({"password": "wrong password", "otp": code()})).await;
    assert_eq!(outcome(wrong), "403 InvalidCredentials");
    assert_eq!(post("totp/confirm", json!({"password": PASSWORD, "otp": code()})).await.status, 204);
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, "").await), "401 SecondFactorRequired");
    assert_eq!(outcome(sign_in(&s, "watch", "wrong password", "").await), "401 InvalidCredentials");
    assert_eq!(
        outcome(sign_in(&s, "watch", PASSWORD, &code()).await),
        "401 InvalidCredentials",
        "shown before"
    );
    clock.advance(Timespan::from_seconds(60));
    assert_eq!(sign_in(&s, "watch", PASSWORD, &code()).await.status, 200);
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, &code()).await), "401 InvalidCredentials", "a replay");
    clock.advance(Timespan::from_seconds(60));
    assert_eq!(post("totp/remove", json!({"password": PASSWORD, "otp": code()})).await.status, 204);
    assert_eq!(sign_in(&s, "watch", PASSWORD, "").await.status, 200);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let s = server().await;
    users::create(&s.server.app.records, users::NewUser { name: "watch", password: PASSWORD }).await.unwrap();
    let session = sign_in(&s, "watch", PASSWORD, "").await;
    let post = async |body: Value| {
        with_cookie(&s, &session, Method::POST, "/portal/v1/account/password", body).await
    };
    let unproven = post(json!({"password": "another nine lives"})).await;
    assert_eq!(outcome(unproven), "403 InvalidCredentials");
    let weak = post(json!({"current": PASSWORD, "password": "short"})).await;
    assert_eq!(outcome(weak), "400 InvalidRequestContent");
    assert_eq!(post(json!({"current": PASSWORD, "password": "another nine lives"})).await.status, 204);
    let after = with_cookie(&s, &session, Method::GET, "/portal/v1/session", Value::Null).await;
    assert_eq!(outcome(after), "401 AuthenticationFailed");
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, "").await), "401 InvalidCredentials");
    assert_eq!(sign_in(&s, "watch", "another nine lives", "").await.status, 200);
}

#[tokio::test]
async fn only_who_may_give_access_changes_the_directory() {
    let s = server().await;
    let body = json!({
        "userPrincipalName": "watch", "displayName": "watch", "accountEnabled": true,
        "passwordProfile": {"password": PASSWORD}, "id": s.server.app.home.owner, "roles": ["Owner"],
    });
    for role in ["Contributor", "Security Admin", "Reader"] {
        let caller = s.principal(role).await.unwrap();
        assert_eq!(
            outcome(caller.post("/v1.0/users", body.clone()).await.unwrap()),
            "403 AuthorizationFailed",
            "{role}"
        );
        assert_eq!(caller.get("/v1.0/users").await.unwrap().status, 200, "{role} sees names");
    }
    let publisher = s.principal("Monitoring Metrics Publisher").await.unwrap();
    assert_eq!(publisher.get("/v1.0/users").await.unwrap().status, 403);
    let caller = owner(&s).await;
    let made = caller.post("/v1.0/users", body.clone()).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(id, s.server.app.home.owner.to_string(), "the id is the server's");
    assert!(!made.text.contains("argon2") && !made.text.contains(PASSWORD));
    assert_eq!(caller.post("/v1.0/users", body).await.unwrap().status, 409);
    let found = caller.get("/v1.0/users?$filter=userPrincipalName eq 'WATCH'").await.unwrap().json();
    assert_eq!(found["value"][0]["id"], id.as_str());
    let wrong = caller.get("/v1.0/users?$filter=password ne 'x'").await.unwrap();
    assert_eq!(outcome(wrong), "400 Request_UnsupportedQuery");
    let named = caller.post("/v1.0/directoryObjects/getByIds", json!({"ids": [id]})).await.unwrap().json();
    assert_eq!(named["value"][0]["displayName"], "watch");

    let session = sign_in(&s, "watch", PASSWORD, "").await;
    let path = format!("/v1.0/users/{id}");
    let off = json!({"accountEnabled": false});
    assert_eq!(caller.send(Method::PATCH, &path, Some(&off)).await.unwrap().status, 204);
    let after = with_cookie(&s, &session, Method::GET, "/portal/v1/session", Value::Null).await;
    assert_eq!(after.status, 401);
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, "").await), "401 InvalidCredentials", "disabled");
    let mine = format!("/v1.0/users/{}", s.server.app.home.owner);
    assert_eq!(caller.delete(&mine).await.unwrap().status, 409, "the way back in stays");
    assert_eq!(caller.delete(&path).await.unwrap().status, 204);
    assert_eq!(caller.get(&path).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_lost_second_factor_is_taken_away_and_a_link_signs_in_once() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let records = &s.server.app.records;
    let person = users::create(records, users::NewUser { name: "watch", password: PASSWORD }).await.unwrap();
    let id = person.object_id;
    let caller = owner(&s).await;
    let methods = async || {
        let found = caller.get(&format!("/v1.0/users/{id}/authentication/methods")).await.unwrap().json();
        let names = found["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["@odata.type"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let factor = format!("/v1.0/users/{id}/authentication/softwareOathMethods/{id}");
    let pass = format!("/v1.0/users/{id}/authentication/temporaryAccessPassMethods");
    assert_eq!(methods().await, ["#microsoft.graph.passwordAuthenticationMethod"]);
    assert_eq!(outcome(caller.delete(&factor).await.unwrap()), "404 Request_ResourceNotFound");
    records.set_totp(id, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").await.unwrap();
    assert_eq!(methods().await.len(), 2);
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, "").await), "401 SecondFactorRequired");
    for role in ["Reader", "Contributor"] {
        let other = s.principal(role).await.unwrap();
        assert_eq!(outcome(other.delete(&factor).await.unwrap()), "403 AuthorizationFailed", "{role}");
        assert_eq!(outcome(other.post(&pass, json!({})).await.unwrap()), "403 AuthorizationFailed", "{role}");
    }
    assert_eq!(caller.delete(&factor).await.unwrap().status, 204);
    assert_eq!(methods().await.len(), 1);
    assert_eq!(sign_in(&s, "watch", PASSWORD, "").await.status, 200);

    for wrong in [json!({"lifetimeInMinutes": 1}), json!({"isUsableOnce": false})] {
        assert_eq!(outcome(caller.post(&pass, wrong).await.unwrap()), "400 InvalidRequestContent");
    }
    let link = async || {
        let made = caller.post(&pass, json!({"lifetimeInMinutes": 30})).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["temporaryAccessPass"].as_str().unwrap().to_owned()
    };
    let enter = async |code: &str| {
        s.anonymous().unwrap().post("/portal/v1/signin", json!({"code": code})).await.unwrap()
    };
    let code = link().await;
    assert_eq!(enter(&code).await.json()["name"], "watch");
    assert_eq!(outcome(enter(&code).await), "401 InvalidSignInCode", "once");
    let late = link().await;
    clock.advance(Timespan::from_seconds(31 * 60));
    assert_eq!(outcome(enter(&late).await), "401 InvalidSignInCode", "late");
    let off = json!({"accountEnabled": false});
    caller.send(Method::PATCH, &format!("/v1.0/users/{id}"), Some(&off)).await.unwrap();
    assert_eq!(caller.post(&pass, json!({})).await.unwrap().status, 409, "disabled");
}

#[tokio::test]
async fn a_program_is_made_gets_a_password_and_is_removed() {
    let s = server().await;
    let caller = owner(&s).await;
    let reader = s.principal("Reader").await.unwrap();
    let body = json!({"displayName": "backup"});
    let refused = reader.post("/v1.0/applications", body.clone()).await.unwrap();
    assert_eq!(outcome(refused), "403 AuthorizationFailed");
    let wrong = caller.post("/v1.0/applications", json!({"displayName": " "})).await.unwrap();
    assert_eq!(outcome(wrong), "400 InvalidRequestContent");
    let made = caller.post("/v1.0/applications", body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, app_id) = (made.json()["id"].as_str().unwrap().to_owned(), made.json()["appId"].clone());
    let path = format!("/v1.0/servicePrincipals/{id}");
    let add = format!("{path}/addPassword");
    assert_eq!(outcome(reader.post(&add, json!({})).await.unwrap()), "403 AuthorizationFailed");
    let far = json!({"passwordCredential": {"endDateTime": "2999-01-01T00:00:00Z"}});
    assert_eq!(outcome(caller.post(&add, far).await.unwrap()), "400 InvalidRequestContent");
    let secret = caller.post(&add, json!({"passwordCredential": {"displayName": "x"}})).await.unwrap().json();
    let token = async || {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=x%2F.default",
            app_id.as_str().unwrap(),
            secret["secretText"].as_str().unwrap()
        );
        let url = format!("/{}/oauth2/v2.0/token", s.server.app.home.tenant);
        let request = s.anonymous().unwrap().request(Method::POST, &url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(form)).await.unwrap()
    };
    assert_eq!(token().await.status, 200);
    let off = json!({"accountEnabled": false});
    assert_eq!(caller.send(Method::PATCH, &path, Some(&off)).await.unwrap().status, 204);
    assert_ne!(token().await.status, 200, "disabled");
    assert_eq!(caller.post(&add, json!({})).await.unwrap().status, 409, "disabled");
    let on = json!({"accountEnabled": true});
    assert_eq!(caller.send(Method::PATCH, &path, Some(&on)).await.unwrap().status, 204);
    assert_eq!(token().await.status, 200);
    assert_eq!(caller.delete(&path).await.unwrap().status, 204);
    assert_ne!(token().await.status, 200, "removed");
    assert_eq!(caller.get(&path).await.unwrap().status, 404);
}

#[tokio::test]
async fn withdrawn_tokens_open_nothing() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let person = users::create(&s.server.app.records, users::NewUser { name: "watch", password: PASSWORD })
        .await
        .unwrap();
    let token = s.server.app.issuer.issue(&person, clock.now());
    let caller = s.anonymous().unwrap().with_token(&token);
    assert_eq!(caller.get("/subscriptions").await.unwrap().status, 200);
    // A token does not change an account; only a session does.
    let taken = caller.post("/portal/v1/account/password", json!({"password": "another nine lives"})).await;
    assert_eq!(outcome(taken.unwrap()), "403 AuthorizationFailed");
    let by = owner(&s).await;
    let path = format!("/v1.0/users/{}/revokeSignInSessions", person.object_id);
    assert_eq!(by.post(&path, Value::Null).await.unwrap().status, 200);
    assert_eq!(outcome(caller.get("/subscriptions").await.unwrap()), "401 InvalidAuthenticationToken");
    clock.advance(Timespan::from_seconds(2));
    let later = s.server.app.issuer.issue(&person, clock.now());
    assert_eq!(s.anonymous().unwrap().with_token(&later).get("/subscriptions").await.unwrap().status, 200);
}

/// A browser that stays where it is, so that an answer which leads elsewhere is seen.
fn no_redirects(s: &InProcess) -> reqwest::Client {
    let ca = reqwest::Certificate::from_pem(s.server.app.pki.server_ca.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[tokio::test]
async fn the_sign_in_page_opens_a_session_and_leads_to_the_portal() {
    let s = server().await;
    users::create(&s.server.app.records, users::NewUser { name: "watch", password: PASSWORD }).await.unwrap();
    let client = no_redirects(&s);
    let url = format!("{}/identity/signin", s.server.ready.url);
    let page = read(client.get(&url)).await.unwrap();
    assert!(page.text.contains("type=\"password\""), "{}", page.text);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let post = |form: &str| read(client.post(&url).body(form.to_owned()));
    let wrong = post("name=watch%22%3E%3Cb%3E&password=wrong&next=%2F").await.unwrap();
    assert_eq!(wrong.status, 401);
    assert!(!wrong.text.contains("<b>"), "what was typed is text: {}", wrong.text);
    // The form leads nowhere else, whatever it says.
    let form = "name=watch&password=nine+lives+of+a+cat&next=https%3A%2F%2Fevil.example%2Fdevice";
    let entered = post(form).await.unwrap();
    assert_eq!((entered.status, &entered.headers["location"]), (303, &"/".parse().unwrap()));
    let me = with_cookie(&s, &entered, Method::GET, "/portal/v1/session", Value::Null).await;
    assert_eq!(me.json()["name"], "watch");
    let request = client.post(&url).header("sec-fetch-site", "cross-site").body(form);
    assert_eq!(outcome(read(request).await.unwrap()), "403 CrossSiteSignIn");
}

#[tokio::test]
async fn a_password_that_somebody_else_made_is_replaced_at_the_next_sign_in() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let caller = owner(&s).await;
    let profile = |password: &str| json!({"password": password, "forceChangePasswordNextSignIn": true});
    let body = json!({"displayName": "watch", "passwordProfile": profile(PASSWORD)});
    let made = caller.post("/v1.0/users", body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let change = async |password: &str, new: &str| {
        let body = json!({"name": "watch", "password": password, "newPassword": new});
        s.anonymous().unwrap().post("/portal/v1/signin", body).await.unwrap()
    };
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, "").await), "401 PasswordChangeRequired");
    assert_eq!(outcome(change("wrong password", "a tenth life of it").await), "401 InvalidCredentials");
    assert_eq!(outcome(change(PASSWORD, "short").await), "400 InvalidRequestContent");
    assert_eq!(outcome(change(PASSWORD, PASSWORD).await), "400 InvalidRequestContent");
    assert_eq!(change(PASSWORD, "a tenth life of it").await.status, 200);
    assert_eq!(outcome(sign_in(&s, "watch", PASSWORD, "").await), "401 InvalidCredentials");
    assert_eq!(sign_in(&s, "watch", "a tenth life of it", "").await.status, 200, "asked once");

    // The page without scripts asks for it too, and a second factor's code serves both attempts.
    let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    s.server.app.records.set_totp(id.parse().unwrap(), secret).await.unwrap();
    let path = format!("/v1.0/users/{id}");
    let again = json!({"passwordProfile": profile(PASSWORD)});
    assert_eq!(caller.send(Method::PATCH, &path, Some(&again)).await.unwrap().status, 204);
    let code = code_at(secret, clock.now()).unwrap();
    let client = no_redirects(&s);
    let url = format!("{}/identity/signin", s.server.ready.url);
    let page = async |new: &str, again: &str| {
        let new = new.replace(' ', "+");
        let form = format!(
            "name=watch&password=nine+lives+of+a+cat&code={code}&new={new}&again={}",
            again.replace(' ', "+")
        );
        read(client.post(&url).body(form)).await.unwrap()
    };
    let asked = page("", "").await;
    assert_eq!(asked.status, 401);
    assert!(
        asked.text.contains("name=\"again\"") && asked.text.contains("Choose a new one"),
        "{}",
        asked.text
    );
    let differs = page("an eleventh life", "a twelfth life").await;
    assert!(
        differs.text.contains("not the same") && differs.text.contains("name=\"again\""),
        "{}",
        differs.text
    );
    let entered = page("an eleventh life", "an eleventh life").await;
    assert_eq!(entered.status, 303, "{}", entered.text);

    // Who changes it under a session that a link opened is not asked again; who is removed leaves nothing.
    assert_eq!(caller.send(Method::PATCH, &path, Some(&again)).await.unwrap().status, 204);
    assert_eq!(caller.delete(&path).await.unwrap().status, 204);
    assert_eq!(s.server.app.records.get_state(&format!("password-due/{id}")).await.unwrap(), None);
}
