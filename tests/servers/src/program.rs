//! A server of this project, as a process of its own.

use std::path::Path;
use std::process::Command;

use crate::process::{Process, new_dir};

/// A program that runs until this is dropped or the test process dies.
#[derive(Debug)]
pub struct Program(Process);

impl Program {
    /// Starts it with these arguments.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn start(program: &str, args: &[&str]) -> Self {
        assert!(Path::new(program).is_file(), "{program} is not there: cargo has not built it");
        let args = args.iter().map(Into::into).collect();
        Self(Process::start_in(new_dir(), program, args))
    }

    /// All that it wrote, also before it was started again.
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// As a crash would: at once.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// The same with the same arguments.
    pub fn start_again(&mut self) {
        self.0.start_again();
    }

    /// The process hears nothing until [`resume`](Program::resume), but its port stays open.
    pub fn stop(&self) {
        self.0.signal("STOP");
    }

    /// The end of [`stop`](Program::stop).
    pub fn resume(&self) {
        self.0.signal("CONT");
    }

    /// Asks it to end, as a service manager does.
    pub fn terminate(&self) {
        self.0.signal("TERM");
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    /// When ps is not installed.
    pub fn has_ended(&self) -> bool {
        let pid = self.0.pid().to_string();
        let output = Command::new("ps").args(["-o", "stat=", "-p", &pid]).output();
        let state = output.expect("ps runs").stdout;
        // A zombie, until its guard looks after it.
        state.trim_ascii_start().first().is_none_or(|first| *first == b'Z')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually;

    #[test]
    fn a_program_ends_when_it_is_asked_to() {
        let program = Program::start("/bin/sh", &["-c", "echo ready; exec sleep 1000"]);
        eventually("it has begun", || program.log().contains("ready"));
        assert!(!program.has_ended());
        program.terminate();
        eventually("it has ended", || program.has_ended());
    }
}
