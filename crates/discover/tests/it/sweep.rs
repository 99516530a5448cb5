//! The sweep, on this machine's loopback addresses.

use tokio::net::TcpListener;

use crate::ask;

#[tokio::test]
async fn who_listens_is_found() {
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // Bound and not listening: a port on which nobody answers.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = closed.local_addr().unwrap().port();
    drop(closed);
    let yaml = format!(
        "kind: network\nnetworks: [127.0.0.0/29]\nports: [{silent}, {port}]\nrate: 1000\nbeyond_private: true\n"
    );
    let found = ask(&yaml).await.unwrap();
    assert!(found.is_complete(), "{:?}", found.shortfalls);
    let answered: Vec<&str> = found.machines.iter().map(|machine| machine.name.as_str()).collect();
    assert_eq!(answered, ["127.0.0.2"]);
    let machine = &found.machines[0];
    assert!(machine.known_by_address && machine.tags["openPort"] == port.to_string());
    // One connection, on which nothing was said.
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut said = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut said).await.unwrap();
    assert!(said.is_empty());
}
