//! A server's process, and a guard that outlives whoever started it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Starts a program and waits for the end of its own input, which comes when the owner closes it or
/// dies. Then it kills the program with its children and removes its directory. On a line of input
/// it only kills.
///
/// A `PostgreSQL` that was killed leaves a small segment of shared memory, whose id its pid file
/// has. While one of its children is not gone yet, the segment is in use and no other server starts
/// in the directory.
const GUARD: &str = r#"
trap '' HUP INT TERM
dir=$1; shift
(trap - HUP INT TERM; exec "$@" </dev/null >>"$dir/log" 2>&1) &
program=$!
echo $program
order=$(head -n 1)
kill -STOP $program
children=$(pgrep -P $program | paste -s -d , -)
kill -9 $program $(echo "$children" | tr , ' ')
wait $program
while [ -n "$children" ] && ps -o stat= -p "$children" | grep -qv '^ *Z'; do sleep 0.01; done
segment=$(sed -n '7s/.* //p' "$dir/data/postmaster.pid" 2>/dev/null)
[ -z "$segment" ] || ipcrm -m "$segment"
[ -n "$order" ] || rm -rf "$dir"
"#;

/// A program that runs until this is dropped or the process dies, in a directory that goes with it.
#[derive(Debug)]
pub(crate) struct Process {
    program: OsString,
    args: Vec<OsString>,
    dir: PathBuf,
    guard: Option<Child>,
    pid: u32,
}

impl Process {
    /// Starts a program in a new directory; `args` gets its path.
    ///
    /// # Panics
    /// When the program is not installed; the message says how to get it.
    pub(crate) fn start(
        program: &str,
        how_to_get_it: &str,
        args: impl FnOnce(&Path) -> Vec<OsString>,
    ) -> Self {
        let path =
            find(program).unwrap_or_else(|| panic!("{program} is not installed: {how_to_get_it}"));
        let dir = new_dir();
        let args = args(&dir);
        Self::start_in(dir, path, args)
    }

    /// Starts a program in a directory that is there already.
    pub(crate) fn start_in(
        dir: PathBuf,
        program: impl Into<OsString>,
        args: Vec<OsString>,
    ) -> Self {
        let mut process = Self { program: program.into(), args, dir, guard: None, pid: 0 };
        process.run();
        process
    }

    fn run(&mut self) {
        let mut guard = Command::new("sh")
            .args([
                OsStr::new("-c"),
                OsStr::new(GUARD),
                OsStr::new("guard"),
                self.dir.as_os_str(),
                &self.program,
            ])
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        let mut line = String::new();
        BufReader::new(guard.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the guard tells");
        self.pid = line.trim().parse().expect("the guard tells the program's process id");
        self.guard = Some(guard);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the program wrote, for messages.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// To the program and its children.
    pub(crate) fn signal(&self, signal: &str) {
        let children =
            Command::new("pgrep").args(["-P", &self.pid.to_string()]).output().expect("pgrep runs");
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        let mut command = Command::new("kill");
        command.arg(format!("-{signal}")).arg(self.pid.to_string()).args(children.lines());
        // A child may have ended meanwhile.
        let output = command.output().expect("kill runs");
        assert!(output.status.success() || !children.is_empty(), "kill -{signal} failed");
    }

    /// As a crash would: at once. The directory stays.
    pub(crate) fn kill(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            // Unless the guard is gone already.
            let _ = guard.stdin.take().expect("a pipe").write_all(b"kill\n");
            guard.wait().expect("the guard ends");
        }
    }

    /// The same program with the same arguments.
    pub(crate) fn start_again(&mut self) {
        self.kill();
        self.run();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Where a program is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file())
}

pub(crate) fn new_dir() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name =
        format!("typed-sessions-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let dir = std::env::temp_dir().join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory for a server");
    dir
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually;

    fn is_running(pid: u32) -> bool {
        let status =
            Command::new("kill").args(["-0", &pid.to_string()]).stderr(Stdio::null()).status();
        status.expect("kill runs").success()
    }

    fn sleeper() -> Process {
        Process::start("sleep", "it is part of every system", |_| vec!["1000".into()])
    }

    #[test]
    fn nothing_is_left_of_a_process() {
        let mut process = sleeper();
        let (pid, dir) = (process.pid, process.dir().to_owned());
        assert!(is_running(pid) && dir.is_dir());
        process.kill();
        assert!(!is_running(pid) && dir.is_dir(), "a crash leaves the directory");
        process.start_again();
        let pid = process.pid;
        process.signal("STOP");
        drop(process);
        assert!(!is_running(pid) && !dir.exists());
    }

    #[test]
    fn nothing_is_left_when_the_owner_dies() {
        // What the end of the owner does: the pipe closes, and nobody waits for the guard.
        let mut process = sleeper();
        let (pid, dir) = (process.pid, process.dir().to_owned());
        drop(process.guard.as_mut().expect("runs").stdin.take());
        eventually("the guard kills the program and removes its directory", || {
            !is_running(pid) && !dir.exists()
        });
        let _ = process.guard.take().expect("ran").wait();
    }

    #[test]
    #[should_panic(expected = "no-such-server is not installed: apt-get install it")]
    fn missing_program_is_told() {
        Process::start("no-such-server", "apt-get install it", |_| Vec::new());
    }
}
