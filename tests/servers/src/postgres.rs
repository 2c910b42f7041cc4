//! One PostgreSQL.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::eventually;
use crate::port::free_port;
use crate::process::{Process, find, new_dir};

const HOW_TO_GET_IT: &str = "`apt-get install postgresql` or `brew install postgresql@15`; or set TEST_POSTGRES_URL to a server of yours";

/// Its superuser, who needs no password.
const USER: &str = "postgres";

/// A PostgreSQL of one's own, in UTF-8.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
}

impl Postgres {
    /// Makes a cluster of databases and starts a server on it, with these further options,
    /// `name=value`. It does not wait for the disk unless an option says so: a process that is
    /// killed loses nothing by that, only a machine would.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub fn start(options: &[&str]) -> Self {
        Self::start_with(options, |data| {
            let data = data.to_string_lossy();
            let args =
                ["-D", &data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
            run(&program("initdb"), &args);
        })
    }

    /// A standby that follows this server; it takes no writes.
    ///
    /// # Panics
    /// When it does not start.
    pub fn standby(&self) -> Self {
        Self::start_with(&["hot_standby=on"], |data| {
            let (data, port) = (data.to_string_lossy(), self.port.to_string());
            let args = [
                "-D",
                &data,
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                USER,
                "-R",
                "--no-sync",
                "-c",
                "fast",
            ];
            run(&program("pg_basebackup"), &args);
        })
    }

    fn start_with(options: &[&str], fill: impl Fn(&Path)) -> Self {
        for _ in 0..5 {
            let dir = new_dir();
            let data = dir.join("data");
            make_for_postgres(&data);
            fill(&data);
            let port = free_port();
            let mut command = as_postgres(&program("postgres"));
            command.extend(["-D".into(), data.into_os_string()]);
            let port_option = format!("port={port}");
            let ours = [
                &*port_option,
                "listen_addresses=127.0.0.1",
                "unix_socket_directories=",
                "fsync=off",
                "max_connections=300",
                // In its directory, and so gone with it.
                "dynamic_shared_memory_type=mmap",
                "restart_after_crash=off",
            ];
            for option in ours.iter().chain(options) {
                command.extend(["-c".into(), OsString::from(option)]);
            }
            let program = command.remove(0);
            let mut server = Self { process: Process::start_in(dir, program, command), port };
            if server.wait_until_it_answers() {
                return server;
            }
            server.process.kill();
        }
        panic!("PostgreSQL did not start five times");
    }

    fn wait_until_it_answers(&self) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_mins(1) {
            if self.try_sql("SELECT 1").is_ok() {
                return true;
            }
            if self.process.log().contains("could not create any TCP/IP sockets") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("PostgreSQL does not answer:\n{}", self.process.log());
    }

    /// The server that all tests of this process share: the one of `TEST_POSTGRES_URL`, or a new
    /// one.
    pub fn shared_url() -> String {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) if !url.is_empty() => url,
            _ => SHARED.get_or_init(|| Self::start(&[])).url(),
        }
    }

    /// Where it is, as its superuser.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@{}/postgres", self.address())
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What `psql` answers, bare: a line for each row, `|` between columns.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|error| panic!("psql: {sql}: {error}"))
    }

    /// The same, or why it was refused.
    ///
    /// # Errors
    /// What psql said.
    ///
    /// # Panics
    /// When psql is not installed.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        let mut command = Command::new(program("psql"));
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &self.url(), "-c", sql]);
        let Output { status, stdout, stderr } = command.output().expect("psql runs");
        let text = |bytes| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if status.success() { Ok(text(&stdout)) } else { Err(text(&stderr)) }
    }

    /// Whose private files it reads go here: `data/` has its own configuration.
    pub fn dir(&self) -> &Path {
        self.process.dir()
    }

    /// Writes a file that only the server may read, as a private key must be, and says where it is.
    ///
    /// # Panics
    /// When the disk is full.
    pub fn private_file(&self, name: &str, text: &str) -> String {
        let (draft, path) = (self.dir().join(name), self.dir().join("data").join(name));
        std::fs::write(&draft, text).expect("written");
        let mut install = Command::new("install");
        install.args(["-m", "600"]);
        if is_root() {
            install.args(["-o", "postgres"]);
        }
        assert!(install.args([&draft, &path]).status().is_ok_and(|status| status.success()));
        path.to_string_lossy().into_owned()
    }

    /// What it wrote, for messages.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// As a crash would: all of its processes at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// On the same port and with what is on disk.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.process.start_again();
        assert!(self.wait_until_it_answers(), "the port was taken meanwhile");
    }

    /// As an operator does: connections are closed, what is in memory goes to disk, and it starts
    /// again.
    ///
    /// # Panics
    /// When it does not end or does not start.
    pub fn restart(&mut self) {
        self.process.signal("INT");
        let pid_file = self.dir().join("data/postmaster.pid");
        eventually("it has shut down", || !pid_file.exists());
        self.start_again();
    }

    /// Its processes hear nothing until [`resume`](Postgres::resume), but its port stays open.
    pub fn stop(&self) {
        self.process.signal("STOP");
    }

    /// The end of [`stop`](Postgres::stop).
    pub fn resume(&self) {
        self.process.signal("CONT");
    }
}

/// Where one of PostgreSQL's programs is: Debian keeps the server's out of the path, by version.
fn program(name: &str) -> PathBuf {
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let numbered = versions.filter_map(|version| {
            Some((version.file_name().to_str()?.parse::<f32>().ok()?, version))
        });
        let programs =
            numbered.map(|(number, version)| (number, version.path().join("bin").join(name)));
        programs
            .filter(|(_, program)| program.is_file())
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, program)| program)
    };
    debian()
        .or_else(|| find(name))
        .unwrap_or_else(|| panic!("{name} of PostgreSQL is not installed: {HOW_TO_GET_IT}"))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

/// PostgreSQL refuses to be root: then it is the user postgres. `setpriv` becomes the program, so
/// that its process is known.
fn as_postgres(program: &Path) -> Vec<OsString> {
    let mut command: Vec<OsString> = Vec::new();
    if is_root() {
        command.extend(
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
                .map(Into::into),
        );
    }
    command.push(program.into());
    command
}

fn run(program: &Path, args: &[&str]) {
    let command = as_postgres(program);
    let output = Command::new(&command[0]).args(&command[1..]).args(args).current_dir("/").output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", command[0].display()));
    assert!(
        output.status.success(),
        "{}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// An empty directory that nobody else may read.
fn make_for_postgres(dir: &Path) {
    let mut install = Command::new("install");
    install.args(["-d", "-m", "700"]);
    if is_root() {
        install.args(["-o", "postgres"]);
    }
    let output = install.arg(dir).output().expect("install runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_keeps_what_is_on_disk() {
        let mut server = Postgres::start(&[]);
        server.sql("CREATE TABLE t (n int); INSERT INTO t VALUES (7)");
        server.kill();
        assert!(server.try_sql("SELECT 1").is_err());
        server.start_again();
        assert_eq!(server.sql("SELECT n FROM t"), "7");
        let standby = server.standby();
        assert_eq!(standby.sql("SELECT pg_is_in_recovery(), n FROM t"), "t|7");
        assert!(
            standby
                .try_sql("INSERT INTO t VALUES (8)")
                .expect_err("it is a standby")
                .contains("read-only")
        );
    }
}
