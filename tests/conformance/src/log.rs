//! What is told through `tracing` while something runs.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Dispatch, Level};
use tracing_subscriber::fmt::MakeWriter;

/// Runs something on a runtime of this thread, and returns what was told meanwhile, of this level
/// and above, with what came of it.
///
/// # Panics
/// When there is no runtime to be had.
pub fn told<T>(level: Level, run: impl Future<Output = T>) -> (String, T) {
    let lines = Lines::default();
    let dispatch = || {
        let (lines, subscriber) = (lines.clone(), tracing_subscriber::fmt());
        let subscriber = subscriber.with_max_level(level).with_ansi(false).with_writer(lines);
        Dispatch::new(subscriber.finish())
    };
    // With only one dispatcher in the process, tracing asks the thread that first meets an event
    // whether anybody is interested in it, and that may be another test's thread, which has none.
    // With two it asks them all.
    let (mine, _second) = (dispatch(), dispatch());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let result = tracing::dispatcher::with_default(&mine, || runtime.block_on(run));
    (lines.text(), result)
}

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
