//! Programs that sign in for a person or with a certificate, and everything that must not work there.

use std::sync::Arc;

use bartizan_base::{Clock, ManualClock, SystemClock, Timespan};
use bartizan_control::identity::{add_certificate, service_principals};
use bartizan_testkit::in_process::{Answer, InProcess, read};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{outcome, server};

const CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const SCOPE: &str = "https%3A%2F%2Flocalhost%2F.default%20openid%20profile%20offline_access";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A browser: the server's name, and the owner's cookie.
struct Browser<'a> {
    s: &'a InProcess,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn owner(s: &'a InProcess) -> Self {
        let app = &s.server.app;
        let code =
            bartizan_control::boot::new_sign_in(&app.records, &app.home, app.clock.now()).await.unwrap();
        let answer = s.anonymous().unwrap().post("/portal/v1/signin", json!({"code": code})).await.unwrap();
        let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { s, cookie }
    }

    async fn get(&self, path: &str) -> Answer {
        read(self.s.anonymous().unwrap().request(Method::GET, path).header("cookie", &self.cookie))
            .await
            .unwrap()
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        let request = self.s.anonymous().unwrap().request(Method::POST, path).header("cookie", &self.cookie);
        read(request.body(form.to_owned())).await.unwrap()
    }
}

/// A hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let at =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
    at.split('"').next().unwrap().to_owned()
}

async fn token(s: &InProcess, form: &str) -> Answer {
    let path = format!("/{}/oauth2/v2.0/token", s.server.app.home.tenant);
    read(s.anonymous().unwrap().request(Method::POST, &path).body(form.to_owned())).await.unwrap()
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

fn claims(token: &Value) -> Value {
    let body = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[tokio::test]
async fn a_device_code_is_agreed_to_by_a_person_and_good_once() {
    let s = server().await;
    let start = async |tenant: &str| {
        let path = format!("/{tenant}/oauth2/v2.0/devicecode");
        let form = format!("client_id={CLI}&scope={SCOPE}");
        read(s.anonymous().unwrap().request(Method::POST, &path).body(form)).await.unwrap()
    };
    let started = start("organizations").await.json();
    let (user, device) = (started["user_code"].as_str().unwrap(), started["device_code"].as_str().unwrap());
    let poll = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={CLI}&device_code={device}"
    );
    assert_eq!(error(&token(&s, &poll).await), (400, "authorization_pending".to_owned()));

    let browser = Browser::owner(&s).await;
    let nobody = Browser { s: &s, cookie: String::new() };
    assert!(nobody.get("/device").await.text.contains("name=\"password\""), "sign in first");
    assert!(nobody.post("/device", &format!("user_code={user}")).await.text.contains("name=\"password\""));
    assert!(browser.post("/device", "user_code=BBBB-BBBB").await.text.contains("No program waits"));
    let page = browser.post("/device", &format!("user_code={}", user.to_lowercase())).await.text;
    assert!(page.contains("Azure CLI") && page.contains("owner"), "{page}");
    let consent = hidden(&page, "consent");
    // Another person's session cannot answer, and a forged page has no secret.
    assert!(
        nobody.post("/device", &format!("consent={consent}&decision=agree")).await.text.contains("too old")
    );
    assert!(browser.post("/device", "consent=forged&decision=agree").await.text.contains("too old"));
    assert_eq!(error(&token(&s, &poll).await), (400, "authorization_pending".to_owned()));
    let done = browser.post("/device", &format!("consent={consent}&decision=agree")).await;
    assert!(done.text.contains("signed in"), "{}", done.text);

    let other = poll.replace(CLI, "another-program");
    assert_eq!(error(&token(&s, &other).await), (400, "expired_token".to_owned()));
    let got = token(&s, &poll).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let got = got.json();
    let id = claims(&got["id_token"]);
    assert_eq!((id["aud"].as_str(), id["preferred_username"].as_str()), (Some(CLI), Some("owner")));
    let info: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(got["client_info"].as_str().unwrap()).unwrap())
            .unwrap();
    assert_eq!(info, json!({"uid": s.server.app.home.owner, "utid": s.server.app.home.tenant}));
    let caller = s.anonymous().unwrap().with_token(got["access_token"].as_str().unwrap());
    assert_eq!(caller.get("/subscriptions").await.unwrap().json()["value"].as_array().unwrap().len(), 1);
    // An id token says who signed in; it opens nothing.
    let wrong = s.anonymous().unwrap().with_token(got["id_token"].as_str().unwrap());
    assert_eq!(outcome(wrong.get("/subscriptions").await.unwrap()), "401 InvalidAuthenticationToken");
    assert_eq!(error(&token(&s, &poll).await), (400, "expired_token".to_owned()), "used already");

    let started = start("common").await.json();
    let page =
        browser.post("/device", &format!("user_code={}", started["user_code"].as_str().unwrap())).await.text;
    browser.post("/device", &format!("consent={}&decision=refuse", hidden(&page, "consent"))).await;
    let poll = poll.replace(device, started["device_code"].as_str().unwrap());
    assert_eq!(error(&token(&s, &poll).await), (400, "authorization_declined".to_owned()));
    assert_eq!(outcome(start("00000000-0000-0000-0000-000000000001").await), "400 invalid_tenant");
}

fn authorize(s: &InProcess, redirect: &str, more: &str) -> String {
    let redirect: String = url::form_urlencoded::byte_serialize(redirect.as_bytes()).collect();
    format!(
        "/{}/oauth2/v2.0/authorize?client_id={CLI}&response_type=code&redirect_uri={redirect}&scope={SCOPE}&state=st%3C\
         &nonce=n1&response_mode=form_post&{more}",
        s.server.app.home.tenant
    )
}

fn with_challenge() -> String {
    format!("code_challenge={CHALLENGE}&code_challenge_method=S256")
}

async fn code(s: &InProcess, browser: &Browser<'_>) -> String {
    let page = browser.get(&authorize(s, "http://localhost:8400/", &with_challenge())).await.text;
    let path = format!("/{}/oauth2/v2.0/authorize", s.server.app.home.tenant);
    let page = browser.post(&path, &format!("consent={}&decision=agree", hidden(&page, "consent"))).await;
    assert_eq!(hidden(&page.text, "state"), "st&lt;");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' http://localhost:8400;"), "{policy}");
    hidden(&page.text, "code")
}

fn exchange(code: &str, verifier: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id={CLI}&code={code}&code_verifier={verifier}\
         &redirect_uri=http%3A%2F%2Flocalhost%3A8400%2F&scope={SCOPE}"
    )
}

#[tokio::test]
async fn a_browser_brings_a_code_that_only_its_program_can_use_once() {
    let s = server().await;
    let browser = Browser::owner(&s).await;
    let nobody = Browser { s: &s, cookie: String::new() };
    let good = authorize(&s, "http://localhost:8400/", &with_challenge());
    let page = nobody.get(&good).await.text;
    assert!(page.contains("name=\"password\"") && hidden(&page, "next").starts_with('/'), "{page}");
    // The code goes to this computer only, and nothing is told to any other address.
    for evil in ["https://evil.example/", "http://localhost.evil.example/", "http://localhost@evil.example/"]
    {
        let answer = browser.get(&authorize(&s, evil, &with_challenge())).await;
        assert_eq!(answer.status, 400, "{evil}");
        assert!(!answer.text.contains("consent"), "{evil}");
    }
    for (more, expected) in [
        ("", "invalid_request"),
        ("code_challenge=short&code_challenge_method=S256", "invalid_request"),
        (&*format!("code_challenge={CHALLENGE}&code_challenge_method=plain"), "invalid_request"),
    ] {
        let page = browser.get(&authorize(&s, "http://localhost:8400/", more)).await.text;
        assert_eq!(hidden(&page, "error"), expected, "{more}");
    }
    let none = nobody.get(&format!("{good}&prompt=none")).await.text;
    assert_eq!(hidden(&none, "error"), "login_required");

    let first = code(&s, &browser).await;
    let wrong = token(&s, &exchange(&first, "x".repeat(43).as_str())).await;
    assert_eq!(error(&wrong), (400, "invalid_grant".to_owned()));
    // A code that was shown is spent, whether it was any use or not.
    assert_eq!(error(&token(&s, &exchange(&first, VERIFIER)).await), (400, "invalid_grant".to_owned()));
    let other = exchange(&code(&s, &browser).await, VERIFIER).replace(CLI, "another-program");
    assert_eq!(error(&token(&s, &other).await), (400, "invalid_grant".to_owned()));

    let second = code(&s, &browser).await;
    let got = token(&s, &exchange(&second, VERIFIER)).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let got = got.json();
    assert_eq!(claims(&got["id_token"])["nonce"], "n1");
    let refresh = got["refresh_token"].as_str().unwrap();
    // The code comes a second time: what came of it is withdrawn.
    assert_eq!(error(&token(&s, &exchange(&second, VERIFIER)).await), (400, "invalid_grant".to_owned()));
    let form = format!("grant_type=refresh_token&client_id={CLI}&refresh_token={refresh}&scope={SCOPE}");
    assert_eq!(error(&token(&s, &form).await), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn consent_of_another_site_or_kind_counts_for_nothing() {
    let s = server().await;
    let browser = Browser::owner(&s).await;
    let page = browser.get(&authorize(&s, "http://localhost:8400/", &with_challenge())).await.text;
    let form = format!("consent={}&decision=agree", hidden(&page, "consent"));
    let path = format!("/{}/oauth2/v2.0/authorize", s.server.app.home.tenant);
    let request = s.anonymous().unwrap().request(Method::POST, &path).header("cookie", &browser.cookie);
    let forged = read(request.header("sec-fetch-site", "cross-site").body(form.clone())).await.unwrap();
    assert_eq!(outcome(forged), "403 CrossSiteSignIn");
    assert!(browser.post("/device", &form).await.text.contains("too old"), "meant for another door");
    assert!(browser.post(&path, &form).await.text.contains("too old"), "used up there");
}

#[tokio::test]
async fn refresh_tokens_of_people_are_replaced_and_a_copy_ends_the_sign_in() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let s = InProcess::start_at(clock.clone()).await.unwrap();
    let browser = Browser::owner(&s).await;
    let first = token(&s, &exchange(&code(&s, &browser).await, VERIFIER)).await.json();
    let form = |token: &Value| {
        let token = token.as_str().unwrap();
        format!("grant_type=refresh_token&client_id={CLI}&refresh_token={token}&scope={SCOPE}")
    };
    let one = form(&first["refresh_token"]);
    let wrong = one.replace(CLI, "another-program");
    let second = token(&s, &one).await.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    // Two programs of one person may ask at the same moment.
    assert_eq!(token(&s, &one).await.status, 200);
    clock.advance(Timespan::from_seconds(31));
    assert_eq!(error(&token(&s, &one).await), (400, "invalid_grant".to_owned()));
    let rest = token(&s, &form(&second["refresh_token"])).await;
    assert_eq!(error(&rest), (400, "invalid_grant".to_owned()), "the family is withdrawn");

    let again = token(&s, &exchange(&code(&s, &browser).await, VERIFIER)).await.json();
    let stolen = one_for(&wrong, &again);
    assert_eq!(error(&token(&s, &stolen).await), (400, "invalid_grant".to_owned()), "another program's");
    let third = token(&s, &exchange(&code(&s, &browser).await, VERIFIER)).await.json();
    let path = format!("/{}/oauth2/v2.0/revoke", s.server.app.home.tenant);
    let body = format!("token={}", third["refresh_token"].as_str().unwrap());
    assert_eq!(
        read(s.anonymous().unwrap().request(Method::POST, &path).body(body)).await.unwrap().status,
        200
    );
    assert_eq!(token(&s, &form(&third["refresh_token"])).await.status, 400);
}

fn one_for(form: &str, tokens: &Value) -> String {
    let at = form.find("refresh_token=").map(|at| form[at..].to_owned()).unwrap_or_default();
    let old = at.split("refresh_token=").last().unwrap().split('&').next().unwrap().to_owned();
    form.replace(&old, tokens["refresh_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_certificate_signs_a_program_in() {
    let s = server().await;
    let (app, home) = (&s.server.app, &s.server.app.home);
    let made = service_principals::create(&app.records, home, "signed", "Reader", &home.subscription_id())
        .await
        .unwrap();
    let principal = app.records.principal(made.object_id).await.unwrap().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    add_certificate(&app.records, &principal, &certificate.pem()).await.unwrap();
    assert!(add_certificate(&app.records, &principal, "nonsense").await.is_err());
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
    let thumbprint = URL_SAFE_NO_PAD.encode(thumbprint.as_ref());
    let now = SystemClock.now().unix_seconds();
    let right = json!({
        "aud": format!("{}/{}/oauth2/v2.0/token", s.server.ready.url, home.tenant),
        "iss": made.app_id, "sub": made.app_id, "exp": now + 600, "nbf": now, "jti": Uuid::new_v4(),
    });
    let sign = |claims: &Value, key: &rcgen::KeyPair, change: &dyn Fn(&mut jsonwebtoken::Header)| {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
        header.x5t_s256 = Some(thumbprint.clone());
        change(&mut header);
        let pem = key.serialize_pem();
        jsonwebtoken::encode(
            &header,
            claims,
            &jsonwebtoken::EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
        )
        .unwrap()
    };
    let ask = async |assertion: &str| {
        let form = format!(
            "grant_type=client_credentials&client_id={}&scope=x%2F.default&client_assertion={assertion}\
             &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            made.app_id
        );
        token(&s, &form).await
    };
    let good = sign(&right, &key, &|_| {});
    let got = ask(&good).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let caller = s.anonymous().unwrap().with_token(got.json()["access_token"].as_str().unwrap());
    assert_eq!(caller.get("/subscriptions").await.unwrap().status, 200);
    assert_eq!(ask(&good).await.status, 401, "an assertion is good once");

    let with = |name: &str, value: Value| {
        let mut claims = right.clone();
        claims["jti"] = json!(Uuid::new_v4());
        claims[name] = value;
        claims
    };
    for (name, value) in [
        ("aud", json!("https://evil.example/oauth2/v2.0/token")),
        ("aud", json!(format!("{}/{}/oauth2/v2.0/token", s.server.ready.url, Uuid::new_v4()))),
        ("exp", json!(now - 3600)),
        ("exp", json!(now + 86_400)),
        ("nbf", json!(now + 3600)),
        ("iss", json!(Uuid::new_v4())),
        ("sub", json!(home.owner)),
    ] {
        let refused = ask(&sign(&with(name, value.clone()), &key, &|_| {})).await;
        assert_eq!(error(&refused), (401, "invalid_client".to_owned()), "{name} {value}");
    }
    let fresh = with("nbf", json!(now));
    let other = rcgen::KeyPair::generate().unwrap();
    assert_eq!(ask(&sign(&fresh, &other, &|_| {})).await.status, 401, "another key");
    assert_eq!(ask(&sign(&fresh, &key, &|header| header.x5t_s256 = Some("x".to_owned()))).await.status, 401);
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"none\",\"x5t#S256\":\"{thumbprint}\"}}"));
    assert_eq!(ask(&format!("{none}.{}.", parts[1])).await.status, 401, "alg:none");
}

#[tokio::test]
async fn fields_that_come_twice_are_refused() {
    let s = server().await;
    let answer = token(&s, "grant_type=client_credentials&client_id=a&client_id=b&client_secret=c").await;
    assert_eq!(error(&answer), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn clients_find_everything_under_every_name_of_the_tenant() {
    let s = server().await;
    let tenant = s.server.app.home.tenant.to_string();
    let nobody = s.anonymous().unwrap();
    for name in ["organizations", "common", "adfs", &tenant] {
        for path in ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"] {
            let found = nobody.get(&format!("/{name}/{path}")).await.unwrap().json();
            for end in ["token_endpoint", "device_authorization_endpoint", "authorization_endpoint"] {
                assert!(
                    found[end].as_str().unwrap().contains(&format!("/{tenant}/oauth2/v2.0/")),
                    "{name} {end}"
                );
            }
        }
    }
    let instance = nobody.get("/common/discovery/instance?api-version=1.1").await.unwrap().json();
    assert!(instance["tenant_discovery_endpoint"].as_str().unwrap().contains(&tenant));
    let cloud = nobody.get("/metadata/endpoints?api-version=2022-09-01").await.unwrap().json();
    assert_eq!(cloud["authentication"]["loginEndpoint"], format!("{}/", s.server.ready.url));
    let clouds = nobody.get("/metadata/endpoints?api-version=2019-05-01").await.unwrap().json();
    assert_eq!(clouds[0]["name"], "Bartizan");
}
