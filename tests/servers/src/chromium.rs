//! Chromium, driven by its chromedriver.

use std::net::TcpStream;
use std::path::Path;

use crate::eventually;
use crate::port::free_port;
use crate::process::{Process, find};

const HOW_TO_GET_IT: &str = "`apt-get install chromium chromium-driver`";

/// A chromedriver, which starts browsers. They end with it, and their profiles are in its
/// directory.
#[derive(Debug)]
pub struct Chromedriver {
    process: Process,
    port: u16,
}

impl Chromedriver {
    /// Starts one on a private port.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn start() -> Self {
        let port = free_port();
        let driver = find("chromedriver")
            .unwrap_or_else(|| panic!("chromedriver is not installed: {HOW_TO_GET_IT}"));
        let process = Process::start("env", "it is part of every system", |dir| {
            let dir = dir.to_string_lossy();
            // All that a browser writes goes here.
            let places = ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"];
            let mut args: Vec<_> =
                places.iter().map(|place| format!("{place}={dir}").into()).collect();
            args.push(driver.into_os_string());
            args.push(format!("--port={port}").into());
            args
        });
        eventually("chromedriver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { process, port }
    }

    /// Where it takes commands.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it and its browsers write.
    pub fn dir(&self) -> &Path {
        self.process.dir()
    }

    /// What it wrote, for messages.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
