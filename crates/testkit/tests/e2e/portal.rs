//! The portal in a real browser, against the real server: Playwright walks the pages.

use std::process::Command;

use anyhow::Context as _;

use bartizan_testkit::real::programs::{capture, program, repository};
use bartizan_testkit::real::server::Server;

/// Walks every page with Chromium. Says so when the browser or the portal's packages are not there.
pub(crate) async fn walk(server: &Server) -> anyhow::Result<()> {
    let web = repository().join("web");
    if !web.join("node_modules").is_dir() || !std::path::Path::new("/usr/bin/chromium").exists() {
        println!("skipped: the portal's packages or chromium are not installed");
        return Ok(());
    }
    let link = capture(Command::new(program("bartizan")).arg("sign-in").arg("--data").arg(&server.data))?;
    let link = link
        .lines()
        .rev()
        .find(|line| line.contains("/signin#"))
        .context("no sign-in link")?
        .trim()
        .to_owned();
    let mut playwright = Command::new("npx");
    playwright
        .args(["--no-install", "playwright", "test", "--reporter=line"])
        .current_dir(&web)
        .env("BARTIZAN_URL", &server.url)
        .env("BARTIZAN_SIGNIN", link)
        .env("BARTIZAN_EXPECT_INCIDENT", "1");
    let printed = tokio::task::spawn_blocking(move || capture(&mut playwright)).await??;
    println!("{printed}");
    Ok(())
}
