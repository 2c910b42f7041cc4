//! Which cores server and client run on. Without it the scheduler makes two results of one: with
//! both on one core, and with each on its own.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Binds this process, with what it starts from now on, to these cores; says so when it cannot.
pub(crate) fn pin_client(cores: &str) {
    pin(&std::process::id().to_string(), cores);
}

/// Binds a server and its children to the first core.
pub(crate) fn pin_server(process: &str) {
    pin(process, "0");
    let children = Command::new("pgrep").args(["-P", process]).output();
    let children = children.map(|output| output.stdout).unwrap_or_default();
    for child in String::from_utf8_lossy(&children).lines() {
        pin(child, "0");
    }
}

/// The process whose id `PostgreSQL` writes into its directory.
pub(crate) fn postmaster(dir: &Path) -> String {
    let text = fs::read_to_string(dir.join("data/postmaster.pid")).expect("a running PostgreSQL");
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn pin(process: &str, cores: &str) {
    // All threads of it: a server has some by now.
    let output = Command::new("taskset").args(["-a", "-p", "-c", cores, process]).output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr);
            println!("not bound to core {cores}, so numbers will vary: {}", why.trim());
        }
        Err(error) => {
            println!("not bound to core {cores}, so numbers will vary: taskset: {error}");
        }
    }
}

/// How busy the machine is, for whoever reads the numbers later.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load average {}", load.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
