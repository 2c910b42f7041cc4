//! What is told through `tracing` while something runs on this thread.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<String>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(text, "{}", String::from_utf8_lossy(bytes));
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

/// Runs something on a runtime of this thread, and returns what was told of level `warn` and above.
///
/// # Panics
/// When there is no runtime to be had.
pub fn warnings(run: impl Future<Output = ()>) -> String {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::WARN)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tracing::subscriber::with_default(subscriber, || runtime.expect("a runtime").block_on(run));
    let text = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    text.clone()
}
