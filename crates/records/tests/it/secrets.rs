//! One-time codes and tokens: uses, expiry, and that only hashes are stored.

use bartizan_base::{Clock, Ticks, Timespan};
use bartizan_records::{Agent, Exchange, NewSecret, Principal, PrincipalKind, SecretKind};
use serde_json::json;
use uuid::Uuid;

use crate::{fixture, id};

#[tokio::test]
async fn secrets_end_by_use_and_by_time() {
    let f = fixture().await;
    let new = |kind, uses| NewSecret {
        kind,
        subject: "owner".to_owned(),
        data: json!({"x": 1}),
        expires: f.clock.now() + Timespan::from_seconds(60),
        uses,
    };
    f.records.put_secret("code", new(SecretKind::SignInCode, Some(1))).await.unwrap();
    f.records.put_secret("cookie", new(SecretKind::Session, None)).await.unwrap();
    assert_eq!(f.records.use_secret(SecretKind::Session, "code").await.unwrap(), None, "another kind");
    let used = f.records.use_secret(SecretKind::SignInCode, "code").await.unwrap().unwrap();
    assert_eq!((used.subject.as_str(), &used.data), ("owner", &json!({"x": 1})));
    assert_eq!(f.records.use_secret(SecretKind::SignInCode, "code").await.unwrap(), None, "used up");
    assert!(f.records.see_secret(SecretKind::Session, "cookie").await.unwrap().is_some());
    f.clock.advance(Timespan::from_seconds(61));
    assert_eq!(f.records.see_secret(SecretKind::Session, "cookie").await.unwrap(), None, "expired");
    assert_eq!(f.records.sweep_secrets().await.unwrap(), 2);
}

/// Machines that join at the same time with one token do not wait for each other, nor for another writer, of which SQLite
/// has one at a time.
#[tokio::test]
async fn a_secret_without_a_count_is_used_beside_a_writer_until_it_ends() {
    let f = fixture().await;
    let kind = SecretKind::OnboardingToken;
    let secret = |uses| NewSecret {
        kind,
        subject: String::new(),
        data: json!({}),
        expires: f.clock.now() + Timespan::from_seconds(60),
        uses,
    };
    f.records.put_secret("many", secret(None)).await.unwrap();
    f.records.put_secret("withdrawn", secret(None)).await.unwrap();
    f.records.put_secret("once", secret(Some(1))).await.unwrap();
    f.records.forget_secret(kind, "withdrawn").await.unwrap();

    let writer = if f.records.is_shared() { None } else { Some(f.records.pool().begin().await.unwrap()) };
    if let Some(mut writer) = writer {
        sqlx::query("UPDATE secrets SET uses_left = uses_left").execute(&mut *writer).await.unwrap();
        assert!(f.records.use_secret(kind, "many").await.unwrap().is_some());
        writer.rollback().await.unwrap();
    }
    for _ in 0..3 {
        assert!(f.records.use_secret(kind, "many").await.unwrap().is_some());
    }

    assert_eq!(f.records.use_secret(kind, "withdrawn").await.unwrap(), None);
    let tries = futures::future::join_all((0..8).map(|_| f.records.use_secret(kind, "once"))).await;
    assert_eq!(tries.into_iter().filter(|found| found.as_ref().unwrap().is_some()).count(), 1);
    f.clock.advance(Timespan::from_seconds(61));
    assert_eq!(f.records.use_secret(kind, "many").await.unwrap(), None, "expired");
}

#[tokio::test]
async fn secrets_are_not_stored_as_text() {
    let f = fixture().await;
    let secret = NewSecret {
        kind: SecretKind::OnboardingToken,
        subject: String::new(),
        data: json!({}),
        expires: Ticks::MAX,
        uses: None,
    };
    f.records.put_secret("a-very-recognisable-secret", secret).await.unwrap();
    f.records.close().await;
    for entry in std::fs::read_dir(f.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(26).any(|part| part == b"a-very-recognisable-secret"));
    }
}

#[tokio::test]
async fn a_machine_has_one_agent_with_two_good_certificates() {
    let f = fixture().await;
    let machine = id("/subscriptions/s/resourceGroups/rg/providers/Microsoft.HybridCompute/machines/m");
    let agent = |n| Agent {
        vm_id: Uuid::from_u128(n),
        machine: machine.clone(),
        serial: format!("{n:02x}"),
        previous_serial: String::new(),
        enrolled: f.clock.now(),
        last_seen: f.clock.now(),
        agent_version: "1".to_owned(),
    };
    f.records.put_agent(&agent(1)).await.unwrap();
    f.records.put_agent(&agent(2)).await.unwrap();
    assert_eq!(f.records.agent(Uuid::from_u128(1)).await.unwrap(), None, "replaced by a new connect");
    f.records.renew_agent(Uuid::from_u128(2), "02", "03").await.unwrap();
    let renewed = f.records.agent(Uuid::from_u128(2)).await.unwrap().unwrap();
    assert!(renewed.has_serial("02") && renewed.has_serial("03") && !renewed.has_serial(""));
}

#[tokio::test]
async fn principals_are_found_by_both_ids() {
    let f = fixture().await;
    let principal = Principal {
        object_id: Uuid::from_u128(1),
        app_id: Some(Uuid::from_u128(2)),
        name: "automation".to_owned(),
        kind: PrincipalKind::ServicePrincipal,
        created: f.clock.now(),
        disabled: false,
        tokens_from: bartizan_base::Ticks(0),
    };
    f.records.put_principal(&principal).await.unwrap();
    assert_eq!(f.records.principal(Uuid::from_u128(1)).await.unwrap(), Some(principal.clone()));
    assert_eq!(f.records.principal_by_app(Uuid::from_u128(2)).await.unwrap(), Some(principal));
    f.records.put_state("rule/b", json!(2)).await.unwrap();
    f.records.put_state("rule/a", json!(1)).await.unwrap();
    let all = f.records.list_state("rule/").await.unwrap();
    assert_eq!(all, [("rule/a".to_owned(), json!(1)), ("rule/b".to_owned(), json!(2))]);
}

#[tokio::test]
async fn tokens_are_exchanged_once_and_a_copy_withdraws_the_family() {
    let f = fixture().await;
    let kind = SecretKind::RefreshToken;
    let token = |subject: &str| NewSecret {
        kind,
        subject: subject.to_owned(),
        data: json!({}),
        expires: f.clock.now() + Timespan::from_seconds(100),
        uses: None,
    };
    f.records.put_token("first", token("a"), "family").await.unwrap();
    f.records.put_token("second", token("a"), "family").await.unwrap();
    f.records.put_token("other", token("a"), "another").await.unwrap();
    let grace = Timespan::from_seconds(10);
    let good = |exchange: &Exchange| matches!(exchange, Exchange::Good(secret) if secret.subject == "a");
    assert!(good(&f.records.exchange(kind, "first", grace).await.unwrap()));
    f.clock.advance(Timespan::from_seconds(9));
    assert!(good(&f.records.exchange(kind, "first", grace).await.unwrap()), "within the grace");
    f.clock.advance(Timespan::from_seconds(1));
    assert!(matches!(f.records.exchange(kind, "first", grace).await.unwrap(), Exchange::Replayed(_)));
    assert_eq!(f.records.exchange(kind, "second", grace).await.unwrap(), Exchange::Unknown);
    assert!(good(&f.records.exchange(kind, "other", grace).await.unwrap()), "another family stays");
    assert!(f.records.forget_family(kind, "other").await.unwrap());
    assert!(!f.records.forget_family(kind, "other").await.unwrap());
}
