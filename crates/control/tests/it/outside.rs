//! Sign-in at an outside OpenID Connect provider: an issuer of this test's own that does what the specification says,
//! and, when a test asks for it, what it forbids.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use bartizan_base::SystemClock;
use bartizan_control::identity::outside::OutsideOptions;
use bartizan_testkit::in_process::{Answer, InProcess, read};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use rcgen::{KeyPair, PublicKeyData as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

const CLIENT: &str = "bartizan-test";
const SECRET: &str = "a secret: with/odd+letters";

/// What the issuer says wrongly.
#[derive(Clone, Copy, Default)]
enum Twist {
    #[default]
    None,
    /// Other claims than the right ones.
    Claims(fn(&mut Value)),
    /// A token without a signature.
    Unsigned,
    /// A token signed with the public key as a shared secret.
    Shared,
    /// A key's name that nobody has.
    UnknownKey,
    /// Another key under the right name.
    OtherKey,
}

struct Issued {
    challenge: String,
    nonce: String,
    redirect: String,
}

struct Issuer {
    url: String,
    key: Mutex<(String, KeyPair)>,
    codes: Mutex<HashMap<String, Issued>>,
    /// Who signs in.
    person: Mutex<Value>,
    twist: Mutex<Twist>,
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

async fn issuer() -> Arc<Issuer> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = Arc::new(Issuer {
        url: format!("http://{}/realms/company", listener.local_addr().unwrap()),
        key: Mutex::new(("first".to_owned(), KeyPair::generate().unwrap())),
        codes: Mutex::default(),
        person: Mutex::new(json!({"sub": "s-1", "email": "Ann@Company.example", "email_verified": true})),
        twist: Mutex::default(),
    });
    let doors = Router::new()
        .route("/realms/company/.well-known/openid-configuration", get(description))
        .route("/realms/company/keys", get(keys))
        .route("/realms/company/token", post(token))
        .with_state(Arc::clone(&issuer));
    tokio::spawn(async move { axum::serve(listener, doors).await });
    issuer
}

async fn description(State(it): State<Arc<Issuer>>) -> Json<Value> {
    let url = &it.url;
    Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize?tenant=company"),
        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(State(it): State<Arc<Issuer>>) -> Json<Value> {
    let (id, point) = {
        let key = it.key.lock();
        (key.0.clone(), key.1.der_bytes().to_vec())
    };
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    Json(json!({"keys": [
        // Kinds that are not known here are passed over.
        {"kty": "new", "kid": "strange"},
        {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y},
    ]}))
}

async fn token(
    State(it): State<Arc<Issuer>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", escape(CLIENT), escape(SECRET))));
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error})));
    if headers.get("authorization").and_then(|it| it.to_str().ok()) != Some(&*basic) {
        return refuse("invalid_client");
    }
    // Good once.
    let Some(issued) = it.codes.lock().remove(&form["code"]) else { return refuse("invalid_grant") };
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, form["code_verifier"].as_bytes());
    let proven = URL_SAFE_NO_PAD.encode(digest.as_ref()) == issued.challenge;
    if !proven || form["redirect_uri"] != issued.redirect || form["grant_type"] != "authorization_code" {
        return refuse("invalid_grant");
    }
    let mut claims = json!({
        "iss": it.url, "aud": CLIENT, "nonce": issued.nonce, "iat": now(), "exp": now() + 300,
    });
    for (name, value) in it.person.lock().as_object().unwrap() {
        claims[name] = value.clone();
    }
    (
        StatusCode::OK,
        Json(json!({"token_type": "Bearer", "access_token": "x", "id_token": signed(&it, claims)})),
    )
}

fn signed(it: &Issuer, mut claims: Value) -> String {
    let twist = *it.twist.lock();
    if let Twist::Claims(change) = twist {
        change(&mut claims);
    }
    let key = it.key.lock();
    let mut header = Header { kid: Some(key.0.clone()), ..Header::new(Algorithm::ES256) };
    let mut signing = EncodingKey::from_ec_pem(key.1.serialize_pem().as_bytes()).unwrap();
    match twist {
        Twist::None | Twist::Claims(_) => {}
        Twist::Unsigned => {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            return format!("{}.{}.", part(json!({"alg": "none", "kid": key.0})), part(claims));
        }
        Twist::Shared => {
            header.alg = Algorithm::HS256;
            signing = EncodingKey::from_secret(key.1.der_bytes());
        }
        Twist::UnknownKey => header.kid = Some("nobodys".to_owned()),
        Twist::OtherKey => {
            signing =
                EncodingKey::from_ec_pem(KeyPair::generate().unwrap().serialize_pem().as_bytes()).unwrap();
        }
    }
    jsonwebtoken::encode(&header, &claims, &signing).unwrap()
}

async fn joined(issuer: &Issuer) -> InProcess {
    let options = OutsideOptions {
        issuer: issuer.url.clone(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SECRET.to_owned()),
        name: "Company <ID>".to_owned(),
        authorities: Vec::new(),
    };
    InProcess::start_with(Arc::new(SystemClock), |serve| serve.outside = Some(options)).await.unwrap()
}

/// A browser on its way: what it was sent to the provider with.
struct Round {
    cookie: String,
    asked: HashMap<String, String>,
}

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let mut found = all.filter(|value| value.starts_with(&format!("{name}=")));
    let pair = found.next()?.split(';').next()?.to_owned();
    (!pair.ends_with('=')).then_some(pair)
}

/// Sends a request without following where it leads.
async fn browse(s: &InProcess, path: &str, cookie: &str) -> Answer {
    let ca = reqwest::Certificate::from_pem(s.server.app.pki.server_ca.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let request = client.get(format!("{}{path}", s.server.ready.url)).header("cookie", cookie);
    read(request).await.unwrap()
}

async fn begin(s: &InProcess, it: &Issuer) -> Round {
    let answer = browse(s, "/identity/outside/start?next=%2Fdevice", "").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let to = url::Url::parse(answer.headers["location"].to_str().unwrap()).unwrap();
    assert!(to.as_str().starts_with(&format!("{}/authorize?tenant=company&", it.url)), "{to}");
    let asked: HashMap<String, String> =
        to.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    assert_eq!((&*asked["response_type"], &*asked["code_challenge_method"]), ("code", "S256"));
    assert_eq!(asked["client_id"], CLIENT);
    Round { cookie: cookie(&answer, "__Host-bartizan-outside").unwrap(), asked }
}

/// The provider's part: the person agrees, and the browser gets the way back.
fn agree(it: &Issuer, round: &Round) -> String {
    let code = format!("code-{}", it.codes.lock().len() + now() as usize);
    let issued = Issued {
        challenge: round.asked["code_challenge"].clone(),
        nonce: round.asked["nonce"].clone(),
        redirect: round.asked["redirect_uri"].clone(),
    };
    it.codes.lock().insert(code.clone(), issued);
    let back = url::Url::parse(&round.asked["redirect_uri"]).unwrap();
    format!("{}?code={code}&state={}", back.path(), round.asked["state"])
}

async fn sign_in(s: &InProcess, it: &Issuer) -> Answer {
    let round = begin(s, it).await;
    browse(s, &agree(it, &round), &round.cookie).await
}

fn session(answer: &Answer) -> Option<String> {
    cookie(answer, "__Host-bartizan")
}

#[track_caller]
fn refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(session(answer).is_none() && answer.text.contains(why), "{why}: {}", answer.text);
}

#[tokio::test]
async fn invited_people_sign_in_and_nobody_else() {
    let it = issuer().await;
    let s = joined(&it).await;
    let boss = owner(&s).await;
    let page = browse(&s, "/identity/signin", "").await;
    assert!(page.text.contains("Sign in with Company &lt;ID&gt;"), "{}", page.text);
    // Nobody gets in unasked.
    refused(&sign_in(&s, &it).await, "no account here");
    let invite = json!({"invitedUserEmailAddress": "ann@company.example", "invitedUserDisplayName": "Ann"});
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(reader.post("/v1.0/invitations", invite.clone()).await.unwrap().status, 403);
    let invited = boss.post("/v1.0/invitations", invite.clone()).await.unwrap();
    assert_eq!(invited.status, 201, "{}", invited.text);
    let id = invited.json()["invitedUser"]["id"].as_str().unwrap().to_owned();
    assert_eq!(boss.post("/v1.0/invitations", invite).await.unwrap().status, 409);
    // An address that the provider did not verify may be anybody's.
    it.person.lock()["email_verified"] = false.into();
    refused(&sign_in(&s, &it).await, "no account here");
    it.person.lock()["email_verified"] = true.into();
    let done = sign_in(&s, &it).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.text.contains("url=/device"), "{}", done.text);
    let ann = session(&done).unwrap();
    let shown = browse(&s, "/portal/v1/session", &ann).await.json();
    assert_eq!((&shown["name"], &shown["objectId"]), (&json!("Ann"), &json!(id)));
    eventually("the sign-in's row", async || {
        let query =
            "AzureActivity | where OperationName endswith 'users/signIn/action' and Caller == 'Ann' | count";
        rows(&s, &boss, query).await == json!([[1]])
    })
    .await;
    // From now on the subject counts: the address may go to somebody else.
    it.person.lock()["sub"] = "s-2".into();
    refused(&sign_in(&s, &it).await, "no account here");
    *it.person.lock() = json!({"sub": "s-1"});
    assert!(session(&sign_in(&s, &it).await).is_some());
    // The provider's new key is read when it is first met.
    *it.key.lock() = ("second".to_owned(), KeyPair::generate().unwrap());
    assert!(session(&sign_in(&s, &it).await).is_some());
    // Somebody known by subject from the start.
    let user = |issuer: &str, subject: &str| {
        json!({"displayName": subject, "userPrincipalName": subject, "identities": [
            {"signInType": "federated", "issuer": issuer, "issuerAssignedId": subject}]})
    };
    let wrong = boss.post("/v1.0/users", user("https://other.example", "bob")).await.unwrap();
    assert_eq!(outcome(wrong), "400 InvalidRequestContent");
    assert_eq!(boss.post("/v1.0/users", user(&it.url, "bob")).await.unwrap().status, 201);
    *it.person.lock() = json!({"sub": "bob"});
    let bob = session(&sign_in(&s, &it).await).unwrap();
    assert_eq!(browse(&s, "/portal/v1/session", &bob).await.json()["name"], "bob");
    // Out is out, at once.
    let disable = json!({"accountEnabled": false});
    let change = boss.send(Method::PATCH, "/v1.0/users/bob", Some(&disable)).await.unwrap();
    assert_eq!(change.status, 204, "{}", change.text);
    assert_eq!(browse(&s, "/portal/v1/session", &bob).await.status, 401);
    refused(&sign_in(&s, &it).await, "disabled");
    assert_eq!(boss.delete("/v1.0/users/bob").await.unwrap().status, 204);
    refused(&sign_in(&s, &it).await, "no account here");
    assert_eq!(browse(&s, "/portal/v1/session", &ann).await.status, 200);
}

#[tokio::test]
async fn what_the_provider_did_not_say_is_not_believed() {
    let it = issuer().await;
    let s = joined(&it).await;
    let boss = owner(&s).await;
    let invite = json!({"invitedUserEmailAddress": "ann@company.example"});
    assert_eq!(boss.post("/v1.0/invitations", invite).await.unwrap().status, 201);
    let twists: [(Twist, &str); 16] = [
        (Twist::Claims(|it| it["nonce"] = "another".into()), "of another sign-in"),
        (Twist::Claims(|it| drop(it.as_object_mut().unwrap().remove("nonce"))), "of another sign-in"),
        (Twist::Claims(|it| it["aud"] = "another".into()), "for another program"),
        (Twist::Claims(|it| it["aud"] = json!(["another", CLIENT])), "for several programs"),
        (Twist::Claims(|it| it["azp"] = "another".into()), "given to another program"),
        (Twist::Claims(|it| it["iss"] = "https://other.example".into()), "of another issuer"),
        (Twist::Claims(|it| it["exp"] = (now() - 61).into()), "expired"),
        (Twist::Claims(|it| drop(it.as_object_mut().unwrap().remove("exp"))), "lacks something"),
        (Twist::Claims(|it| it["iat"] = (now() + 600).into()), "from the future"),
        (Twist::Claims(|it| it["iat"] = (now() - 3600).into()), "too old"),
        (Twist::Claims(|it| it["nbf"] = (now() + 600).into()), "not valid yet"),
        (Twist::Claims(|it| it["sub"] = "".into()), "names nobody"),
        (Twist::Unsigned, "no signed token"),
        (Twist::Shared, "shared secret"),
        (Twist::UnknownKey, "unknown key"),
        (Twist::OtherKey, "signature does not hold"),
    ];
    for (twist, why) in twists {
        *it.twist.lock() = twist;
        refused(&sign_in(&s, &it).await, why);
    }
    *it.twist.lock() = Twist::None;
    // The way back of one browser in another.
    let round = begin(&s, &it).await;
    let other = begin(&s, &it).await;
    refused(&browse(&s, &agree(&it, &round), &other.cookie).await, "start again");
    // And with that the round is over, for its own browser too.
    refused(&browse(&s, &agree(&it, &round), &round.cookie).await, "start again");
    refused(
        &browse(&s, "/identity/outside/callback?code=x&state=made-up", &round.cookie).await,
        "start again",
    );
    let round = begin(&s, &it).await;
    let made_up = format!("/identity/outside/callback?code=made-up&state={}", round.asked["state"]);
    refused(&browse(&s, &made_up, &round.cookie).await, "did not confirm");
    let round = begin(&s, &it).await;
    let no = format!("/identity/outside/callback?error=access_denied&state={}", round.asked["state"]);
    refused(&browse(&s, &no, &round.cookie).await, "access_denied");
    let round = begin(&s, &it).await;
    let elsewhere = format!("{}&iss=https%3A%2F%2Fother.example", agree(&it, &round));
    refused(&browse(&s, &elsewhere, &round.cookie).await, "another provider");
    // The invitation is still there for who it is for; and the answer that signs in does so once.
    let round = begin(&s, &it).await;
    let back = agree(&it, &round);
    assert!(session(&browse(&s, &back, &round.cookie).await).is_some());
    refused(&browse(&s, &back, &round.cookie).await, "start again");
}

#[tokio::test]
async fn a_provider_that_is_away_or_not_set_is_said_so() {
    let s = server().await;
    assert_eq!(browse(&s, "/identity/outside/start", "").await.status, 404);
    let page = browse(&s, "/identity/signin", "").await.text;
    assert!(!page.contains("outside"), "{page}");
    let invite = json!({"invitedUserEmailAddress": "ann@company.example"});
    let answer = owner(&s).await.post("/v1.0/invitations", invite).await.unwrap();
    assert_eq!(outcome(answer), "400 OutsideProviderNotSet");

    // Another issuer's description is not this one's.
    let it = issuer().await;
    let mut options = OutsideOptions {
        issuer: format!("{}/", it.url),
        client_id: CLIENT.to_owned(),
        client_secret: None,
        name: "Company".to_owned(),
        authorities: Vec::new(),
    };
    let with = options.clone();
    let s = InProcess::start_with(Arc::new(SystemClock), |serve| serve.outside = Some(with)).await.unwrap();
    let answer = browse(&s, "/identity/outside/start", "").await;
    assert!(answer.status == 502 && answer.text.contains("cannot be used now"), "{}", answer.text);
    // Nobody listens in between, or it does not start.
    options.issuer = "http://id.example/".to_owned();
    let error = InProcess::start_with(Arc::new(SystemClock), |serve| serve.outside = Some(options)).await;
    let error = format!("{:#}", error.err().unwrap());
    assert!(error.contains("http://id.example/") && error.contains("https"), "{error}");
}
