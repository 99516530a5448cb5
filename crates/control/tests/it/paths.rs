//! Paths that say one thing to who checks them and another to who opens: sent byte by byte over TLS, because HTTP
//! clients tidy paths before they send them. Each is refused or names exactly what it says.

use bartizan_testkit::in_process::{Caller, InProcess};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{outcome, owner, server, tls};

const VERSION: &str = "api-version=2025-07-01";
/// What the resource that nobody may reach by another name says.
const MARK: &[u8] = b"the-other-groups-own";

/// Sends one request line as it is, and gives the status and the whole answer.
async fn raw(s: &InProcess, caller: &Caller, method: &str, target: &[u8], body: &str) -> (u16, Vec<u8>) {
    let address = s.server.ready.url.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let mut stream = tls(s, ([127, 0, 0, 1], address).into(), None).await.unwrap();
    let token = caller.request(Method::GET, "/").build().unwrap().headers()["authorization"].clone();
    let mut head = format!("{method} ").into_bytes();
    head.extend_from_slice(target);
    head.extend_from_slice(
        format!(
            " HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            token.to_str().unwrap(),
            body.len()
        )
        .as_bytes(),
    );
    stream.write_all(&head).await.unwrap();
    let mut answer = Vec::new();
    // A server that hangs up after its answer may do so without TLS's farewell.
    drop(stream.read_to_end(&mut answer).await);
    let status = std::str::from_utf8(answer.get(9..12).unwrap_or(b"0")).unwrap().parse().unwrap();
    (status, answer)
}

fn has(answer: &[u8], text: &[u8]) -> bool {
    answer.windows(text.len()).any(|window| window == text)
}

struct Groups {
    s: InProcess,
    owner: Caller,
    /// Reads and writes in `mine` only.
    limited: Caller,
    sub: String,
}

/// Two groups with a query pack each, and somebody with a role in one of them.
async fn groups() -> Groups {
    let s = server().await;
    let owner = owner(&s).await;
    let sub = s.server.app.home.subscription_id().to_string();
    for (group, mark) in [("mine", "my-own"), ("theirs", std::str::from_utf8(MARK).unwrap())] {
        let group = format!("{sub}/resourceGroups/{group}");
        owner.put(&group, json!({"location": "local"})).await.unwrap();
        let pack = format!("{group}/providers/Microsoft.OperationalInsights/queryPacks/PacK");
        let body = json!({"location": "local", "properties": {"mark": mark}});
        assert_eq!(owner.put(&pack, body).await.unwrap().status, 200);
    }
    let scope = format!("{sub}/resourceGroups/mine").parse().unwrap();
    let limited = s.principal_at("Contributor", &scope).await.unwrap();
    Groups { s, owner, limited, sub }
}

#[tokio::test]
async fn no_path_reaches_what_it_does_not_name() {
    let Groups { s, owner, limited, sub } = groups().await;
    let pack = "providers/Microsoft.OperationalInsights/queryPacks/PacK";
    let mine = format!("{sub}/resourceGroups/mine");
    let theirs = format!("{sub}/resourceGroups/theirs");
    let mut paths: Vec<(Vec<u8>, u16)> = [
        (format!("{mine}/../theirs/{pack}"), 400),
        (format!("{mine}/./{pack}"), 404),
        (format!("{mine}/%2e%2e/theirs/{pack}"), 400),
        (format!("{mine}/%2E%2E/theirs/{pack}"), 400),
        (format!("{mine}/.%2e/theirs/{pack}"), 400),
        (format!("{mine}/%252e%252e/theirs/{pack}"), 400),
        (format!("{mine}%2f..%2ftheirs/{pack}"), 400),
        (format!("{sub}/resourceGroups/mine%2Ftheirs/{pack}"), 400),
        (format!("{mine}%5c..%5ctheirs/{pack}"), 400),
        (format!("{mine}\\..\\theirs/{pack}"), 400),
        (format!("{mine}//{pack}"), 404),
        (format!("{sub}//resourceGroups/theirs/{pack}"), 404),
        (format!("{mine}/{pack}%00"), 400),
        (format!("{mine}/{pack}%0d%0aX-Y:1"), 400),
        (format!("{mine}/{pack}%c0%af..%c0%aftheirs"), 400),
        (format!("{mine}/{pack}%ff"), 400),
        (format!("{mine}/{pack}%2"), 400),
        (format!("{mine}/{pack}%zz"), 400),
        // Letters that only Unicode folds to those of the name: another name.
        (format!("{theirs}/{}%E2%84%AA", pack.trim_end_matches('K')), 404),
        (format!("{theirs}/{pack}%20"), 404),
        (format!("{theirs}/{pack}."), 404),
        (format!("{theirs}/{pack};v=1"), 404),
        (format!("{theirs}/{pack}{}", "/a/b".repeat(1000)), 400),
        (format!("{theirs}/{pack}{}", "x".repeat(5000)), 400),
    ]
    .into_iter()
    .map(|(path, status)| (format!("{path}?{VERSION}").into_bytes(), status))
    .collect();
    // Bytes that no URL has.
    paths.push((format!("{theirs}/{pack}\u{212a}?{VERSION}").into_bytes(), 404));
    let mut wrong: Vec<String> = Vec::new();
    for (path, wanted) in paths {
        let shown = String::from_utf8_lossy(&path).chars().take(300).collect::<String>();
        for caller in [&owner, &limited] {
            let (status, answer) = raw(&s, caller, "GET", &path, "").await;
            assert!(!has(&answer, MARK), "{shown}: {status}");
            // Who may not look is told so, where there is something to look for.
            let hidden = wanted == 404 && status == 403;
            if status != wanted && !hidden {
                wrong.push(format!("{shown}: {status} and not {wanted}"));
            }
            if path.len() > 2000 {
                continue;
            }
            for method in ["PUT", "DELETE"] {
                let body = r#"{"location": "local", "properties": {"mark": "taken over"}}"#;
                let (status, _) = raw(&s, &limited, method, &path, body).await;
                assert!([400, 403, 404].contains(&status), "{method} {shown}: {status}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let kept = owner.get(&format!("{theirs}/{pack}?{VERSION}")).await.unwrap();
    assert!(has(kept.text.as_bytes(), MARK), "{}", kept.text);
}

#[tokio::test]
async fn another_spelling_is_the_same_resource_with_the_same_rights() {
    let Groups { s, owner, limited, sub } = groups().await;
    let pack = "providers/Microsoft.OperationalInsights/queryPacks/PacK";
    for path in [
        format!("{sub}/RESOURCEGROUPS/THEIRS/{pack}").to_uppercase(),
        format!("{sub}/resourceGroups/%74heirs/{pack}"),
        format!("/{sub}/resourceGroups/theirs/{pack}"),
        format!("{sub}/resourceGroups/theirs/{pack}/"),
    ] {
        let path = format!("{path}?{VERSION}").into_bytes();
        let shown = String::from_utf8_lossy(&path).into_owned();
        let (status, answer) = raw(&s, &owner, "GET", &path, "").await;
        assert!(status == 200 && has(&answer, MARK), "{shown}: {status}");
        let (status, answer) = raw(&s, &limited, "GET", &path, "").await;
        assert!(status == 403 && !has(&answer, MARK), "{shown}: {status}");
    }
}

#[tokio::test]
async fn a_body_sets_only_what_is_the_clients_to_set() {
    let Groups { s, owner, limited, sub } = groups().await;
    let id = format!("{sub}/resourceGroups/mine/providers/Microsoft.OperationalInsights/queryPacks/PacK");
    let theirs = id.replace("/mine/", "/theirs/");
    let body = json!({
        "id": theirs, "name": "another", "type": "Microsoft.Authorization/roleAssignments",
        "systemData": {"createdBy": "root"}, "created": 0, "modified": 0, "location": "local",
        "properties": {"provisioningState": "Deleting", "mark": "mine still"},
    });
    let path = format!("{id}?{VERSION}");
    let put = limited.put(&path, body).await.unwrap();
    assert_eq!(put.status, 200, "{}", put.text);
    let made = owner.get(&path).await.unwrap().json();
    assert_eq!((&made["id"], &made["name"]), (&json!(id), &json!("PacK")));
    assert_eq!(made["type"], "Microsoft.OperationalInsights/queryPacks");
    assert_ne!(made["properties"]["provisioningState"], "Deleting");
    assert_eq!(made["systemData"], Value::Null);
    let other = owner.get(&format!("{theirs}?{VERSION}")).await.unwrap();
    assert!(has(other.text.as_bytes(), MARK), "{}", other.text);
    // Who may write one resource may not make it larger than a resource is.
    let large = json!({"location": "local", "properties": {"text": "x".repeat(10 << 20)}});
    assert_eq!(outcome(limited.put(&path, large).await.unwrap()), "413 RequestEntityTooLarge");
    let deep = format!("{{\"properties\": {}1{}}}", "{\"a\":".repeat(200), "}".repeat(200));
    let (status, _) = raw(&s, &limited, "PUT", path.as_bytes(), &deep).await;
    assert_eq!(status, 400);
    assert_eq!(owner.get(&path).await.unwrap().json()["properties"]["mark"], "mine still");
}
