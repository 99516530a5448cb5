//! How fast rows become columns, and how fast they become durable.
//!
//! `cargo bench -p bartizan-store` prints rows a second. The log's figure depends on the disk's sync.

use std::sync::Arc;

use bartizan_base::{TenantId, Ticks, WorkspaceId};
use bartizan_schema::TableRegistry;
use bartizan_store::decode::{Layout, Stamp};
use bartizan_store::{AppendTarget, Store, StoreOptions};
use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Rows in a body: what an agent under load gathers in a fraction of a second.
const ROWS: usize = 1000;
/// Agents that send at the same time.
const SENDERS: usize = 16;

fn main() {
    divan::main();
}

/// Process events of about 500 bytes, with a varied command line.
fn body() -> Bytes {
    let rows: Vec<String> = (0..ROWS)
        .map(|n| {
            format!(
                r#"{{"TimeGenerated":"2026-03-01T12:{:02}:{:02}.{:03}Z","ActionType":"ProcessCreated","DeviceName":"web-{}.example.org","DeviceId":"{:032x}","FileName":"python3","FolderPath":"/usr/bin/python3","ProcessId":{},"ProcessCommandLine":"python3 /opt/app/worker.py --queue {:016x} --limit {}","AccountName":"www-data","AccountSid":"33","InitiatingProcessFileName":"systemd","InitiatingProcessId":1,"InitiatingProcessCommandLine":"/lib/systemd/systemd --system","SHA256":"{:064x}","AdditionalFields":{{"cgroup":"app.slice","tty":null}}}}"#,
                n / 60 % 60,
                n % 60,
                n % 1000,
                n % 40,
                n % 40,
                1000 + n,
                n * 0x9E37_79B9,
                n % 100,
                n % 200,
            )
        })
        .collect();
    Bytes::from(rows.join("\n"))
}

fn target() -> AppendTarget {
    AppendTarget::new(WorkspaceId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)), "DeviceProcessEvents")
}

#[divan::bench]
fn json_to_arrow(bencher: Bencher<'_, '_>) {
    let tables = TableRegistry::shipped().expect("shipped tables are valid");
    let layout = Layout::new(Arc::clone(tables.get("DeviceProcessEvents").expect("it is shipped")));
    let (body, stamp) = (body(), Stamp::new(&target(), Ticks(0)));
    bencher
        .counter(ItemsCount::new(ROWS))
        .counter(BytesCount::new(body.len()))
        .bench(|| layout.decode(&body, &stamp).expect("the body is valid"));
}

#[divan::bench]
fn durable_appends(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let dir = tempfile::tempdir().expect("a folder can be made");
    let store = runtime.block_on(open(dir.path()));
    let body = body();
    bencher.counter(ItemsCount::new(ROWS * SENDERS)).counter(BytesCount::new(body.len() * SENDERS)).bench(
        || {
            runtime.block_on(async {
                let appends = (0..SENDERS).map(|_| {
                    let (store, body) = (store.clone(), body.clone());
                    tokio::spawn(async move { store.append_json(target(), body).await })
                });
                for append in appends.collect::<Vec<_>>() {
                    append.await.expect("no panic").expect("the disk takes it");
                }
            });
        },
    );
    runtime.block_on(store.close());
}

async fn open(dir: &std::path::Path) -> Store {
    let options = SqliteConnectOptions::new().filename(dir.join("control.db")).create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await.expect("the database can be made");
    // Room for the whole run, so that the log is measured and not the wait for a flush.
    let options = StoreOptions {
        buffer_bytes_max: 4 << 30,
        reserve_bytes: 0,
        ..StoreOptions::new(dir.join("store"), pool)
    };
    let tables = TableRegistry::shipped().expect("shipped tables are valid");
    Store::open(options, tables).await.expect("the store opens")
}
