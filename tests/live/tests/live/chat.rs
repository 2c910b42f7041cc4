//! A server of the chat, in a process of its own.

use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::program::Program;

/// The chat of `examples/examples/chat`. Nothing is left of it when this is dropped.
#[derive(Debug)]
pub(crate) struct Chat {
    program: Program,
    addresses: usize,
    origin: String,
}

impl Chat {
    /// Waits until it serves.
    pub(crate) fn start(options: &[&str]) -> Self {
        let options = [&["--listen", "127.0.0.1:0"], options].concat();
        let program = Program::start(env!("CARGO_BIN_EXE_chat"), &options);
        let mut chat = Self { program, addresses: 0, origin: String::new() };
        chat.wait_until_it_serves();
        chat
    }

    fn wait_until_it_serves(&mut self) {
        self.addresses += 1;
        eventually("the chat tells its address", || {
            assert!(!self.program.has_ended(), "the chat has ended:\n{}", self.log());
            let log = self.log();
            let address = log.lines().filter(|line| line.starts_with("http://"));
            let address = address.clone().nth(self.addresses - 1).map(str::to_owned);
            // Nothing else ends in a line end that is not there yet.
            self.origin = address.unwrap_or_default();
            log.ends_with('\n') && !self.origin.is_empty()
        });
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// What it wrote.
    pub(crate) fn log(&self) -> String {
        self.program.log()
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    /// After [`kill`](Chat::kill): the same name, and a new port.
    pub(crate) fn start_again(&mut self) {
        self.program.start_again();
        self.wait_until_it_serves();
    }

    /// As `kill -STOP` does.
    pub(crate) fn stop(&self) {
        self.program.stop();
    }

    /// As `kill -CONT` does.
    pub(crate) fn resume(&self) {
        self.program.resume();
    }

    /// As a service manager does, in a deployment.
    pub(crate) fn terminate(&self) {
        self.program.terminate();
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.program.has_ended()
    }
}
