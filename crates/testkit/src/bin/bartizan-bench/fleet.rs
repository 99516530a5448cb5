//! `cargo xtask bench fleet`: many machines on one server, from a plan's switch to all compliant and the steady state
//! after it; then the policies of many resources.

use std::time::{Duration, Instant};

use bartizan_testkit::real::fleet::Fleet;
use bartizan_testkit::real::server::Server;
use serde_json::json;

use crate::policies;
use crate::process;
use crate::report::{Report, bytes, thousands, time};

/// What the page says above its figures.
pub(crate) const PAGE: &str = "# How many machines one server looks after

Written by `cargo xtask bench fleet --report FILE`; do not edit. The command builds the server, starts it with an empty
data folder and lets simulated machines join, each with a key, a certificate and a connection of its own: they enrol
with an onboarding token, hold the long poll for their desired state, say that extensions run as soon as these are asked
for, and send a status and a heartbeat row each minute. Then a plan is turned on, and the time is taken until every
machine has every extension and all its policy states say Compliant. Machines that end in another state, or a request
that is refused, end the run with an error. Server and machines share the computer; their processor time is counted
apart.

Then, on another server, machines with three extensions each are stored, and 50 policies are assigned to their
subscription: seven `audit` policies of which five are about every machine and two about every extension, and 43
`auditIfNotExists` policies, each about the resources of one team of twenty. `triggerEvaluation` is asked for and answers
when all is evaluated and what changed is stored: first with nothing stored, then again with nothing changed, then with
one machine in a hundred changed.

";

/// Until a fleet that does not become compliant is given up.
const PATIENCE: Duration = Duration::from_secs(900);

/// Runs `agents` machines, the steady state for `seconds`, and policies over `resources`.
pub(crate) async fn run(
    agents: usize,
    seconds: u64,
    resources: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    if agents > 0 {
        machines(agents, seconds, report).await?;
    }
    if resources > 0 {
        policies::run(resources, report).await?;
    }
    Ok(())
}

async fn machines(agents: usize, seconds: u64, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let pid = server.process.pid();
    let owner = server.owner().await?;

    let (spent, begun) = (Spent::until_now(pid), Instant::now());
    let joined = Fleet::join(&server, agents).await?;
    report.add(format!("{} machines enrol", thousands(agents as u64)), time(begun.elapsed()), "");
    spent.since(pid, agents, report);
    let fleet = joined.start();

    let (spent, begun) = (Spent::until_now(pid), Instant::now());
    let plan = format!(
        "{}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2024-01-01",
        owner.subscription()
    );
    owner.put(&plan, json!({"properties": {"pricingTier": "Standard", "subPlan": "P2"}})).await?;
    while !fleet.is_covered() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    report.add("plan on → every machine runs its extensions", time(begun.elapsed()), "");
    fleet.all_compliant(&owner, PATIENCE).await?;
    report.add("plan on → all Compliant", time(begun.elapsed()), "60 s");
    spent.since(pid, agents, report);

    steady(pid, &fleet, seconds, report).await;
    let memory = format!("{}, {}", bytes(process::peak_bytes(pid)), bytes(process::resident_bytes(pid)));
    report.add("server's memory: peak, in the end", memory, "1 GB");
    fleet.all_compliant(&owner, PATIENCE).await?;
    fleet.expect_no_refusals()?;
    let lost = fleet.counts.lost();
    anyhow::ensure!(lost == 0, "{lost} requests of machines got no answer");
    Ok(())
}

/// Processor seconds of the server and of this process, which is all machines.
struct Spent {
    server: f64,
    machines: f64,
}

impl Spent {
    fn until_now(pid: u32) -> Self {
        Self { server: process::cpu_seconds(pid), machines: process::own_cpu_seconds() }
    }

    /// Reports what was used since then, in all and for each machine: the two share the cores, so the sum of both bounds
    /// how fast a step can be.
    fn since(&self, pid: u32, agents: usize, report: &mut Report) {
        let now = Self::until_now(pid);
        let (server, machines) = (now.server - self.server, now.machines - self.machines);
        report.add(
            "processor time for it: server, all machines",
            format!("{server:.1} s, {machines:.1} s"),
            "",
        );
        let each = |seconds: f64| seconds * 1e3 / agents as f64;
        let value = format!("{:.1} ms, {:.1} ms", each(server), each(machines));
        report.add("for one machine: server, the machine itself", value, "");
    }
}

async fn steady(pid: u32, fleet: &Fleet, seconds: u64, report: &mut Report) {
    let (cpu, own) = (process::cpu_seconds(pid), process::own_cpu_seconds());
    let (beats, statuses, begun) = (fleet.counts.heartbeats(), fleet.counts.statuses(), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let took = begun.elapsed().as_secs_f64();
    let share = |used: f64| format!("{:.0} % of one core", used / took * 100.0);
    let (beats, statuses) = (fleet.counts.heartbeats() - beats, fleet.counts.statuses() - statuses);
    let both = format!("{}, {}", thousands(beats), thousands(statuses));
    report.add(format!("steady state of {took:.0} s: heartbeats, statuses"), both, "");
    report.add("steady state: server", share(process::cpu_seconds(pid) - cpu), "25 %");
    report.add("steady state: all machines", share(process::own_cpu_seconds() - own), "");
}
