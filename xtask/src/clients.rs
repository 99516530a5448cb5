//! Clients of others that tests run unmodified, in folders of the build: Azure's and OpenTelemetry's for Python,
//! Azure's for Node.js, Azure's command line, and a store that stands for S3. Which ones, and at which versions, is said
//! in `tests/compat`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::command::{command, execute, root, target};

/// One set of clients: the folder below `tests/compat` and below `clients` of the build, the files there that say
/// what is installed, and the commands that do.
struct Clients {
    name: &'static str,
    files: &'static [&'static str],
    install: fn(&Path) -> Vec<Command>,
}

const ALL: [Clients; 4] = [
    Clients { name: "python", files: &["requirements.txt"], install: python },
    Clients { name: "az", files: &["requirements.txt"], install: python },
    Clients { name: "s3", files: &["requirements.txt"], install: python },
    Clients { name: "node", files: &["package.json", "package-lock.json"], install: node },
];

/// Installs them if that is possible; the tests that need them skip themselves otherwise.
pub(crate) fn try_install() {
    for clients in ALL {
        let folder = target().join("clients").join(clients.name);
        if let Err(error) = install(&folder, &clients) {
            println!("going on without the clients in `{}`: {error:#}", folder.display());
        }
    }
}

/// Copies the files and runs the commands, unless that was done before with files that said the same.
fn install(folder: &Path, clients: &Clients) -> anyhow::Result<()> {
    let compat = root().join("tests/compat").join(clients.name);
    let installed = folder.join("installed.txt");
    let mut wanted = String::new();
    for file in clients.files {
        let path = compat.join(file);
        wanted += &fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    }
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("Installing clients for the tests into {} …", folder.display());
    fs::create_dir_all(folder).context("cannot make the folder")?;
    if installed.exists() {
        fs::remove_file(&installed).context("cannot begin anew")?;
    }
    for file in clients.files {
        fs::copy(compat.join(file), folder.join(file)).with_context(|| format!("cannot copy `{file}`"))?;
    }
    for command in (clients.install)(folder) {
        execute(command).context("they come from a package registry")?;
    }
    fs::write(&installed, wanted).context("cannot note what is installed")
}

fn python(folder: &Path) -> Vec<Command> {
    let (program, requirements) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let mut install =
        command(&program.to_string_lossy(), &["-m", "pip", "install", "--quiet", "--requirement"]);
    install.arg(requirements);
    vec![command("python3", &["-m", "venv", &folder.to_string_lossy()]), install]
}

fn node(folder: &Path) -> Vec<Command> {
    let mut npm = command("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.current_dir(folder);
    vec![npm]
}
