//! Many machines on one server.

use std::process::Command;
use std::time::Duration;

use bartizan_testkit::real::fleet::Fleet;
use bartizan_testkit::real::programs::{capture, program};
use bartizan_testkit::real::server::Server;

/// Long after the slowest computer is done.
const LIMIT: Duration = Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_to_500_machines_goes_on_after_the_server_was_killed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let fleet = Fleet::join(&server, 500).await?.start();
    owner.plan(true).await?;
    // In the middle of it: some machines have their extensions, others not.
    while fleet.counts.covered() < 50 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.restart()?;
    let before = fleet.counts.covered();
    println!("killed and started again when {before} of 500 machines were covered");
    fleet.all_compliant(&owner, LIMIT).await?;
    println!("{} requests got no answer", fleet.counts.lost());
    anyhow::ensure!(fleet.counts.lost() > 0, "nobody noticed that the server was away");
    fleet.expect_no_refusals()
}

/// The benchmark itself: it ends with an error where a machine is left behind, or where a policy's answers are wrong.
#[tokio::test(flavor = "multi_thread")]
async fn the_benchmark_of_a_fleet_runs() -> anyhow::Result<()> {
    let mut bench = Command::new(program("bartizan-bench"));
    bench.args(["--only", "fleet", "--agents", "20", "--seconds", "1", "--resources", "400"]);
    let printed = tokio::task::spawn_blocking(move || capture(&mut bench)).await??;
    for part in ["all Compliant", "steady state: server", "nothing changed", "server's memory"] {
        anyhow::ensure!(printed.contains(part), "no `{part}` in:\n{printed}");
    }
    Ok(())
}
