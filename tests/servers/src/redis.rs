//! One redis-server.

use std::ffi::OsString;
use std::process::Command;
use std::sync::OnceLock;

use crate::eventually;
use crate::port::free_port;
use crate::process::Process;

const HOW_TO_GET_IT: &str = "`apt-get install redis-server redis-sentinel` or `brew install redis`; or set TEST_REDIS_URL to a server of yours";

/// A redis-server of one's own.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    password: Option<String>,
}

impl Redis {
    /// Starts a server with these further options, `--name value`, and waits until it answers.
    /// Nothing is kept on disk unless an option says so.
    ///
    /// # Panics
    /// When redis-server is not installed or does not start.
    pub fn start(options: &[&str]) -> Self {
        Self::start_program("redis-server", options)
    }

    /// The same of a program that is not the system's.
    ///
    /// # Panics
    /// When it is not there or does not start.
    pub fn start_program(program: &str, options: &[&str]) -> Self {
        for _ in 0..5 {
            let mut redis = Self::spawn(program, free_port(), options);
            if redis.wait_until_it_answers() {
                return redis;
            }
            redis.process.kill();
        }
        panic!("{program} did not start five times");
    }

    pub(crate) fn spawn(program: &str, port: u16, options: &[&str]) -> Self {
        let process = Process::start(program, HOW_TO_GET_IT, |dir| {
            let mut args: Vec<OsString> = Vec::new();
            let mut push = |name: &str, value: &str| {
                args.extend([OsString::from(name), OsString::from(value)]);
            };
            push("--port", &port.to_string());
            push("--bind", "127.0.0.1");
            push("--dir", &dir.to_string_lossy());
            push("--save", "");
            args.extend(options.iter().map(OsString::from));
            args
        });
        let password = options
            .iter()
            .position(|option| *option == "--requirepass")
            .map(|at| options[at + 1].to_owned());
        Self { process, port, password }
    }

    /// A Sentinel with this configuration.
    pub(crate) fn spawn_sentinel(configuration: &std::path::Path, port: u16) -> Self {
        let process = Process::start("redis-sentinel", HOW_TO_GET_IT, |dir| {
            let mut args = vec![configuration.into(), "--port".into(), port.to_string().into()];
            args.extend(["--bind".into(), "127.0.0.1".into(), "--dir".into(), OsString::from(dir)]);
            args
        });
        let sentinel = Self { process, port, password: None };
        assert!(sentinel.wait_until_it_answers(), "the port was taken meanwhile");
        sentinel
    }

    fn wait_until_it_answers(&self) -> bool {
        for _ in 0..500 {
            if self.answers() {
                return true;
            }
            if self.process.log().contains("Failed listening") {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("redis-server does not answer:\n{}", self.process.log());
    }

    /// The server that all tests of this process share: the one of `TEST_REDIS_URL`, or a new one.
    pub fn shared_url() -> String {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        match std::env::var("TEST_REDIS_URL") {
            Ok(url) if !url.is_empty() => url,
            _ => SHARED.get_or_init(|| Self::start(&[])).url(),
        }
    }

    /// Where it is, without a password.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory that it works in.
    pub fn dir(&self) -> &std::path::Path {
        self.process.dir()
    }

    /// What `redis-cli` answers to a command.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn cli(&self, args: &[&str]) -> String {
        self.try_cli(args)
            .unwrap_or_else(|| panic!("redis-cli {args:?} failed:\n{}", self.process.log()))
    }

    /// Whether it answers now.
    pub fn answers(&self) -> bool {
        self.try_cli(&["PING"]).is_some_and(|answer| answer.contains("PONG"))
    }

    pub(crate) fn try_cli(&self, args: &[&str]) -> Option<String> {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string()]).args(args);
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        let output = command
            .output()
            .unwrap_or_else(|_| panic!("redis-cli is not installed: {HOW_TO_GET_IT}"));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Keys of a database that would stay forever.
    pub fn keys_without_expiry(&self, database: u8) -> Vec<String> {
        // The first line lets it look at all slots of a Cluster's node.
        let script = "#!lua flags=no-writes,allow-cross-slot-keys\n\
            local forever = {} \
            for _, key in ipairs(redis.call('KEYS', '*')) do \
                if redis.call('PTTL', key) < 0 then table.insert(forever, key) end \
            end return forever";
        let database = database.to_string();
        self.cli(&["-n", &database, "EVAL", script, "0"])
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// As a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// On the same port and with what is on disk.
    ///
    /// # Panics
    /// When the port was taken meanwhile.
    pub fn start_again(&mut self) {
        self.process.start_again();
        assert!(self.wait_until_it_answers(), "the port was taken meanwhile");
    }

    /// The process hears nothing until [`resume`](Redis::resume), but its port stays open.
    pub fn stop(&self) {
        self.process.signal("STOP");
    }

    /// The end of [`stop`](Redis::stop).
    pub fn resume(&self) {
        self.process.signal("CONT");
    }

    /// One line of an `INFO` section.
    pub fn info(&self, section: &str, name: &str) -> String {
        let text = self.try_cli(&["INFO", section]).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }

    pub(crate) fn wait_for_info(&self, section: &str, name: &str, value: &str) {
        eventually(&format!("{name} is {value}"), || self.info(section, name) == value);
    }
}
